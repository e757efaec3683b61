"""Lots: first in, first out, for tax reports.

Every dollar of a trade's profit shows up in exactly one disposal: with all shares disposed of,
the gains add up to proceeds minus cost minus fees of all fills.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal

from domain.money import ZERO, Shares, Usd, moved, usd
from domain.orders import Fill, FillStatus, Side
from domain.record import Record, Utc


class Lot(Record):
    """Shares bought at once and not yet disposed of; cost and fee in dollars."""

    acquired_at: Utc
    shares: Shares
    cost: Usd
    fee: Usd


class Disposal(Record):
    """Shares of one lot that went: by a sell or by resolution."""

    acquired_at: Utc
    disposed_at: Utc
    shares: Shares
    proceeds: Usd
    cost: Usd
    fees: Usd  # of the buy and of the sell, in proportion

    @property
    def gain(self) -> Usd:
        """Return the taxable gain: proceeds less cost less fees."""
        return Usd(self.proceeds - self.cost - self.fees)


class Lots(Record):
    """What is left, and what went, in order."""

    open: tuple[Lot, ...] = ()
    disposals: tuple[Disposal, ...] = ()


def lots(fills: Iterable[Fill]) -> Lots:
    """Return the lots after all fills that did not fail, oldest first.

    A sell beyond what was held disposes of nothing: no lot is invented.
    """
    state = Lots()
    for fill in sorted(fills, key=lambda f: (f.matched_at, f.trade_id, f.order_id)):
        if fill.status is FillStatus.FAILED:
            continue
        value = moved(fill.price, fill.shares)
        if fill.side is Side.BUY:
            bought = Lot(acquired_at=fill.matched_at, shares=fill.shares, cost=value, fee=fill.fee)
            state = Lots(open=(*state.open, bought), disposals=state.disposals)
        else:
            state = dispose(state, fill.shares, value, fill.fee, fill.matched_at)
    return state


def dispose(state: Lots, shares: Decimal, proceeds: Decimal, fee: Decimal, at: datetime) -> Lots:
    """Return the lots after `shares` went for `proceeds` dollars in all, at a `fee`."""
    left, money, cost = shares, proceeds, fee
    kept: list[Lot] = []
    gone: list[Disposal] = []
    for lot in state.open:
        part = min(lot.shares, left)
        if part <= 0:
            kept.append(lot)
            continue
        earned, paid = usd(money * part / left), usd(cost * part / left)
        taken, rest = _split(lot, part)
        gone.append(
            Disposal(
                acquired_at=lot.acquired_at,
                disposed_at=at,
                shares=Shares(part),
                proceeds=earned,
                cost=taken.cost,
                fees=Usd(taken.fee + paid),
            )
        )
        kept.extend(rest)
        left, money, cost = left - part, money - earned, cost - paid
    return Lots(open=tuple(kept), disposals=(*state.disposals, *gone))


def _split(lot: Lot, part: Decimal) -> tuple[Lot, Sequence[Lot]]:
    """Take `part` shares out of a lot; both pieces together are the lot to the micro-dollar."""
    if part == lot.shares:
        return lot, ()
    cost, fee = usd(lot.cost * part / lot.shares), usd(lot.fee * part / lot.shares)
    taken = Lot(acquired_at=lot.acquired_at, shares=Shares(part), cost=cost, fee=fee)
    rest = Lot(
        acquired_at=lot.acquired_at,
        shares=Shares(lot.shares - part),
        cost=Usd(lot.cost - cost),
        fee=Usd(lot.fee - fee),
    )
    return taken, (rest,)


def held(state: Lots) -> Shares:
    """Return the shares of all open lots."""
    return Shares(sum((lot.shares for lot in state.open), ZERO))
