"""Trades: those under way, and those that are over with their profit in time."""

from __future__ import annotations

from ops.dashboard.desk import Desk
from ops.dashboard.pages.overview import BEGINNING, open_trades
from ops.dashboard.pages.page import Context, Page, Params, whole_number
from store.desk_standing import Standing
from store.desk_trades import DeskTrades

ON_A_PAGE = 50


async def read_open(desk: Desk, _: Params) -> Context:
    """Return every trade under way."""
    return {"trades": await open_trades(desk)}


async def read_closed(desk: Desk, params: Params) -> Context:
    """Return one page of settled trades and the sums over all."""
    page = whole_number(params.get("page"), 1, 10_000) or 1
    found = await DeskTrades(desk.pool).closed(desk.mode, ON_A_PAGE + 1, (page - 1) * ON_A_PAGE)
    midnight = desk.clock().replace(hour=0, minute=0, second=0, microsecond=0)
    return {
        "trades": found[:ON_A_PAGE],
        "page_number": page,
        "more": len(found) > ON_A_PAGE,
        "result": await Standing(desk.pool).result(desk.mode, BEGINNING, midnight),
    }


OPEN_PAGE = Page("trades", "/trades", "Open trades", ("open_trades",), read_open)
CLOSED_PAGE = Page("closed", "/closed", "Results", ("result", "closed_trades"), read_closed)
