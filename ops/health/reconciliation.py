"""Reconciliation: when the venue's truth was last compared with ours, and how that ended."""

from __future__ import annotations

from datetime import datetime, timedelta

from ops.health.report import Finding, Status
from ops.health.scene import Scene
from store.pulse import SyncOutcome, SyncRun, SyncRuns

LATE, TOO_LATE = 3, 10  # times the planned distance
LEAST = timedelta(minutes=3)
GOOD = (SyncOutcome.CLEAN, SyncOutcome.REPAIRED)


async def check(scene: Scene) -> Finding:
    """Return the age of the last complete comparison."""
    runs = await SyncRuns(scene.pool).recent(scene.mode)
    return judge(runs, scene.reconcile_every, scene.clock())


def judge(runs: list[SyncRun], every: timedelta, now: datetime) -> Finding:
    """Return what the last runs mean; a refused or failed one proves nothing."""
    good = [
        run.ended_at for run in runs if run.outcome in GOOD and run.ended_at and not run.dry_run
    ]
    if not good:
        last = runs[0].outcome if runs else None
        text = "never done" if last is None else f"not once complete; the last one {last}"
        return _finding(Status.DEGRADED, text, "`touchline reconcile` runs one and tells why.")
    age = now - max(good)
    text = f"{age.total_seconds():.0f} s ago"
    if age > max(every * TOO_LATE, LEAST):
        return _finding(Status.UNHEALTHY, text, "Is a worker running, does the venue answer?")
    if age > max(every * LATE, LEAST / 2):
        return _finding(Status.WARNING, text, "Is a worker running, does the venue answer?")
    return _finding(Status.HEALTHY, text)


def _finding(status: Status, text: str, advice: str = "") -> Finding:
    return Finding(check="reconciliation", status=status, text=text, advice=advice)
