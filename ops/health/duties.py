"""Duties: is each scheduled workflow there, not paused, and really run (XD-13)."""

from __future__ import annotations

from datetime import datetime, timedelta

from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from ops.health.report import Finding, Status
from ops.health.scene import Scene

LATE = 3  # times the planned distance
LEAST = timedelta(minutes=2)


async def check(scene: Scene) -> Finding:
    """Return which schedule is missing, paused or late."""
    if scene.temporal is None:
        return Finding(check="duties", status=Status.DEGRADED, text="unknown without Temporal")
    now = scene.clock()
    troubles = [
        trouble
        for duty in scene.duties
        if (trouble := await _trouble(scene.temporal, duty, now)) is not None
    ]
    if not troubles:
        return Finding(
            check="duties", status=Status.HEALTHY, text=f"{len(scene.duties)} schedules run"
        )
    return Finding(
        check="duties",
        status=Status.DEGRADED,
        text="; ".join(troubles),
        advice="`touchline up` creates schedules; unpause them in the Temporal Web UI.",
    )


async def _trouble(client: Client, duty: str, now: datetime) -> str | None:
    try:
        found = await client.get_schedule_handle(duty).describe(rpc_timeout=timedelta(seconds=5))
    except RPCError as e:
        if e.status is RPCStatusCode.NOT_FOUND:
            return f"{duty} has no schedule"
        raise
    if found.schedule.state.paused:
        return f"{duty} is paused"
    intervals = found.schedule.spec.intervals
    every = intervals[0].every if intervals else timedelta(hours=1)
    ran = max((action.started_at for action in found.info.recent_actions), default=None)
    if found.info.running_actions:
        ran = now
    if now - (ran or found.info.created_at) > max(every * LATE, LEAST):
        return f"{duty} has not run since {ran:%H:%M:%S} UTC" if ran else f"{duty} never ran"
    return None
