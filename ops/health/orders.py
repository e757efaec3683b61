"""Orders: any whose fate has been unknown for too long."""

from __future__ import annotations

from datetime import timedelta

from ops.health.report import Finding, Status
from ops.health.scene import Scene
from store.desk_standing import Standing


async def check(scene: Scene) -> Finding:
    """Return how many orders are unknown beyond the time in which a person must hear of it."""
    now = scene.clock()
    facts = await Standing(scene.pool).facts(
        scene.mode, now - scene.escalate_after, now - timedelta(hours=1), now
    )
    if not facts.unknown_orders:
        return Finding(check="orders", status=Status.HEALTHY, text="the fate of each is known")
    since = f", the oldest since {facts.oldest_unknown:%H:%M:%S}" if facts.oldest_unknown else ""
    return Finding(
        check="orders",
        status=Status.UNHEALTHY,
        text=f"{facts.unknown_orders} of unknown fate{since}",
        advice="Their money stays reserved and the bot keeps asking. Look at the venue yourself.",
    )
