"""A second opinion on paper fills: what an upstream's books allow our orders, and no more.

It knows nothing of the sim's books. Liquidity is counted as it comes and goes: what a level shows
more is there to take, what it shows less is gone first, and what we took never comes back.
Prices of books are those of the first outcome; all figures are millionths.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from sim import tape

ONE = 1_000_000
Fills = Counter[tuple[str, int]]  # (order id, price in the order's own outcome) → shares


@dataclass(slots=True)
class Paper:
    """One of our orders. `buys` is about the first outcome: a sale of the second buys the first."""

    id: str
    outcome: int
    side: str
    price: int
    shares: int
    tif: str
    usd: int = 0  # FAK and FOK buys spend dollars, everything else trades shares

    @property
    def buys(self) -> bool:
        """Return whether the order takes offers of the first outcome."""
        return (self.side == "BUY") == (self.outcome == 0)

    @property
    def limit(self) -> int:
        """Return the worst price, as one of the first outcome."""
        return self.own(self.price)

    def own(self, price: int) -> int:
        """Return a price of the first outcome as one of the order's own, or back."""
        return price if self.outcome == 0 else ONE - price

    def takes(self, level: int) -> bool:
        """Return whether the order may trade at this price of the first outcome."""
        return level <= self.limit if self.buys else level >= self.limit


@dataclass(slots=True)
class Level:
    """What a price shows, and how much of it nobody has taken."""

    shown: int = 0
    free: int = 0

    def show(self, size: int) -> None:
        """Show another size."""
        self.free = max(self.free + size - self.shown, 0)
        self.shown = size


@dataclass(slots=True)
class Market:
    """Both sides of one upstream market, and our orders that rest in it, oldest first."""

    offers: dict[bool, dict[int, Level]] = field(default_factory=lambda: {True: {}, False: {}})
    resting: list[Paper] = field(default_factory=list)

    def show(self, side: str, price: int, size: int) -> None:
        """Show a size: asks ("A") are there for buyers, bids ("B") for sellers."""
        levels = self.offers[side == "A"]
        if size > 0:
            levels.setdefault(price, Level()).show(size)
        else:
            levels.pop(price, None)

    def best_first(self, buys: bool) -> list[int]:
        """Return the prices that an order of this kind may meet, its best first."""
        ours = {order.limit for order in self.resting if order.buys is not buys}
        return sorted(self.offers[buys].keys() | ours, reverse=not buys)

    def queue(self, buys: bool) -> list[Paper]:
        """Return our resting orders of one side, the best price first."""
        mine = [order for order in self.resting if order.buys is buys]
        return sorted(mine, key=lambda order: -order.limit if buys else order.limit)

    def fill(self, order: Paper, shares: int, found: Fills) -> None:
        """Fill a resting order at its own price."""
        found[order.id, order.price] += shares
        order.shares -= shares
        if not order.shares:
            self.resting.remove(order)


class Auditor:
    """Follows the upstream's events and our orders; says what may have been filled."""

    def __init__(self, markets: int) -> None:
        self.markets = [Market() for _ in range(markets)]

    def upstream(self, event: tape.Event) -> Fills:
        """Take note of an event; return what it allows our resting orders."""
        market = self.markets[event.market]
        if isinstance(event, tape.Book):
            old = {("A" if buys else "B", p) for buys, ps in market.offers.items() for p in ps}
            new = {("B", p): s for p, s in event.bids} | {("A", p): s for p, s in event.asks}
            for side, price in old | set(new):
                market.show(side, price, new.get((side, price), 0))
            return self._crossed(market)
        if isinstance(event, tape.Changes):
            for side, price, size in event.changes:
                market.show(side, price, size)
            return self._crossed(market)
        if isinstance(event, tape.Print):
            return self._printed(market, event)
        if isinstance(event, tape.Resolve):
            self.markets[event.market] = Market()
        return Fills()

    def _crossed(self, market: Market) -> Fills:
        """Return what the book, moved through our orders, gives them."""
        found = Fills()
        for buys in (True, False):
            for order in market.queue(buys):
                levels = market.offers[buys]
                for price in sorted(filter(order.takes, levels), reverse=not buys):
                    size = min(levels[price].free, order.shares)
                    if size:
                        levels[price].free -= size
                        market.fill(order, size, found)
        return found

    def _printed(self, market: Market, event: tape.Print) -> Fills:
        """Return what a print gives the orders that it went through."""
        found, left = Fills(), event.size
        for order in market.queue(event.side == "SELL"):
            through = order.limit > event.price if order.buys else order.limit < event.price
            size = min(left, order.shares)
            if through and size:
                left -= size
                market.fill(order, size, found)
        return found

    def ours(self, number: int, order: Paper) -> Fills:
        """Take note of an order of ours; return what it may trade, and let the rest of it rest."""
        market, found = self.markets[number], Fills()
        complete = self._meets(market, order, found, dry=True)
        if order.tif == "FOK" and not complete:
            return found
        self._meets(market, order, found, dry=False)
        if order.tif == "GTC" and order.shares:
            market.resting.append(order)
        return found

    def _meets(self, market: Market, order: Paper, found: Fills, *, dry: bool) -> bool:
        """Trade (or with `dry` only count) within the limit; return whether nothing is left."""
        shares, usd = order.shares, order.usd
        for price in filter(order.takes, market.best_first(order.buys)):
            own = order.own(price)
            level = market.offers[order.buys].get(price, Level())
            makers = [o for o in market.queue(not order.buys) if o.limit == price]
            want = usd * ONE // own if order.usd else shares
            size = min(want, level.free + sum(maker.shares for maker in makers))
            usd, shares = usd - size * own // ONE, shares - size
            if size and not dry:
                found[order.id, own] += size
                order.shares = shares
                self._deliver(market, level, makers, size, found)
            if size == want:
                return True
        return False

    def _deliver(
        self, market: Market, level: Level, makers: list[Paper], size: int, found: Fills
    ) -> None:
        first = min(level.free, size)
        level.free -= first
        size -= first
        for maker in makers:
            part = min(maker.shares, size)
            if part:
                market.fill(maker, part, found)
                size -= part

    def cancelled(self, number: int, order_id: str) -> None:
        """Take note that an order of ours rests no more."""
        market = self.markets[number]
        market.resting = [order for order in market.resting if order.id != order_id]
