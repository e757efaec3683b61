"""touchline export, alerts, watchlist: rows for spreadsheets and for people."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import Enum, StrEnum
from pathlib import Path
from typing import Annotated, Any, TextIO

import asyncpg
import typer

from ops.cli.control import who
from ops.cli.exits import CliError, Exit
from ops.cli.options import Json, Profile, Set, load
from ops.cli.reach import run_with_store
from ops.cli.show import as_json, out, print_json, printable, table
from ops.tax import disposals, year_end
from store.alerts import Alert, Alerts
from store.desk_standing import Standing
from store.exports import Exports

ALWAYS = datetime(2000, 1, 1, tzinfo=UTC)
FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what a spreadsheet would run


class What(StrEnum):
    """The tables that can be exported."""

    TRADES = "trades"
    ORDERS = "orders"
    FILLS = "fills"
    EXITS = "exits"
    DECISIONS = "decisions"
    TAX = "tax"


class Form(StrEnum):
    """How rows are written."""

    CSV = "csv"
    JSON = "json"


def export(
    what: Annotated[What, typer.Argument(help="Which rows.")] = What.TRADES,
    to: Annotated[Path | None, typer.Option("--to", help="A file; else the screen.")] = None,
    days: Annotated[int | None, typer.Option("--days", min=1, help="Only so many days.")] = None,
    year: Annotated[
        int | None,
        typer.Option("--year", min=2020, max=2100, help="Of tax: the calendar year (UTC)."),
    ] = None,
    form: Annotated[Form, typer.Option("--format", help="How to write the rows.")] = Form.CSV,
    json: Json = False,
    profile: Profile = None,
    set_: Set = None,
) -> None:
    """Write rows as CSV or JSON: exact amounts, times in UTC, oldest first.

    `tax` lists what was disposed of in a year, lot by lot, first in first out.
    """
    if (what is What.TAX) != (year is not None) or (year is not None and days is not None):
        raise CliError(Exit.CONFIGURATION, "--year belongs to tax, and tax needs it: --year 2026")
    settings = load(profile, set_)
    since = ALWAYS if days is None else datetime.now(UTC) - timedelta(days=days)

    async def read(pool: asyncpg.Pool[Any]) -> list[dict[str, object]]:
        book = Exports(pool)
        if year is not None:
            return disposals(await book.moves(settings.mode, year_end(year)), year)
        return await book.rows(what.value, settings.mode, since)

    rows = run_with_store(settings, read, within=300)
    form = Form.JSON if json else form
    if to is None:
        _write(sys.stdout, rows, form)
        return
    try:
        with open(to, "x", newline="") as file:  # never over an existing file
            _write(file, rows, form)
    except OSError as e:
        raise CliError(Exit.ERROR, f"--to {to}: {e.strerror}") from e
    out.print(f"{len(rows)} rows written to {to}", markup=False)


def _write(file: TextIO, rows: list[dict[str, object]], form: Form) -> None:
    if form is Form.JSON:
        print(as_json(rows), file=file)
    else:
        write_csv(file, rows)


def write_csv(file: TextIO, rows: Iterable[Mapping[str, object]]) -> None:
    """Write rows with a header; a text that a spreadsheet would run gets an apostrophe."""
    writer = csv.writer(file)
    for number, row in enumerate(rows):
        if number == 0:
            writer.writerow(row)
        writer.writerow([_cell(value) for value in row.values()])


def _cell(value: object) -> str:
    match value:
        case None:
            return ""
        case Decimal():
            return format(value, "f")
        case datetime():
            return value.isoformat()
        case Enum():
            return str(value.value)
    text = str(value)
    return f"'{text}" if text.startswith(FORMULA) else text


def alerts(
    acknowledge: Annotated[
        int | None, typer.Option("--ack", help="Mark this alert as seen.", metavar="NUMBER")
    ] = None,
    days: Annotated[int, typer.Option("--days", min=1, help="So many days back.")] = 7,
    json: Json = False,
    profile: Profile = None,
    set_: Set = None,
) -> None:
    """List alerts, the latest first, or acknowledge one."""
    settings = load(profile, set_)

    async def work(pool: asyncpg.Pool[Any]) -> list[Alert]:
        book = Alerts(pool)
        if acknowledge is not None and not await book.acknowledge(acknowledge, who()):
            raise CliError(Exit.NOT_FOUND, f"no alert {acknowledge} that waits to be seen")
        return await book.recent(datetime.now(UTC) - timedelta(days=days))

    found = run_with_store(settings, work)
    if json:
        print_json(found)
        return
    columns = ("number", "raised (UTC)", "priority", "state", "title", "text", "seen by")
    rows = [
        (a.alert_id, a.raised_at, a.priority, a.state, printable(a.title), printable(a.text, 200))
        + (a.seen_by,)
        for a in found
    ]
    out.print(table("", columns, rows) if rows else f"No alerts in {days} days.")


def watchlist(json: Json = False, profile: Profile = None, set_: Set = None) -> None:
    """List the trades that wait for a better score, with their last decision."""
    settings = load(profile, set_)
    found = run_with_store(settings, lambda pool: Standing(pool).watched(settings.mode))
    if json:
        print_json(found)
        return
    columns = ("market", "outcome", "since (UTC)", "looked (UTC)", "score", "price", "reason")
    rows = [
        (printable(w.question, 40), printable(w.outcome, 12), w.seen_at, w.looked_at, w.score)
        + (w.ask, w.reason)
        for w in found
    ]
    out.print(table("", columns, rows) if rows else "Nothing is watched.")
