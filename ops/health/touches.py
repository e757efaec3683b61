"""Touches: those that were missed or that a gap of the stream may hide."""

from __future__ import annotations

from datetime import timedelta

from ops.health.report import Finding, Status
from ops.health.scene import Scene
from store.desk_standing import Standing

RECENT = timedelta(hours=1)


async def check(scene: Scene) -> Finding:
    """Return how many touches of the last hour started no trade for want of sight or speed."""
    now = scene.clock()
    facts = await Standing(scene.pool).facts(scene.mode, now, now - RECENT, now)
    if not facts.unseen + facts.missed:
        return Finding(check="touches", status=Status.HEALTHY, text="none lost in the last hour")
    return Finding(
        check="touches",
        status=Status.WARNING,
        text=f"{facts.unseen} unseen and {facts.missed} missed in the last hour",
        advice="See the page Triggers: gaps of the stream, or Temporal was away too long.",
    )
