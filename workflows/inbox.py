"""Inbox: what signals, updates and a cancellation leave for the story to find.

Handlers only write here, they never act: so a duplicate, late or reordered message changes
nothing but the moment of the next look.
"""

from __future__ import annotations

from dataclasses import dataclass

from domain.money import Price
from workflows.messages import Approve, ExitNow, Reject

QUIET = frozenset({"placement", "mined", "retrying"})  # nothing to act upon


@dataclass
class Inbox:
    """Messages not yet acted upon. `stop` stays set: a cancelled trade is never un-cancelled."""

    news: bool = False  # the venue said something about our orders
    price: Price | None = None  # a watched level was reached, last price seen
    approval: Approve | Reject | None = None
    exit_now: ExitNow | None = None
    levels: bool = False
    stop: str | None = None  # why a person cancels or abandons

    def hear(self, kind: str) -> None:
        """Note a venue event that may change the truth about an order."""
        if kind.lower() not in QUIET:
            self.news = True

    def take_news(self) -> bool:
        """Return and clear whether there was venue or price news."""
        had = self.news or self.price is not None
        self.news, self.price = False, None
        return had

    def take_levels(self) -> bool:
        """Return and clear whether a person set other levels, just before they are stored."""
        had, self.levels = self.levels, False
        return had

    @property
    def waiting(self) -> bool:
        """Return whether anything here should end a wait while holding."""
        return (
            self.news
            or self.price is not None
            or self.levels
            or self.exit_now is not None
            or self.stop is not None
        )
