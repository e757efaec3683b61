"""Disk: room where the state lives. PostgreSQL and Temporal stop when it is full."""

from __future__ import annotations

import asyncio

import psutil

from ops.health.report import Finding, Status
from ops.health.scene import Scene

WARN, BAD = 90.0, 97.0  # percent used
ROOM = 5 * 2**30  # bytes free that are enough, whatever the percentage


async def check(scene: Scene) -> Finding:
    """Return how full the disk is."""
    place = scene.state if scene.state.exists() else scene.state.parent
    usage = await asyncio.to_thread(psutil.disk_usage, str(place))
    return judge(usage.percent, usage.free)


def judge(used: float, free: int) -> Finding:
    """Return what the figures mean; percent used and bytes free."""
    text = f"{used:.0f} % used, {free / 2**30:.1f} GiB free"
    if free >= ROOM or used < WARN:
        return Finding(check="disk", status=Status.HEALTHY, text=text)
    status = Status.UNHEALTHY if used >= BAD else Status.WARNING
    advice = "Make room: without it the database stops, and with it every purchase."
    return Finding(check="disk", status=status, text=text, advice=advice)
