"""Decision: the answer of filters and strategy, with everything needed to explain it later."""

from __future__ import annotations

from enum import StrEnum

from domain.money import Price, Usd
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
    decided_at: Utc | None = None  # filled by the caller: domain reads no clock
