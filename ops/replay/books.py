"""The books of a replay: one per market, seen from either outcome, in integers."""

from __future__ import annotations

from datetime import datetime

from domain.book import Book, Level
from domain.market import Market
from domain.money import Price, Shares, from_micros
from domain.touch import Touch

ONE = 1_000_000
NO_BID = 0  # a side without offers, as the venue writes it


class MarketBook:
    """Book of the first outcome; the second one's is its mirror image (facts 3.3)."""

    __slots__ = ("market", "bids", "asks", "touches", "tick")

    def __init__(self, market: Market, threshold: int, wanted: tuple[int, ...]) -> None:
        """Watch the touches of the wanted outcomes."""
        self.market = market
        self.bids: dict[int, int] = {}
        self.asks: dict[int, int] = {}
        self.tick: Price = market.tick
        self.touches = {
            token.index: Touch(threshold) for token in market.tokens if token.index in wanted
        }

    def change(
        self, bids: tuple[tuple[int, int], ...], asks: tuple[tuple[int, int], ...], whole: bool
    ) -> None:
        """Set the sizes of these levels; `whole` forgets all others."""
        for side, levels in ((self.bids, bids), (self.asks, asks)):
            if whole:
                side.clear()
            for price, size in levels:
                if size:
                    side[price] = size
                else:
                    side.pop(price, None)

    def best_bid(self, index: int) -> int:
        """Return the best bid of an outcome in millionths; without bids 0."""
        if index == 0:
            return max(self.bids, default=NO_BID)
        return ONE - min(self.asks, default=ONE)

    def book(self, index: int, now: datetime) -> Book:
        """Return the book of an outcome as a person would read it at this moment."""
        first, *others = self.market.tokens
        book = Book(
            token_id=first.token_id,
            condition_id=self.market.condition_id,
            bids=_levels(self.bids),
            asks=_levels(self.asks),
            tick=self.tick,
            min_size=self.market.min_size,
            neg_risk=self.market.neg_risk,
            venue_time=now,
            seen_at=now,
        )
        return book if index == 0 else book.mirror(others[index - 1].token_id)


def _levels(side: dict[int, int]) -> tuple[Level, ...]:
    return tuple(
        Level(price=Price(from_micros(price)), shares=Shares(from_micros(size)))
        for price, size in side.items()
    )
