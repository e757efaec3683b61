"""Overview: is it healthy, how much money is where, what is it doing, what should I do."""

from __future__ import annotations

from datetime import datetime, timedelta

from ops.dashboard.desk import Desk
from ops.dashboard.pages.page import Context, Page, Params
from store.account import Account
from store.alerts import Alerts
from store.approvals import Approvals
from store.desk_standing import Standing
from store.desk_trades import DeskTrades, OpenTrade

RECENT = timedelta(days=1)
NEWS = ("entered:", "settled:")  # told on a phone; here the trades themselves are shown
BEGINNING = datetime.fromisoformat("2000-01-01T00:00:00+00:00")  # older than any row


async def read(desk: Desk, _: Params) -> Context:
    """Return the figures of the front page."""
    now = desk.clock()
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    standing = Standing(desk.pool)
    account = await Account(desk.pool).get(desk.mode)
    trades = await open_trades(desk)
    alerts = await Alerts(desk.pool).recent(now - RECENT, 200)
    return {
        "account": account,
        "free": account.tradeable(desk.settings.risk.reserve_floor),
        "result": await standing.result(desk.mode, BEGINNING, midnight),
        "trades": trades,
        "unrealised": sum((t.unrealised for t in trades if t.unrealised is not None), 0),
        "report": await desk.health.report(),
        "alerts": [a for a in alerts if a.seen_by is None and not a.key.startswith(NEWS)][:8],
        "approvals": await Approvals(desk.pool).pending(desk.mode),
        "latest": await DeskTrades(desk.pool).closed(desk.mode, 8),
        "max_positions": desk.settings.risk.max_positions,
    }


async def open_trades(desk: Desk) -> list[OpenTrade]:
    """Return the trades under way with the stage their workflow says, where it can be asked."""
    trades = await DeskTrades(desk.pool).under_way(desk.mode)
    stages = await desk.stages()
    return [
        trade.model_copy(update={"state": _stage(trade, stages.get(trade.workflow_id))})
        for trade in trades
    ]


def _stage(trade: OpenTrade, said: str | None) -> str:
    """Return the stage to show: the books prevail where they know of trouble."""
    if trade.state in ("unknown", "abandoned"):
        return trade.state
    if said:
        return said
    return "watching" if trade.last_verdict == "watch" else trade.state


PAGE = Page(
    "overview",
    "/",
    "Overview",
    ("attention", "health", "money", "open_trades", "alerts_short", "latest"),
    read,
)
