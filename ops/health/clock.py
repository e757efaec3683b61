"""Clock: our clock against the database's and the venue's. Ages and deadlines rest on it."""

from __future__ import annotations

from datetime import timedelta

from ops.health.report import Finding, Status
from ops.health.scene import Scene

WARN, BAD = timedelta(seconds=2), timedelta(seconds=10)  # of signatures and G1's 300 s


async def check(scene: Scene) -> Finding:
    """Return the largest difference between the clocks."""
    before = scene.clock()
    there = await scene.pool.fetchval("SELECT clock_timestamp()", timeout=5)
    after = scene.clock()
    skews = {"database": abs(there - (before + (after - before) / 2))}
    if scene.venue_time is not None:
        before = scene.clock()
        said = await scene.venue_time()
        after = scene.clock()
        skews["venue"] = abs(said - (before + (after - before) / 2))
    name, skew = max(skews.items(), key=lambda item: item[1])
    text = f"{skew.total_seconds():.1f} s from the clock of the {name}"
    if skew <= WARN:
        return Finding(check="clock", status=Status.HEALTHY, text=text)
    status = Status.UNHEALTHY if skew > BAD else Status.WARNING
    return Finding(
        check="clock", status=status, text=text, advice="Synchronise this machine's clock (NTP)."
    )
