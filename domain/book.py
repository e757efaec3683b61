"""Book: what is offered for one outcome token, and what an order would really get."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from itertools import accumulate

from domain.money import MICRO, ONE, ZERO, Price, Shares, Usd, floor_to
from domain.orders import Side
from domain.record import Id, Record, Utc


class Level(Record):
    """All shares offered at one price."""

    price: Price
    shares: Shares


class Taking(Record):
    """What a marketable order would get now: shares, their cost, the worst price needed."""

    shares: Shares = Shares(ZERO)
    cost: Usd = Usd(ZERO)
    worst: Price | None = None  # None: nothing to take
    complete: bool = False  # the whole wish is there at the limit or better

    @property
    def average(self) -> Price | None:
        """Return the mean price per share, or None when nothing could be taken."""
        return Price((self.cost / self.shares).quantize(MICRO)) if self.shares else None


class Book(Record):
    """One snapshot. Levels may come in any order (XD-6); zero-share levels must be left out."""

    token_id: Id
    condition_id: Id
    bids: tuple[Level, ...] = ()
    asks: tuple[Level, ...] = ()
    tick: Price = Price(Decimal("0.01"))
    min_size: Shares = Shares(Decimal(5))
    neg_risk: bool = False
    last_trade: Price | None = None  # of unknown age: never triggers anything (XD-1)
    venue_time: Utc | None = None
    seen_at: Utc
    hash: str = ""

    @property
    def best_bid(self) -> Price | None:
        """Return the highest bid, whatever the order of the levels, or None without bids."""
        return max((level.price for level in self.bids), default=None)

    @property
    def best_ask(self) -> Price | None:
        """Return the lowest ask, whatever the order of the levels, or None without asks."""
        return min((level.price for level in self.asks), default=None)

    @property
    def mid(self) -> Price | None:
        """Return the middle of best bid and best ask, or None unless both sides exist."""
        bid, ask = self.best_bid, self.best_ask
        return None if bid is None or ask is None else Price((bid + ask) / 2)

    @property
    def spread(self) -> Price | None:
        """Return ask minus bid in dollars (negative when crossed), or None unless both exist."""
        bid, ask = self.best_bid, self.best_ask
        return None if bid is None or ask is None else Price(ask - bid)

    @property
    def spread_ratio(self) -> Decimal | None:
        """Return (ask - bid) / ask, the measure of G13 and G14, or None unless both exist."""
        spread, ask = self.spread, self.best_ask
        return None if spread is None or not ask else spread / ask

    @property
    def empty(self) -> bool:
        """Return whether nobody offers anything on either side."""
        return not self.bids and not self.asks

    @property
    def one_sided(self) -> bool:
        """Return whether exactly one side has offers."""
        return bool(self.bids) != bool(self.asks)

    @property
    def crossed(self) -> bool:
        """Return whether the best bid meets or exceeds the best ask: such a book is not real."""
        spread = self.spread
        return spread is not None and spread <= 0

    def age(self, now: datetime) -> timedelta:
        """Return how long ago we saw this book; a clock that stepped back gives zero."""
        return max(now - self.seen_at, timedelta(0))

    def stale(self, now: datetime, max_age: timedelta) -> bool:
        """Return whether the book is older than `max_age` (exactly that old still counts)."""
        return self.age(now) > max_age

    def depth(self, side: Side, limit: Price) -> Shares:
        """Return the shares that an order of this side could hit at `limit` or better."""
        return Shares(sum((level.shares for level in self._hit(side, limit)), ZERO))

    def take_shares(self, side: Side, shares: Shares, limit: Price) -> Taking:
        """Return what a FAK for this many shares would get at `limit` or better."""
        levels = self._hit(side, limit)
        filled = list(accumulate((level.shares for level in levels), initial=ZERO))
        taken = [
            (level, min(level.shares, shares - before))
            for level, before in zip(levels, filled, strict=False)
            if before < shares
        ]
        return _taking(taken, complete=filled[-1] >= shares > 0)

    def take_dollars(self, dollars: Usd, limit: Price) -> Taking:
        """Return what a FAK BUY that spends `dollars` would get at `limit` or better.

        Shares are cut to six places at each level, as the venue's integers do.
        """
        taken: list[tuple[Level, Decimal]] = []
        left: Decimal = dollars
        for level in self._hit(Side.BUY, limit):
            wanted = floor_to(left / level.price, MICRO)
            if wanted <= 0:
                break
            taken.append((level, min(wanted, level.shares)))
            left -= min(left, level.price * taken[-1][1])
        # what is left may be the dust of cutting to six places: less than one micro-share each
        return _taking(taken, complete=dollars > 0 and left < MICRO * (len(taken) + 1))

    def mirror(self, token_id: str) -> Book:
        """Return the same book as seen from the complement token: BUY at p is SELL at 1 - p."""
        return self.model_copy(
            update={
                "token_id": token_id,
                "bids": tuple(_complement(level) for level in self.asks),
                "asks": tuple(_complement(level) for level in self.bids),
                "last_trade": None if self.last_trade is None else Price(ONE - self.last_trade),
                "hash": "",
            }
        )

    def _hit(self, side: Side, limit: Price) -> list[Level]:
        """Levels that an order of this side meets at the limit or better, best first."""
        if side is Side.BUY:
            return sorted((x for x in self.asks if x.price <= limit), key=lambda x: x.price)
        return sorted((x for x in self.bids if x.price >= limit), key=lambda x: -x.price)


def _complement(level: Level) -> Level:
    return Level(price=Price(ONE - level.price), shares=level.shares)


def _taking(taken: list[tuple[Level, Decimal]], *, complete: bool) -> Taking:
    """Sum up what was taken from each level."""
    if not taken:
        return Taking()
    return Taking(
        shares=Shares(sum((n for _, n in taken), ZERO)),
        cost=Usd(sum((level.price * n for level, n in taken), ZERO)),
        worst=taken[-1][0].price,
        complete=complete,
    )
