"""touchline trades: what was traded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import asyncpg
import typer

from ops.cli.exits import CliError, Exit
from ops.cli.options import Json, Profile, Set, load
from ops.cli.reach import run_with_store
from ops.cli.show import out, print_json, printable, table
from settings.model import Settings
from store.views import TradeLine, Views

COLUMNS = ("when (UTC)", "market", "outcome", "state", "shares", "price", "spent $", "profit $")

_DETAILS = {
    "orders": ("order_id", "leg", "side", "tif", "limit", "shares", "filled", "status", "posts"),
    "fills": ("trade_id", "order_id", "side", "price", "shares", "fee", "status", "matched_at"),
    "exits": ("kind", "final", "shares", "cost", "proceeds", "fees", "profit", "reason", "at"),
}


def trade_rows(trades: Sequence[TradeLine]) -> list[tuple[object, ...]]:
    """Return the cells of a list of trades."""
    return [
        (
            f"{trade.seen_at:%m-%d %H:%M:%S}",
            printable(trade.question or trade.condition_id, 44),
            printable(trade.outcome, 12),
            trade.state,
            trade.bought or None,
            trade.entry_price,
            trade.spent or None,
            trade.profit,
        )
        for trade in trades
    ]


def trades(
    trade: Annotated[
        str | None, typer.Argument(help="Workflow id or its beginning, condition id, or slug.")
    ] = None,
    json: Json = False,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="At most so many.")] = 50,
    profile: Profile = None,
    set_: Set = None,
) -> None:
    """List trades, the latest first; with TRADE show its orders, fills and exits."""
    settings = load(profile, set_)
    if trade is None:
        _list(settings, limit, json)
    else:
        _one(settings, trade, json)


def _list(settings: Settings, limit: int, json: bool) -> None:
    found = run_with_store(settings, lambda pool: Views(pool).trades(settings.mode, limit=limit))
    if json:
        print_json(found)
    elif found:
        out.print(table("", COLUMNS, trade_rows(found)))
    else:
        out.print("No trades yet.")


def _one(settings: Settings, trade: str, json: bool) -> None:
    async def work(pool: asyncpg.Pool[Any]) -> tuple[list[TradeLine], dict[str, Any]]:
        views = Views(pool)
        found = await views.find(settings.mode, trade)
        one = len(found) == 1
        return found, await views.details(settings.mode, found[0].workflow_id) if one else {}

    found, details = run_with_store(settings, work)
    if not found:
        raise CliError(Exit.NOT_FOUND, f"no trade whose id, market or slug is {trade}")
    if len(found) > 1:
        ids = "\n  ".join(line.workflow_id for line in found)
        raise CliError(Exit.NOT_FOUND, f"{trade} fits several trades, name one of:\n  {ids}")
    if json:
        print_json({**found[0].model_dump(), **details})
        return
    _print_one(found[0], details)


def _print_one(trade: TradeLine, details: dict[str, Any]) -> None:
    facts = trade.model_dump(exclude={"question", "mode"})
    title = printable(trade.question or trade.condition_id, 100)
    out.print(table(title, ("", ""), [(k.replace("_", " "), v) for k, v in facts.items()]))
    for name, columns in _DETAILS.items():
        if rows := details[name]:
            cells = [tuple(_cell(column, row[column]) for column in columns) for row in rows]
            out.print(table(name, columns, cells))


def _cell(column: str, value: object) -> object:
    """Return an id cut to what tells it from others; `--json` has it whole."""
    return printable(str(value), 16) if column.endswith("_id") else value
