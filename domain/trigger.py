"""Trigger: the first touch of a threshold, and the workflow id that follows from it."""

from __future__ import annotations

from enum import StrEnum

from domain.market import Mode
from domain.money import Price, Shares
from domain.record import Id, Record, Utc


class TouchSource(StrEnum):
    """Which observation may touch: a print, the best bid, or a print read back after a gap."""

    TRADE = "trade"
    QUOTE = "quote"
    BACKFILL = "backfill"


class Trigger(Record):
    """One touch. Venue time and our receive time are separate fields, both UTC."""

    mode: Mode
    condition_id: Id
    token_id: Id
    outcome: Id
    outcome_index: int
    threshold: Price
    price: Price
    size: Shares | None = None  # of the print; None is unknown (STR-M1)
    source: TouchSource
    venue_time: Utc
    seen_at: Utc
    epoch: int = 0  # stretch of the stream without a gap
    question: str = ""
    slug: str = ""
    event_id: str | None = None

    @property
    def workflow_id(self) -> str:
        """Return `condition_id:threshold`, the id that prevents a second trade."""
        return trade_id(self.condition_id, self.threshold)


def trade_id(condition_id: str, threshold: Price) -> str:
    """Return the workflow id of the trade on this market and threshold, e.g. `0xabc…:0.95`."""
    text = format(threshold.normalize(), "f")
    return f"{condition_id}:{text}"
