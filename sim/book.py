"""The unified book of one market, in prices of the first outcome (facts 3.3)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from sim.state import Order
from sim.units import ONE

Side = str  # "B" bids, "A" asks, both of the first outcome


@dataclass(slots=True)
class Depth:
    """What the source shows on one side, and how much of each level our orders have taken."""

    shown: dict[int, int] = field(default_factory=dict)
    taken: dict[int, int] = field(default_factory=dict)

    def set(self, price: int, size: int) -> None:
        """Show a new size.

        Shares taken from a level stay taken: more depth adds only what is new, less depth can
        not bring back what is gone, and only a level that vanished starts afresh.
        """
        if size <= 0:
            self.shown.pop(price, None)
            self.taken.pop(price, None)
            return
        self.shown[price] = size
        if price in self.taken:
            self.taken[price] = min(self.taken[price], size)

    def replace(self, levels: dict[int, int]) -> None:
        """Show a whole new side."""
        for price in [p for p in self.shown if p not in levels]:
            self.set(price, 0)
        for price, size in levels.items():
            self.set(price, size)

    def available(self, price: int) -> int:
        """Return what can still be taken at a price."""
        return self.shown.get(price, 0) - self.taken.get(price, 0)

    def take(self, price: int, size: int) -> None:
        """Take shares from a level."""
        self.taken[price] = self.taken.get(price, 0) + size


class MarketBook:
    """Shown depth plus our resting orders."""

    def __init__(self) -> None:
        self.depth: dict[Side, Depth] = {"B": Depth(), "A": Depth()}
        self._queues: dict[Side, dict[int, dict[str, Order]]] = {"B": {}, "A": {}}
        self._open: dict[Side, dict[int, int]] = {"B": {}, "A": {}}  # our shares by price
        self._known: dict[str, int] = {}  # of which each order has so many
        self._sorted: dict[Side, list[tuple[int, int]] | None] = {"B": None, "A": None}

    def rest(self, order: Order) -> None:
        """Add an order behind all that came before it at its price."""
        side, price = level_of(order)
        self._queues[side].setdefault(price, {})[order.id] = order
        self.filled(order)

    def remove(self, order: Order) -> None:
        """Take an order off the book; silent when it is not on it."""
        side, price = level_of(order)
        queue = self._queues[side].get(price, {})
        if queue.pop(order.id, None) is None:
            return
        if not queue:
            del self._queues[side][price]
        self._count(order, 0)

    def filled(self, order: Order) -> None:
        """Note the new open size of an order; silent when it is not on the book."""
        side, price = level_of(order)
        if order.id in self._queues[side].get(price, {}):
            self._count(order, order.open_shares)

    def resting(self, side: Side) -> Iterator[Order]:
        """Yield our orders, best price first, older first."""
        for price in sorted(self._queues[side], reverse=side == "B"):
            yield from self.resting_at(side, price)

    def resting_at(self, side: Side, price: int) -> list[Order]:
        """Return our orders at one price, older first."""
        return list(self._queues[side].get(price, {}).values())

    def _count(self, order: Order, shares: int) -> None:
        side, price = level_of(order)
        sizes = self._open[side]
        sizes[price] = sizes.get(price, 0) + shares - self._known.get(order.id, 0)
        if not sizes[price]:
            del sizes[price]
        self._known[order.id] = shares
        if not shares:
            del self._known[order.id]
        self._sorted[side] = None

    def set(self, side: Side, price: int, size: int) -> None:
        """Show a new size of one level."""
        self.depth[side].set(price, size)
        self._sorted[side] = None

    def replace(self, bids: dict[int, int], asks: dict[int, int]) -> None:
        """Show a whole new book."""
        self.depth["B"].replace(bids)
        self.depth["A"].replace(asks)
        self._sorted = {"B": None, "A": None}

    def take(self, side: Side, price: int, size: int) -> None:
        """Take shown depth."""
        self.depth[side].take(price, size)
        self._sorted[side] = None

    def levels(self, side: Side) -> list[tuple[int, int]]:
        """Return (price, size) best first: shown and not taken, plus our orders."""
        found = self._sorted[side]
        if found is None:
            depth, sizes = self.depth[side], dict(self._open[side])
            for price in depth.shown:
                if (left := depth.available(price)) > 0:
                    sizes[price] = sizes.get(price, 0) + left
            found = sorted(sizes.items(), reverse=side == "B")
            self._sorted[side] = found
        return found

    def size_at(self, side: Side, price: int) -> int:
        """Return the whole size at one price."""
        return max(self.depth[side].available(price), 0) + self._open[side].get(price, 0)

    def best(self, side: Side) -> int | None:
        """Return the best price of a side."""
        levels = self.levels(side)
        return levels[0][0] if levels else None

    def of_outcome(self, outcome: int) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
        """Return (bids, asks) of an outcome, best first; the second one's is the mirror."""
        bids, asks = self.levels("B"), self.levels("A")
        if outcome == 0:
            return bids, asks
        return [(ONE - p, s) for p, s in asks], [(ONE - p, s) for p, s in bids]


def unified(outcome: int, price: int) -> int:
    """Return a price of an outcome as a price of the first outcome (its own inverse)."""
    return price if outcome == 0 else ONE - price


def book_side(order: Order) -> Side:
    """Return the side of the unified book an order rests on."""
    return "B" if (order.side == "BUY") == (order.outcome == 0) else "A"


def opposite(side: Side) -> Side:
    """Return the other side."""
    return "A" if side == "B" else "B"


def level_of(order: Order) -> tuple[Side, int]:
    """Return the (side, unified price) an order rests at."""
    return book_side(order), unified(order.outcome, order.price)
