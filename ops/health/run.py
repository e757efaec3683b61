"""Run all checks at once, within a budget, and remember the answer for a moment."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType

from ops.health import (
    balance,
    books,
    clock,
    database,
    disk,
    duties,
    halt,
    orders,
    outbox,
    positions,
    reconciliation,
    stream,
    temporal,
    touches,
    workers,
)
from ops.health.report import Finding, Report, Status, overall
from ops.health.scene import Scene

Check = Callable[[Scene], Awaitable[Finding]]

CHECKS: Mapping[str, Check] = MappingProxyType(
    {
        "database": database.check,
        "temporal": temporal.check,
        "workers": workers.check,
        "stream": stream.check,
        "reconciliation": reconciliation.check,
        "orders": orders.check,
        "balance": balance.check,
        "positions": positions.check,
        "books": books.check,
        "touches": touches.check,
        "outbox": outbox.check,
        "duties": duties.check,
        "halt": halt.check,
        "clock": clock.check,
        "disk": disk.check,
    }
)
BUDGET = 5.0  # seconds for all of them (spec 15)
FRESH = 5.0  # seconds an answer is good for


async def examine(
    scene: Scene, checks: Mapping[str, Check] = CHECKS, budget: float = BUDGET
) -> Report:
    """Run every check; one that fails or takes too long is unhealthy, the others go on."""
    findings = await asyncio.gather(
        *(_one(name, check, scene, budget) for name, check in checks.items())
    )
    return Report(overall=overall(findings), findings=tuple(findings), at=scene.clock())


async def _one(name: str, check: Check, scene: Scene, budget: float) -> Finding:
    try:
        return await asyncio.wait_for(check(scene), budget)
    except TimeoutError:
        return Finding(check=name, status=Status.UNHEALTHY, text=f"no answer within {budget:g} s")
    except Exception as e:  # the edge: a broken check must show, not break the others
        return Finding(check=name, status=Status.UNHEALTHY, text=f"{type(e).__name__}: {e}"[:300])


class CachedHealth:
    """The report for many readers: checked at most every few seconds, by one of them."""

    def __init__(
        self, scene: Callable[[], Scene], fresh: float = FRESH, budget: float = BUDGET
    ) -> None:
        self._scene, self._fresh, self._budget = scene, fresh, budget
        self._lock = asyncio.Lock()
        self._report: Report | None = None
        self._taken = 0.0

    async def report(self) -> Report:
        """Return a report that is at most `fresh` seconds old."""
        async with self._lock:
            if self._report is None or time.monotonic() - self._taken > self._fresh:
                self._report = await examine(self._scene(), budget=self._budget)
                self._taken = time.monotonic()
            return self._report
