"""The purse of a replay: play money under the same caps as live."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime

from domain.entry import OrderPlan
from domain.money import ZERO, Usd
from domain.orders import Side
from domain.risk import Breach, Exposure, Wish, refuse
from domain.rules import RiskRules
from domain.trade import HaltState
from ops.replay.trades import Trade

NOTHING = Usd(ZERO)


class Purse:
    """Balance, promises and losses. A market has one trade at most, so no exposure before it."""

    def __init__(self, balance: Usd) -> None:
        self.balance = balance
        self._promised: dict[str, Trade] = {}
        self._held: dict[str, Trade] = {}
        self._profit: dict[date, Usd] = {}

    def refuse(
        self, event_id: str | None, plan: OrderPlan, rules: RiskRules, now: datetime
    ) -> Breach | None:
        """Return the cap that forbids this order, or None."""
        everything = [*self._promised.values(), *self._held.values()]
        of_event = [t for t in everything if event_id and t.trigger.event_id == event_id]
        today = self._profit.get(now.date(), NOTHING)
        exposure = Exposure(
            halt=HaltState.ACTIVE,
            balance=self.balance,
            balance_at=now,
            reserved=_add(trade.plan.funds for trade in self._promised.values()),
            positions=len(everything),
            market=NOTHING,
            event=_add(_cost(trade) for trade in of_event),
            total=_add(_cost(trade) for trade in everything),
            daily_loss=Usd(max(-today, NOTHING)),
        )
        wish = Wish(side=Side.BUY, cost=Usd(plan.limit * plan.shares), funds=plan.funds)
        return refuse(exposure, wish, rules, now)

    def promise(self, trade: Trade) -> None:
        """Promise the money of an order."""
        self._promised[trade.market.condition_id] = trade

    def arrived(self, trade: Trade) -> None:
        """Turn a promise into what was really spent, or take it back."""
        del self._promised[trade.market.condition_id]
        if trade.open:
            self.balance = Usd(self.balance - trade.spent)
            self._held[trade.market.condition_id] = trade

    def over(self, trade: Trade, now: datetime) -> None:
        """Take in what a trade brought, once it has ended."""
        if trade.profit is None:
            return
        del self._held[trade.market.condition_id]
        self.balance = Usd(self.balance + trade.spent + trade.profit)
        self._profit[now.date()] = Usd(self._profit.get(now.date(), NOTHING) + trade.profit)


def _cost(trade: Trade) -> Usd:
    return trade.holding.cost if trade.open else Usd(trade.plan.limit * trade.plan.shares)


def _add(amounts: Iterable[Usd]) -> Usd:
    return Usd(sum(amounts, ZERO))
