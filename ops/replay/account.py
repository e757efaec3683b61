"""The purse of a replay: play money under the same caps as live."""

from __future__ import annotations

from datetime import date, datetime

from domain.entry import OrderPlan
from domain.money import ZERO, Usd
from domain.orders import Side
from domain.risk import Breach, Exposure, Wish, refuse
from domain.rules import RiskRules
from domain.trade import HaltState
from domain.trigger import Trigger
from ops.replay.trades import Trade


class Purse:
    """Balance, promises and losses. One trade a market, so its cost is the market's exposure."""

    def __init__(self, balance: Usd) -> None:
        self.balance = balance
        self._promised: dict[str, Usd] = {}
        self._open: dict[str, Trade] = {}
        self._profit: dict[date, Usd] = {}

    def refuse(
        self, trigger: Trigger, plan: OrderPlan, rules: RiskRules, now: datetime
    ) -> Breach | None:
        """Return the cap that forbids this order, or None."""
        event = trigger.event_id
        exposure = Exposure(
            halt=HaltState.ACTIVE,
            balance=self.balance,
            balance_at=now,
            reserved=Usd(sum(self._promised.values(), ZERO)),
            positions=len(self._promised) + len(self._open),
            market=Usd(ZERO),
            event=Usd(ZERO) if event is None else self._cost(event),
            total=self._cost(None),
            daily_loss=Usd(-min(self._profit.get(now.date(), Usd(ZERO)), Usd(ZERO))),
        )
        wish = Wish(side=Side.BUY, cost=Usd(plan.limit * plan.shares), funds=plan.funds)
        return refuse(exposure, wish, rules, now)

    def promise(self, trade: Trade, plan: OrderPlan) -> None:
        """Promise the money of an order."""
        self._promised[trade.market.condition_id] = plan.funds

    def filled(self, trade: Trade) -> None:
        """Turn a promise into what was really spent."""
        del self._promised[trade.market.condition_id]
        if trade.open:
            self.balance = Usd(self.balance - trade.paid - trade.holding.fees)
            self._open[trade.market.condition_id] = trade

    def closed(self, trade: Trade, now: datetime) -> None:
        """Take back what a trade brought, once it is over."""
        if trade.profit is None:
            return
        del self._open[trade.market.condition_id]
        self.balance = Usd(self.balance + trade.paid + trade.entry_fees + trade.profit)
        day = now.date()
        self._profit[day] = Usd(self._profit.get(day, Usd(ZERO)) + trade.profit)

    def _cost(self, event: str | None) -> Usd:
        """Return the cost of what is held and promised, of one event or of all."""
        held = sum(
            (
                trade.holding.cost
                for trade in self._open.values()
                if event is None or trade.trigger.event_id == event
            ),
            ZERO,
        )
        return Usd(held + (sum(self._promised.values(), ZERO) if event is None else ZERO))
