"""Decision: the answer of filters and strategy, with everything needed to explain it later."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum

from domain.money import Price, Usd, plain
from domain.record import Record, Utc


class Verdict(StrEnum):
    """ENTER buys now; WATCH re-scores hourly; HOLD is "not now"; IGNORE is "never"."""

    ENTER = "enter"
    WATCH = "watch"
    HOLD = "hold"
    IGNORE = "ignore"


class DecisionStage(StrEnum):
    """Where in the path a decision was taken."""

    INGEST = "ingest"
    SCREENING = "screening"
    WATCHING = "watching"
    APPROVAL = "approval"
    ENTRY = "entry"
    EXIT = "exit"


class Decision(Record):
    """One verdict with its reason; `values` are the figures it rests on, as exact text."""

    verdict: Verdict
    reason: str  # plain words, for people
    filter: str  # name of the rule that decided, e.g. "trade_size"; "strategy" when it entered
    values: dict[str, str] = {}
    strategy: str = ""
    strategy_version: str = ""
    limit: Price | None = None  # with ENTER: worst price to pay
    stake: Usd | None = None  # with ENTER: dollars to spend, fees not included
    score: str | None = None
    for_good: bool = False  # with IGNORE: no later touch of this market can change the answer
    decided_at: Utc | None = None  # filled by the caller: domain reads no clock


def enter(reason: str, limit: Price, stake: Usd, **values: object) -> Decision:
    """Return ENTER at `limit` or better for `stake` dollars; the filter is "strategy"."""
    text = as_text(values)
    return Decision(
        verdict=Verdict.ENTER,
        reason=reason,
        filter="strategy",
        values=text,
        limit=limit,
        stake=stake,
    )


def watch(reason: str, **values: object) -> Decision:
    """Return WATCH: not now, but score this market again every hour."""
    text = as_text(values)
    return Decision(verdict=Verdict.WATCH, reason=reason, filter="strategy", values=text)


def hold(filter: str, reason: str, **values: object) -> Decision:
    """Return HOLD: not now; a later touch may be answered otherwise."""
    return Decision(verdict=Verdict.HOLD, reason=reason, filter=filter, values=as_text(values))


def ignore(filter: str, reason: str, *, for_good: bool = False, **values: object) -> Decision:
    """Return IGNORE: this touch is nothing for us, nor any later one if `for_good`."""
    return Decision(
        verdict=Verdict.IGNORE,
        reason=reason,
        filter=filter,
        values=as_text(values),
        for_good=for_good,
    )


def as_text(values: Mapping[str, object]) -> dict[str, str]:
    """Return the figures as exact text; unknown ones are left out."""
    return {
        name: plain(value) if isinstance(value, Decimal) else str(value)
        for name, value in values.items()
        if value is not None
    }
