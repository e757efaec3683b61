"""Exposure: what the venue's own ledger says is at stake, looked at after every match."""

from __future__ import annotations

from domain.rules import RiskRules
from sim.engine import Engine
from sim.state import STRANGER
from sim.units import ONE, micro, text


class Exposure:
    """Watches caps from outside: a subset of what the bot must count, so never a false alarm.

    Markets with a result are left out (their money may be back before a judge can see it), and
    so is the part that was sold.
    """

    def __init__(self, engine: Engine, risk: RiskRules) -> None:
        self._engine, self._risk = engine, risk
        self._seen = 0
        self.broken: list[str] = []

    def look(self) -> None:
        """Compare with the caps when something was matched since the last look."""
        trades = self._engine.memory.trades
        if len(trades) == self._seen:
            return
        self._seen = len(trades)
        at_stake = self._at_stake()
        risk = self._risk
        total = sum(at_stake.values())
        if total > micro(str(risk.max_total)):
            self.broken.append(f"{text(total)} USD at stake, allowed {risk.max_total}")
        if len(at_stake) > risk.max_positions:
            self.broken.append(f"{len(at_stake)} positions, allowed {risk.max_positions}")
        for condition, usd in at_stake.items():
            if usd > micro(str(risk.max_per_market)):
                self.broken.append(f"{text(usd)} USD in {condition[-6:]}")

    def _at_stake(self) -> dict[str, int]:
        bought: dict[str, list[int]] = {}
        for trade in self._engine.memory.trades.values():
            market = self._engine.exchange.markets[trade.condition_id]
            if trade.status == "FAILED" or market.closed:
                continue
            for leg in trade.legs():
                if leg.owner == STRANGER:
                    continue
                held = bought.setdefault(trade.condition_id, [0, 0, 0])
                if leg.side == "BUY":
                    held[0], held[1] = held[0] + leg.usd, held[1] + leg.size
                else:
                    held[2] += leg.size
        return {
            condition: usd * (size - sold) // size
            for condition, (usd, size, sold) in bought.items()
            if size - sold > ONE // 100
        }
