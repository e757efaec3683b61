"""Balance: the ladder of Q10, and how old the figure is. Unknown is not zero, and not health."""

from __future__ import annotations

from datetime import datetime, timedelta

from domain.rules import RiskRules
from ops.health.report import Finding, Status
from ops.health.scene import Scene
from store.account import Account, AccountRow

GRACE = 5  # times the age that stops entries: then a person should know


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
    rungs = (
        (risk.stop_below, Status.UNHEALTHY, "below the floor for entries"),
        (risk.alert_below, Status.DEGRADED, "low"),
        (risk.warn_below, Status.WARNING, "getting low"),
    )
    for below, status, words in rungs:
        if balance < below:
            advice = f"Deposit, or lower the stakes (limit ${below:,.2f})."
            return _finding(status, f"{text} is {words}", advice)
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
