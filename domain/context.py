"""ScreenContext: everything a screening looks at, gathered by others, as one value."""

from __future__ import annotations

from datetime import timedelta

from domain.book import Book
from domain.market import Market
from domain.money import Price, Shares
from domain.record import Record, Utc
from domain.score import Score
from domain.trade import HaltState
from domain.trigger import Trigger


class ScreenContext(Record):
    """One touch and what is known around it at `now`. Unknown is None, never a default."""

    trigger: Trigger
    market: Market | None
    now: Utc
    book: Book | None = None
    score: Score | None = None
    size: Shares | None = None  # back-filled size of the print, where the stream had none (G3)
    blocks: frozenset[str] = frozenset()  # conditions that operators blocked
    halt: HaltState = HaltState.ACTIVE
    position_open: bool = False  # we hold this token already
    first_crossing: bool = True  # False: touched before without an entry (Q3)
    first_price: Price | None = None  # of the touch itself, where `trigger` has a price of now

    @property
    def touched(self) -> Price:
        """Return the price of the touch, which bounds what is paid (Q1).

        The watchlist judges a price of now in its place (`domain/gates.py`, `price_now`).
        """
        return self.trigger.price if self.first_price is None else self.first_price

    @property
    def age(self) -> timedelta:
        """Return the age of the touch by the venue's clock; negative when it is ahead of ours."""
        return self.now - self.trigger.venue_time

    @property
    def time_to_end(self) -> timedelta | None:
        """Return the time until the market's nominal end, or None when unknown (XD-4)."""
        if self.market is None or self.market.end_time is None:
            return None
        return self.market.end_time - self.now

    @property
    def trade_size(self) -> Shares | None:
        """Return the size of the print: as streamed, else back-filled, else None (STR-M1)."""
        return self.size if self.trigger.size is None else self.trigger.size
