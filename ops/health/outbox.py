"""Outbox: alerts that reached nobody."""

from __future__ import annotations

from datetime import timedelta

from ops.health.report import Finding, Status
from ops.health.scene import Scene
from store.desk_standing import Standing

LATE = timedelta(minutes=5)


async def check(scene: Scene) -> Finding:
    """Return how many alerts wait for too long or were given up."""
    now = scene.clock()
    facts = await Standing(scene.pool).facts(scene.mode, now, now - timedelta(days=1), now - LATE)
    if not facts.undelivered + facts.dead_alerts:
        return Finding(check="outbox", status=Status.HEALTHY, text="every alert was delivered")
    return Finding(
        check="outbox",
        status=Status.DEGRADED,
        text=f"{facts.undelivered} alerts wait, {facts.dead_alerts} were given up",
        advice="Do Telegram and the webhook answer? The alerts are on the page Alerts.",
    )
