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
    """Shares bought at once and not yet disposed of; cost and fee in dollars, None is unknown."""

    acquired_at: Utc
    shares: Shares
    cost: Usd | None
    fee: Usd


class Disposal(Record):
    """Shares of one lot that went: by a sell or by resolution. None is unknown."""

    acquired_at: Utc
    disposed_at: Utc
    shares: Shares
    proceeds: Usd | None
    cost: Usd | None
    fees: Usd  # of the buy and of the sell, in proportion
    how: str = "sale"

    @property
    def gain(self) -> Usd | None:
        """Return the taxable gain: proceeds less cost less fees; None when one is unknown."""
        if self.proceeds is None or self.cost is None:
            return None
        return Usd(self.proceeds - self.cost - self.fees)


class Lots(Record):
    """What is left, and what went, in order."""

    open: tuple[Lot, ...] = ()
    disposals: tuple[Disposal, ...] = ()


class Move(Record):
    """Shares of one token that came or went at once, for `value` dollars in all."""

    at: Utc
    key: str  # breaks ties of one moment, so that the order is always the same
    comes: bool
    shares: Shares
    value: Usd | None
    fee: Usd = Usd(ZERO)
    how: str = "sale"


def fifo(moves: Iterable[Move]) -> Lots:
    """Return the lots of one token after all moves, whichever trades of ours made them.

    What goes takes the oldest shares. More than was held disposes of nothing: no lot is invented.
    """
    state = Lots()
    for move in sorted(moves, key=lambda m: (m.at, not m.comes, m.key)):
        if move.comes:
            lot = Lot(acquired_at=move.at, shares=move.shares, cost=move.value, fee=move.fee)
            state = Lots(open=(*state.open, lot), disposals=state.disposals)
        else:
            state = dispose(state, move.shares, move.value, move.fee, move.at, move.how)
    return state


def lots(fills: Iterable[Fill]) -> Lots:
    """Return the lots after all fills that did not fail, oldest first."""
    return fifo(
        Move(
            at=fill.matched_at,
            key=f"{fill.trade_id} {fill.order_id}",
            comes=fill.side is Side.BUY,
            shares=fill.shares,
            value=moved(fill.price, fill.shares),
            fee=fill.fee,
        )
        for fill in fills
        if fill.status is not FillStatus.FAILED
    )


def dispose(
    state: Lots,
    shares: Decimal,
    proceeds: Decimal | None,
    fee: Decimal,
    at: datetime,
    how: str = "sale",
) -> Lots:
    """Return the lots after `shares` went for `proceeds` dollars in all, at a `fee`."""
    left, cost = shares, fee
    money = proceeds
    kept: list[Lot] = []
    gone: list[Disposal] = []
    for lot in state.open:
        part = min(lot.shares, left)
        if part <= 0:
            kept.append(lot)
            continue
        earned = None if money is None else usd(money * part / left)
        paid = usd(cost * part / left)
        taken, rest = _split(lot, part)
        gone.append(
            Disposal(
                acquired_at=lot.acquired_at,
                disposed_at=at,
                shares=Shares(part),
                proceeds=earned,
                cost=taken.cost,
                fees=Usd(taken.fee + paid),
                how=how,
            )
        )
        kept.extend(rest)
        left, cost, money = left - part, cost - paid, _less(money, earned)
    return Lots(open=tuple(kept), disposals=(*state.disposals, *gone))


def _split(lot: Lot, part: Decimal) -> tuple[Lot, Sequence[Lot]]:
    """Take `part` shares out of a lot; both pieces together are the lot to the micro-dollar."""
    if part == lot.shares:
        return lot, ()
    cost = None if lot.cost is None else usd(lot.cost * part / lot.shares)
    fee = usd(lot.fee * part / lot.shares)
    taken = Lot(acquired_at=lot.acquired_at, shares=Shares(part), cost=cost, fee=fee)
    rest = Lot(
        acquired_at=lot.acquired_at,
        shares=Shares(lot.shares - part),
        cost=_less(lot.cost, cost),
        fee=Usd(lot.fee - fee),
    )
    return taken, (rest,)


def _less(whole: Decimal | None, part: Decimal | None) -> Usd | None:
    """Return what is left; of an unknown sum every part is unknown."""
    return None if whole is None or part is None else Usd(whole - part)


def held(state: Lots) -> Shares:
    """Return the shares of all open lots."""
    return Shares(sum((lot.shares for lot in state.open), ZERO))
