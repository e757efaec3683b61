"""Database: one statement, and how long it took."""

from __future__ import annotations

import time

from ops.health.report import Finding, Status
from ops.health.scene import Scene

SLOW = 0.5  # seconds for one statement that touches nothing

ADVICE = "Is PostgreSQL up and its disk not full? Nothing is bought without it."


async def check(scene: Scene) -> Finding:
    """Return whether the database answers, and how fast."""
    begun = time.monotonic()
    await scene.pool.fetchval("SELECT 1", timeout=5)
    took = time.monotonic() - begun
    status = Status.DEGRADED if took > SLOW else Status.HEALTHY
    advice = ADVICE if took > SLOW else ""
    return Finding(
        check="database", status=status, text=f"answers in {took * 1000:.0f} ms", advice=advice
    )
