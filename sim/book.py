"""The unified book of one market, in prices of the first outcome (facts 3.3)."""

from __future__ import annotations

from bisect import insort
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
        self._resting: dict[Side, list[tuple[int, int, Order]]] = {"B": [], "A": []}
        self._sorted: dict[Side, list[tuple[int, int]] | None] = {"B": None, "A": None}

    def rest(self, order: Order) -> None:
        """Add an order behind all that came before it at its price."""
        side, price = book_side(order), unified(order.outcome, order.price)
        place = (_rank(side, price), order.sequence, order)
        insort(self._resting[side], place, key=lambda item: item[:2])
        self._sorted[side] = None

    def remove(self, order: Order) -> None:
        """Take an order off the book; silent when it is not on it."""
        side = book_side(order)
        self._resting[side] = [item for item in self._resting[side] if item[2] is not order]
        self._sorted[side] = None

    def resting(self, side: Side) -> Iterator[Order]:
        """Yield our orders, best price first, older first."""
        return (order for _, _, order in list(self._resting[side]))

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

    def filled(self, side: Side) -> None:
        """Note that a resting order of this side changed its open size."""
        self._sorted[side] = None

    def levels(self, side: Side) -> list[tuple[int, int]]:
        """Return (price, size) best first: shown and not taken, plus our orders."""
        found = self._sorted[side]
        if found is None:
            sizes: dict[int, int] = {}
            depth = self.depth[side]
            for price in depth.shown:
                if (left := depth.available(price)) > 0:
                    sizes[price] = left
            for _, _, order in self._resting[side]:
                price = unified(order.outcome, order.price)
                if order.open_shares:
                    sizes[price] = sizes.get(price, 0) + order.open_shares
            found = sorted(sizes.items(), reverse=side == "B")
            self._sorted[side] = found
        return found

    def size_at(self, side: Side, price: int) -> int:
        """Return the whole size at one price."""
        resting = sum(
            order.open_shares
            for _, _, order in self._resting[side]
            if unified(order.outcome, order.price) == price
        )
        return max(self.depth[side].available(price), 0) + resting

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


def _rank(side: Side, price: int) -> int:
    return -price if side == "B" else price
