"""Breakers: stop entries by themselves when orders or settlements fail too often (facts 9.3)."""

from __future__ import annotations

from datetime import timedelta

from activities.clock import Clock
from domain.market import Mode
from domain.money import ZERO, Usd
from domain.risk import Breach, Record24h, tripped
from domain.rules import RiskRules
from domain.trade import HaltState
from store.account import Account
from store.alerts import Alerts, Priority
from store.fills import Fills
from store.orders import Orders

WHO = "breaker"
WINDOW = timedelta(days=1)


class Breakers:
    """Looked at with every reconciliation. A daily loss needs none: the reserving transaction
    refuses by itself until the day is over."""

    def __init__(
        self,
        orders: Orders,
        fills: Fills,
        account: Account,
        alerts: Alerts,
        rules: RiskRules,
        clock: Clock,
    ) -> None:
        self._orders, self._fills = orders, fills
        self._account, self._alerts = account, alerts
        self._rules, self._clock = rules, clock

    async def check(self, mode: Mode) -> list[Breach]:
        """Put an active account into `reducing` when a breaker condition holds, and say so.

        Only failures since the last time the state was set count: a person who resumed has
        looked at the earlier ones.
        """
        account, now = await self._account.get(mode), self._clock()
        if account.halt is not HaltState.ACTIVE:
            return []
        since = max(now - WINDOW, account.halt_at or now - WINDOW)
        errors, attempts = await self._orders.error_ratio(mode, since)
        failed, fills = await self._fills.reversal_ratio(mode, since)
        seen = Record24h(
            order_attempts=attempts,
            order_errors=errors,
            fills_final=fills,
            fills_failed=failed,
            daily_loss=Usd(ZERO),
        )
        found = tripped(seen, self._rules)
        if found:
            why = "; ".join(breach.text for breach in found)
            affected = await self._account.trip(mode, WHO, why, now)
            if affected is None:  # a person was faster
                return []
            await self._tell(mode, why, affected)
        return found

    async def _tell(self, mode: Mode, why: str, affected: int) -> None:
        await self._alerts.put(
            f"breaker:{mode}",
            Priority.HIGH,
            "Entries were stopped by a breaker",
            f"{why}. The account is reducing: {affected} open trades are looked after, nothing new"
            " is bought. Find the cause, then run `touchline resume`.",
            timedelta(minutes=15),
            self._clock(),
            mode,
        )
