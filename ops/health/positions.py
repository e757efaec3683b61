"""Positions: how many slots are taken, of how many (MON-L1); pending buys and claims count."""

from __future__ import annotations

from ops.health.report import Finding, Status
from ops.health.scene import Scene
from store.account import Account

NEARLY = 90  # percent of the limit


async def check(scene: Scene) -> Finding:
    """Return whether the limit of positions is near or broken."""
    account = await Account(scene.pool).get(scene.mode)
    return judge(account.open_slots, scene.risk.max_positions)


def judge(taken: int, most: int) -> Finding:
    """Return what the number of open positions and open buys means."""
    text = f"{taken} of {most} positions"
    if taken > most:
        status, advice = Status.UNHEALTHY, "More than allowed: were limits lowered? Look at each."
    elif taken * 100 >= most * NEARLY:
        status, advice = Status.WARNING, "Soon nothing more is bought; raise risk.max_positions?"
    else:
        status, advice = Status.HEALTHY, ""
    return Finding(check="positions", status=status, text=text, advice=advice)
