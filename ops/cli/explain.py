"""touchline why, funnel, filters: why a market was (not) bought, and by which rules."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import asyncpg
import typer

from domain.filters import CHAIN
from domain.rules import TradeRules
from ops.cli.exits import CliError, Exit
from ops.cli.options import Json, Profile, Set, load
from ops.cli.reach import run_with_store
from ops.cli.show import out, print_json, printable, table
from ops.story import Line, of_decision, of_lost, of_trade, tell
from settings.model import Settings
from store.decisions import DecisionRow, Decisions
from store.desk_standing import MarketLine, Standing
from store.touches import Touches
from store.views import Views

AFTER_THE_CHAIN = (
    ("halted", "design 7", "entries are not stopped by halt or reduce"),
    ("position_open", "spec 12", "no open position on the token"),
    ("strategy", "spec 6.2", "threshold, outcome, trade_size, score: docs/strategies.md"),
    ("book", "XD-12", "the book could be read and is not crossed"),
    ("book_age", "COR-M2", "not older than entry.max_book_age"),
    ("entry_liquidity", "G14", "both sides offer; spread at most entry.max_spread of the ask"),
    ("divergence", "G5", "best ask within filters.max_divergence of the limit"),
    ("confirmation", "G5", "best bid within filters.max_bid_gap of the touch"),
    ("above_cap", "Q1", "best ask at or below the limit"),
    ("min_size", "spec Q4", "the stake buys the market's minimum of shares"),
    ("min_notional", "facts 3.2", "the stake is at least the venue's minimum"),
)


def why(
    market: Annotated[
        list[str], typer.Argument(help="Condition id, trade id, or words of the question.")
    ],
    at: Annotated[
        str | None,
        typer.Option(
            help="Only what happened around then: ISO time or HH:MM, UTC.", metavar="TIME"
        ),
    ] = None,
    json: Json = False,
    profile: Profile = None,
    set_: Set = None,
) -> None:
    """Tell why a market was (not) bought: its whole story, every decision with its reason."""
    settings = load(profile, set_)
    moment = None if at is None else parse_time(at, datetime.now(UTC))
    text = " ".join(market)
    title, rows, lines = run_with_store(settings, lambda pool: _gather(pool, settings, text))
    if json:
        print_json(rows)
        return
    out.print(printable(title, 120), markup=False, style="bold")
    for line in tell(lines, moment):
        when = line.at.strftime("%Y-%m-%d %H:%M:%S")
        out.print(f"{when}  {printable(line.text, 400)}", markup=False, soft_wrap=True)


def funnel(
    hours: Annotated[float, typer.Option(help="How far back to look.", min=0.01)] = 24,
    json: Json = False,
    profile: Profile = None,
    set_: Set = None,
) -> None:
    """Count the decisions of a period by rule: where touches end, and how many pass."""
    settings, until = load(profile, set_), datetime.now(UTC)
    since = until - timedelta(hours=hours)
    rows = run_with_store(settings, lambda pool: Decisions(pool).funnel(since, until))
    if json:
        print_json(rows)
        return
    cells = [(row.stage, row.verdict, row.filter, row.decisions) for row in rows]
    title = f"{sum(row.decisions for row in rows)} decisions in {hours:g} hours"
    out.print(table(title, ("stage", "answer", "rule", "times"), cells))


def filters(json: Json = False, profile: Profile = None, set_: Set = None) -> None:
    """List the rules that a touch must pass, in order, with the values in force."""
    rows = rules_in_force(load(profile, set_).rules)
    if json:
        print_json(rows)
        return
    cells = [tuple(row.values()) for row in rows]
    out.print(table("A touch is bought when all of these pass", tuple(rows[0]), cells))


def rules_in_force(rules: TradeRules) -> list[dict[str, str]]:
    """Return the chain as rows: number, rule, origin, what must hold, values of settings."""
    chain = [(link.name, link.origin, link.text) for link in CHAIN]
    return [
        {
            "no": str(number),
            "rule": name,
            "origin": origin,
            "what must hold": text,
            "in force": _values(rules, text),
        }
        for number, (name, origin, text) in enumerate([*chain, *AFTER_THE_CHAIN], start=1)
    ]


def parse_time(text: str, now: datetime) -> datetime:
    """Return the UTC time of an ISO text, or the last time it was HH:MM.

    Raises:
        CliError: it is neither.
    """
    try:
        if len(text) <= len("HH:MM:SS"):
            clock = datetime.strptime(text, "%H:%M:%S" if text.count(":") == 2 else "%H:%M")  # noqa: DTZ007  # a time of day; the zone comes with the date
            at = now.replace(hour=clock.hour, minute=clock.minute, second=clock.second)
            return at if at <= now else at - timedelta(days=1)
        at = datetime.fromisoformat(text)
    except ValueError as e:
        wanted = "an ISO time such as 2026-03-01T14:02, or HH:MM"
        raise CliError(Exit.CONFIGURATION, f"--at: expected {wanted}, was {text}") from e
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


async def _gather(
    pool: asyncpg.Pool[Any], settings: Settings, text: str
) -> tuple[str, list[DecisionRow], list[Line]]:
    """Return title, decisions and story of the one market that is meant."""
    condition, title = await _market(pool, text)
    views = Views(pool)
    rows = await Decisions(pool).of_condition(condition)
    trades = await views.find(settings.mode, condition)
    lost = [
        touch
        for touch in await Touches(pool).since(datetime.min.replace(tzinfo=UTC), limit=10_000)
        if touch.condition_id == condition
    ]
    if not rows and not trades and not lost:
        raise CliError(Exit.NOT_FOUND, f"no decision about {title}: it was never touched here")
    lines = [of_decision(row) for row in rows] + [of_lost(touch) for touch in lost]
    for trade in trades:
        lines += of_trade(trade, await views.details(settings.mode, trade.workflow_id))
        title = trade.question or title
    return f"{title} ({condition})", rows, lines


async def _market(pool: asyncpg.Pool[Any], text: str) -> tuple[str, str]:
    """Return condition id and question of what a person typed: an id, or words."""
    if text.startswith("0x"):
        condition = text.partition(":")[0]
        return condition, condition
    words = text.lower().split()
    found = [
        line
        for line in await Standing(pool).markets(words[0] if words else "", limit=1000)
        if all(word in line.question.lower() for word in words) or line.condition_id == text
    ]
    if len(found) == 1:
        return found[0].condition_id, found[0].question
    raise CliError(Exit.NOT_FOUND, _which(text, found))


def _which(text: str, found: list[MarketLine]) -> str:
    if not found:
        return f"no market whose question has the words: {text}"
    lines = [f"{line.condition_id}  {printable(line.question, 80)}" for line in found[:20]]
    return "\n  ".join([f"{len(found)} markets fit {text}, name one of:", *lines])


def _values(rules: TradeRules, text: str) -> str:
    """Return the settings that a text names, with their values."""
    said = []
    for word in text.replace(",", " ").replace(";", " ").split():
        group, _, name = word.partition(".")
        section = getattr(rules, group, None) if name else None
        if section is not None and hasattr(section, name):
            said.append(f"{word} = {_short(getattr(section, name))}")
    return ", ".join(said)


def _short(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)
