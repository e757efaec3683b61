"""The trades of a replay: fills at the offers that were there, fees, exits, profit."""

from __future__ import annotations

from datetime import datetime

from domain.book import Book, Taking
from domain.decision import Decision
from domain.entry import OrderPlan
from domain.exits import ExitReading
from domain.market import Market, Token
from domain.money import MICRO, ZERO, Price, Shares, Usd
from domain.orders import Side
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


class Trade:
    """One trade of the replay; the same fold as live keeps its books."""

    def __init__(self, market: Market, token: Token, trigger: Trigger, plan: OrderPlan) -> None:
        self.market, self.token, self.trigger, self.plan = market, token, trigger, plan
        self.holding = Holding()
        self.opened_at: datetime | None = None
        self.closed_at: datetime | None = None
        self.spent = Usd(ZERO)  # for all shares bought, with fees
        self.reading = ExitReading()
        self.next_look: datetime | None = None
        self._paid = Usd(ZERO)
        self._exit = ""
        self._payout: Price | None = None
        self._end: Settlement | None = None

    @property
    def open(self) -> bool:
        """Return whether shares are held and nothing has ended the trade."""
        return self.opened_at is not None and self._end is None

    @property
    def profit(self) -> Usd | None:
        """Return the profit after fees, or None before the end."""
        return None if self._end is None else self._end.profit

    def enter(self, book: Book, now: datetime) -> bool:
        """Fill the order as a FAK would against this book; False when nothing was there."""
        taken = book.take_dollars(Usd(self.plan.amounts.maker), self.plan.limit)
        if not taken.shares:
            return False
        self._fill(Side.BUY, taken)
        self.opened_at, self._paid = now, self.holding.cost
        self.spent = Usd(self._paid + self.holding.fees)
        return True

    def leave(self, plan: OrderPlan, book: Book, now: datetime, reason: str) -> None:
        """Sell what the bids take; a rest stays open."""
        taken = book.take_shares(Side.SELL, plan.shares, plan.limit)
        if not taken.shares:
            return
        self._fill(Side.SELL, taken)
        self._exit = reason
        if self.holding.dust:
            self._finish(Price(ZERO), now)

    def resolve(self, payout: Price, now: datetime) -> None:
        """Settle what is left at the payout of this outcome."""
        self._payout, self._exit = payout, self._exit or "resolution"
        self._finish(payout, now)

    def row(self, bid: Price | None) -> TradeRow:
        """Return the trade for the report; `bid` values what is still open."""
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
            average=Price((self._paid / bought).quantize(MICRO)) if bought else None,
            paid=self._paid,
            fees=self.holding.fees,
            payout=self._payout,
            exit=self._exit,
            profit=self.profit,
            unrealised=unrealised(self.holding, bid) if self.open else None,
        )

    def _fill(self, side: Side, taken: Taking) -> None:
        """Book one fill at its mean price; the fee is the taker's (facts 3.5)."""
        mean = taken.cost / taken.shares
        fee = self.market.fee.charge(taken.shares, mean)
        step = self.holding.bought_more if side is Side.BUY else self.holding.sold_some
        self.holding = step(taken.shares, mean, fee, final=True)

    def _finish(self, payout: Price, now: datetime) -> None:
        self.closed_at = now
        self._end = settle(self.holding, payout)
