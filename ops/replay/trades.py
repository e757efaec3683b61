"""The trades of a replay: fills at the offers that were there, fees, exits, profit."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from domain.book import Book
from domain.decision import Decision
from domain.entry import OrderPlan
from domain.market import Market, Token
from domain.money import ZERO, Price, Shares, Usd
from domain.positions import Holding, Settlement, settle, unrealised
from domain.record import Record, Utc
from domain.trigger import Trigger


class Decided(Record):
    """One decision of the replay: when, about what, and the answer."""

    at: Utc
    condition_id: str
    token_id: str
    question: str
    outcome: str
    price: Price
    decision: Decision


class Trade:
    """One trade of the replay; the same fold as live keeps its books."""

    def __init__(self, market: Market, token: Token, trigger: Trigger, plan: OrderPlan) -> None:
        self.market, self.token, self.trigger, self.plan = market, token, trigger, plan
        self.holding = Holding()
        self.opened_at: datetime | None = None
        self.closed_at: datetime | None = None
        self.exit_reason = ""
        self.payout: Price | None = None
        self.paid: Usd = Usd(ZERO)  # for all shares bought, fees not included
        self._end: Settlement | None = None

    @property
    def open(self) -> bool:
        """Return whether shares are held and the market is not resolved."""
        return self.closed_at is None and self.opened_at is not None

    def enter(self, book: Book, now: datetime) -> bool:
        """Fill the order as a FAK would against this book; False when nothing was there."""
        taken = book.take_dollars(Usd(self.plan.amounts.maker), self.plan.limit)
        if not taken.shares or taken.average is None:
            return False
        fee = self.market.fee.charge(taken.shares, taken.average)
        self.holding = self.holding.bought_more(
            taken.shares, taken.cost / taken.shares, fee, final=True
        )
        self.opened_at, self.paid = now, self.holding.cost
        return True

    def leave(self, plan: OrderPlan, book: Book, now: datetime, reason: str) -> None:
        """Sell what the bids take; a rest stays open."""
        taken = book.take_shares(plan.side, plan.shares, plan.limit)
        if not taken.shares or taken.average is None:
            return
        fee = self.market.fee.charge(taken.shares, taken.average)
        self.holding = self.holding.sold_some(
            taken.shares, taken.cost / taken.shares, fee, final=True
        )
        self.exit_reason = reason
        if self.holding.dust:
            self.closed_at = now
            self._end = settle(self.holding, Price(ZERO))

    def resolve(self, payout: Price, now: datetime) -> None:
        """Settle what is left at the payout of this outcome."""
        self.payout, self.closed_at = payout, now
        self.exit_reason = self.exit_reason or "resolution"
        self._end = settle(self.holding, payout)

    @property
    def profit(self) -> Usd | None:
        """Return the profit after fees, or None while the trade is open."""
        return None if self._end is None else self._end.profit

    def row(self, bid: Price | None) -> TradeRow:
        """Return the trade for the report; `bid` values what is still open."""
        gain = unrealised(self.holding, bid) if self.open else None
        bought = self.holding.bought
        return TradeRow(
            question=self.market.question,
            condition_id=self.market.condition_id,
            outcome=self.token.outcome,
            touched_at=self.trigger.venue_time,
            touched=self.trigger.price,
            opened_at=self.opened_at,
            closed_at=self.closed_at,
            limit=self.plan.limit,
            shares=bought,
            average=Price((self.paid / bought).quantize(Decimal("0.000001"))) if bought else None,
            paid=self.paid,
            fees=self.holding.fees,
            payout=self.payout,
            exit=self.exit_reason,
            profit=self.profit,
            unrealised=gain,
        )


class TradeRow(Record):
    """One trade in the report; dollars, six places."""

    question: str
    condition_id: str
    outcome: str
    touched_at: Utc
    touched: Price
    opened_at: Utc | None
    closed_at: Utc | None
    limit: Price
    shares: Shares
    average: Price | None
    paid: Usd
    fees: Usd
    payout: Price | None
    exit: str
    profit: Usd | None
    unrealised: Usd | None
