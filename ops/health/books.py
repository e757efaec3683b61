"""Books: do the running totals of the account agree with the rows they sum."""

from __future__ import annotations

from ops.health.report import Finding, Status
from ops.health.scene import Scene
from store.account import Account


async def check(scene: Scene) -> Finding:
    """Return whether any total drifted; one that did is a defect of ours."""
    drift = await Account(scene.pool).drift()
    if not drift:
        return Finding(check="books", status=Status.HEALTHY, text="totals agree with their rows")
    names = ", ".join(f"{row['mode']} {row['total']}" for row in drift)
    return Finding(
        check="books",
        status=Status.UNHEALTHY,
        text=f"totals differ from their rows: {names}",
        advice="Halt, and report this: it is a defect.",
    )
