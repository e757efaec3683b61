"""Report: what each check found, and what that makes of the whole."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from domain.record import Record, Utc


class Status(StrEnum):
    """healthy; warning and degraded: look soon; unhealthy: act now."""

    HEALTHY = "healthy"
    WARNING = "warning"
    DEGRADED = "degraded"
    UNHEALTHY = "unhealthy"


class Finding(Record):
    """One check: what was seen, and what a person can do about it."""

    check: str
    status: Status
    text: str
    advice: str = ""


class Report(Record):
    """All checks of one moment."""

    overall: Status
    findings: tuple[Finding, ...]
    at: Utc

    @property
    def troubles(self) -> tuple[Finding, ...]:
        """Return what is not healthy, the worst first."""
        found = [f for f in self.findings if f.status is not Status.HEALTHY]
        return tuple(sorted(found, key=lambda f: -_ORDER.index(f.status)))


_ORDER = (Status.HEALTHY, Status.WARNING, Status.DEGRADED, Status.UNHEALTHY)


def overall(findings: Iterable[Finding]) -> Status:
    """Return unhealthy if any is, else degraded if any is not healthy (spec 15)."""
    statuses = {finding.status for finding in findings}
    if Status.UNHEALTHY in statuses:
        return Status.UNHEALTHY
    if statuses - {Status.HEALTHY}:
        return Status.DEGRADED
    return Status.HEALTHY
