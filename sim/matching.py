"""Price-time matching: what an incoming order would trade, without doing it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sim.book import MarketBook, book_side, opposite, unified
from sim.state import Order
from sim.units import ONE, dollars


@dataclass(frozen=True, slots=True)
class Match:
    """Some shares at one price; `maker` None means depth of the source. `usd` is the taker's."""

    price: int  # in the taker's own outcome
    shares: int
    usd: int
    maker: Order | None


@dataclass(frozen=True, slots=True)
class Plan:
    """All matches of an order now, best price first; `complete` when nothing of it is left."""

    matches: tuple[Match, ...]
    complete: bool

    @property
    def shares(self) -> int:
        """Return the shares traded."""
        return sum(match.shares for match in self.matches)

    @property
    def usd(self) -> int:
        """Return the dollars exchanged, fees not included."""
        return sum(match.usd for match in self.matches)


def by_dollars(order: Order) -> bool:
    """Return whether the order's target is an amount of dollars (FAK and FOK buys, facts 3.1)."""
    return order.side == "BUY" and order.tif in ("FAK", "FOK")


def accepts(order: Order, price: int) -> bool:
    """Return whether the signed amounts allow this price, in the order's own outcome."""
    if order.side == "BUY":
        return price * order.taker_amount <= order.maker_amount * ONE
    return price * order.maker_amount >= order.taker_amount * ONE


def plan(book: MarketBook, order: Order) -> Plan:
    """Return what the order trades against the book as it stands; prices are the makers'."""
    matches: list[Match] = []
    shares_left = order.size - order.matched
    usd_left = order.maker_amount - order.paid
    level = before = 0  # a price, and the shares taken at it: they are one trade, rounded once
    for price, available, maker in _offers(book, order):
        if not accepts(order, price):
            break
        if price != level:
            level, before = price, 0
        paid = dollars(before, price)
        want = (usd_left + paid) * ONE // price - before if by_dollars(order) else shares_left
        size = min(want, available)
        if size <= 0:
            break
        usd = dollars(before + size, price) - paid  # never above usd_left: the product is not
        matches.append(Match(price, size, usd, maker))
        before += size
        shares_left -= size
        usd_left -= usd
        if size == want:
            return Plan(tuple(matches), complete=True)
    return Plan(tuple(matches), complete=False)


def _offers(book: MarketBook, order: Order) -> Iterator[tuple[int, int, Order | None]]:
    """Yield (own price, shares, maker) best first; at one price the source's depth is older."""
    side = opposite(book_side(order))
    for level, _ in book.levels(side):
        price = unified(order.outcome, level)
        shown = book.depth[side].available(level)
        if shown > 0:
            yield price, shown, None
        for maker in book.resting_at(side, level):
            if maker.open_shares > 0:
                yield price, maker.open_shares, maker
