"""Positions: shares held by one trade, and the profit its fills have booked.

A position is a fold over its fills, so that a reversal is a fold without the failed fill:
nothing has to be undone by hand and the books always balance:
`realised - cost == proceeds of sells - cost of buys` (fees are kept apart, XD-14).
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from enum import StrEnum
from typing import Self

from domain.market import Mode
from domain.money import DUST, MICRO, ZERO, Price, Shares, Usd, moved, usd
from domain.orders import Fill, FillStatus, Side
from domain.record import Id, Record, Utc


class PositionState(StrEnum):
    """open until sold, resolved, or left to a person (unmanaged, still ours)."""

    OPEN = "open"
    CLOSED = "closed"
    RESOLVED = "resolved"
    UNMANAGED = "unmanaged"


class AgeSource(StrEnum):
    """How we know since when a position is held (G10): never an invented time."""

    BOT = "bot"  # our own fill
    ACTUAL = "actual"  # first buy of the venue's trade history
    UNKNOWN = "unknown"


class HoldPolicy(StrEnum):
    """How an adopted position is aged (spec 13)."""

    NEW = "new"
    MATURE = "mature"
    ACTUAL = "actual"


class Holding(Record):
    """The sums over the fills of one trade; money in dollars, all six places."""

    shares: Shares = Shares(ZERO)
    shares_confirmed: Shares = Shares(ZERO)  # of buys and sells that are final on chain
    cost: Usd = Usd(ZERO)  # of the shares still held, weighted average, fees not included
    fees: Usd = Usd(ZERO)
    realised: Usd = Usd(ZERO)  # gross: sells minus the cost of what was sold
    bought: Shares = Shares(ZERO)
    sold: Shares = Shares(ZERO)
    oversold: Shares = Shares(ZERO)  # sold beyond what we held: only a reversed buy can do this

    @property
    def average(self) -> Price | None:
        """Return the weighted average price of the shares held, or None without shares."""
        return Price((self.cost / self.shares).quantize(MICRO)) if self.shares else None

    @property
    def net(self) -> Usd:
        """Return the realised profit after all fees paid so far (XD-14)."""
        return Usd(self.realised - self.fees)

    @property
    def dust(self) -> bool:
        """Return whether what is left is too little to sell (0.01 share, facts 3.3)."""
        return self.shares < DUST

    def bought_more(self, shares: Decimal, at: Decimal, fee: Decimal, *, final: bool) -> Self:
        """Return the holding after a BUY fill."""
        return self.model_copy(
            update={
                "shares": self.shares + shares,
                "shares_confirmed": self.shares_confirmed + (shares if final else ZERO),
                "cost": self.cost + moved(at, shares),
                "fees": self.fees + fee,
                "bought": self.bought + shares,
            }
        )

    def sold_some(self, shares: Decimal, at: Decimal, fee: Decimal, *, final: bool) -> Self:
        """Return the holding after a SELL fill; the cost falls in proportion."""
        held = min(shares, self.shares)
        out = self.cost if held == self.shares else usd(self.cost * held / self.shares)
        return self.model_copy(
            update={
                "shares": self.shares - held,
                "shares_confirmed": self.shares_confirmed - (shares if final else ZERO),
                "cost": self.cost - out,
                "fees": self.fees + fee,
                "realised": self.realised + moved(at, shares) - out,
                "sold": self.sold + shares,
                "oversold": self.oversold + shares - held,
            }
        )


class Position(Holding):
    """The shares of one trade. One stable id: the workflow's (XD-18); long only (EXE-M2)."""

    workflow_id: Id
    mode: Mode
    condition_id: Id
    token_id: Id
    state: PositionState = PositionState.OPEN
    opened_at: Utc | None = None  # first fill, or what trade history says; None is unknown
    age_source: AgeSource = AgeSource.BOT
    hold_policy: HoldPolicy = HoldPolicy.ACTUAL
    closed_at: Utc | None = None
    payout: Price | None = None  # what one share paid at resolution


class Settlement(Record):
    """What resolution made of the shares still held; `profit` is of the whole trade."""

    payout: Price
    shares: Shares
    proceeds: Usd
    gross: Usd  # sells plus proceeds minus buys
    fees: Usd
    profit: Usd  # gross minus fees


def hold(fills: Iterable[Fill]) -> Holding:
    """Return the sums over fills, in the venue's order; FAILED ones never happened (3.7).

    Each fill must be given once, with its latest status: the key is (trade_id, order_id).
    """
    holding = Holding()
    for fill in sorted(fills, key=lambda f: (f.matched_at, f.trade_id, f.order_id)):
        if fill.status is FillStatus.FAILED:
            continue
        final = fill.status is FillStatus.CONFIRMED
        step = holding.bought_more if fill.side is Side.BUY else holding.sold_some
        holding = step(fill.shares, fill.price, fill.fee, final=final)
    return holding


def settle(holding: Holding, payout: Price, proceeds: Usd | None = None) -> Settlement:
    """Return the result of a trade whose market resolved: 1, 0, 0.5 or what was decided.

    `proceeds` is what the venue really paid, when known; else shares times payout, cut to six
    places as the contract does.
    """
    paid = usd(holding.shares * payout) if proceeds is None else proceeds
    gross = usd(holding.realised + paid - holding.cost)
    return Settlement(
        payout=payout,
        shares=holding.shares,
        proceeds=paid,
        gross=gross,
        fees=holding.fees,
        profit=usd(gross - holding.fees),
    )


def unrealised(holding: Holding, bid: Price | None) -> Usd | None:
    """Return what selling all at `bid` would add before fees, or None without a bid."""
    return None if bid is None else usd(holding.shares * bid - holding.cost)
