"""Balance: the ladder of Q10, and how old the figure is. Unknown is not zero, and not health."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from domain.money import Usd
from domain.risk import Rung, rung
from domain.rules import RiskRules
from ops.health.report import Finding, Status
from ops.health.scene import Scene
from store.account import Account, AccountRow

GRACE = 5  # times the age that stops entries: then a person should know


class Step(NamedTuple):
    """What a rung of the ladder is called, and the setting it stands at."""

    status: Status
    words: str
    setting: str

    def advice(self, risk: RiskRules) -> str:
        """Return what a person can do about it."""
        limit = getattr(risk, self.setting)
        return f"Deposit, or lower the stakes (risk.{self.setting} is ${limit:,.2f})."


RUNGS = {
    Rung.STOP: Step(Status.UNHEALTHY, "is below the floor for entries", "stop_below"),
    Rung.ALERT: Step(Status.DEGRADED, "is low", "alert_below"),
    Rung.WARNING: Step(Status.WARNING, "is getting low", "warn_below"),
    Rung.NO_ENTRIES: Step(Status.WARNING, "is all promised or reserved", "reserve_floor"),
}


async def check(scene: Scene) -> Finding:
    """Return on which rung the balance stands."""
    return judge(await Account(scene.pool).get(scene.mode), scene.risk, scene.clock())


def judge(account: AccountRow, risk: RiskRules, now: datetime) -> Finding:
    """Return what a balance means."""
    balance, at = account.balance, account.balance_at
    if balance is None or at is None:
        return _finding(
            Status.DEGRADED,
            "unknown: nothing is bought until the venue says it",
            "Does the venue answer? See the worker's log.",
        )
    text = f"${balance:,.2f}"
    promised = Usd(account.reserved + account.fee_reserved + account.unsettled)
    step = RUNGS.get(rung(balance, promised, risk))
    if step is not None:
        return _finding(step.status, f"{text} {step.words}", step.advice(risk))
    age = now - at
    if age > max(risk.max_balance_age * GRACE, timedelta(minutes=5)):
        minutes = age.total_seconds() / 60
        return _finding(
            Status.WARNING,
            f"{text}, but {minutes:.0f} minutes old",
            "Reconciliation refreshes it: does that run?",
        )
    return _finding(Status.HEALTHY, text)


def _finding(status: Status, text: str, advice: str = "") -> Finding:
    return Finding(check="balance", status=status, text=text, advice=advice)
