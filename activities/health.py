"""Health as an activity: look, and put what is wrong into the alert outbox."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Protocol

from temporalio import activity

from activities.clock import Clock
from domain.market import Mode
from domain.record import Record
from store.alerts import Alerts, Priority

UNHEALTHY = "unhealthy"
LONGER = {"balance": timedelta(hours=1), "halt": timedelta(hours=6)}  # a person knows by then


class HealthLook(Record):
    """What the look before this one found, as `check:status`."""

    before: tuple[str, ...] = ()


class HealthSeen(Record):
    """What one look found."""

    overall: str
    troubles: tuple[str, ...] = ()


class FindingLike(Protocol):
    """What one check found."""

    @property
    def check(self) -> str:
        """Which check."""

    @property
    def status(self) -> str:
        """healthy, warning, degraded or unhealthy."""

    @property
    def text(self) -> str:
        """What was seen."""

    @property
    def advice(self) -> str:
        """What a person can do."""


class ReportLike(Protocol):
    """All checks of one moment."""

    @property
    def overall(self) -> str:
        """The status of the whole."""

    @property
    def troubles(self) -> Sequence[FindingLike]:
        """What is not healthy, the worst first."""


Examine = Callable[[], Awaitable[ReportLike]]


class HealthActivities:
    """Bound to the checks of ops/health; built once per worker in worker/bootstrap.py."""

    def __init__(
        self, examine: Examine, alerts: Alerts, mode: Mode, cool_down: timedelta, clock: Clock
    ) -> None:
        self._examine, self._alerts, self._mode = examine, alerts, mode
        self._cool_down, self._clock = cool_down, clock

    @activity.defn
    async def check_health(self, look: HealthLook) -> HealthSeen:
        """Run all checks, and raise one alert for each trouble that was there before as well.

        A trouble of one look may be a start, a restart or a hiccup. The key of an alert is check
        and status, so that a worsening speaks at once and a lasting trouble once in each
        cool-down, whichever worker looks.
        """
        report = await self._examine()
        seen = []
        for finding in report.troubles:
            key = f"{finding.check}:{finding.status}"
            seen.append(key)
            if key in look.before:
                await self._tell(key, finding)
        return HealthSeen(overall=str(report.overall), troubles=tuple(seen))

    async def _tell(self, key: str, finding: FindingLike) -> None:
        loud = finding.status == UNHEALTHY
        await self._alerts.put(
            f"health:{key}",
            Priority.HIGH if loud else Priority.NORMAL,
            f"{finding.check}: {finding.status}",
            f"{finding.text}. {finding.advice}".strip(),
            LONGER.get(finding.check, self._cool_down),
            self._clock(),
            self._mode,
        )
