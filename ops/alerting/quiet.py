"""Quiet hours: when only loud alerts may wake a person. Times are UTC."""

from __future__ import annotations

from datetime import datetime, time, timedelta


class QuietHours:
    """A daily stretch such as `22:00-07:00`; empty means never quiet.

    Raises:
        ValueError: not two times of day.
    """

    def __init__(self, text: str) -> None:
        self._from = self._until = time()
        if text:
            start, _, end = text.partition("-")
            self._from, self._until = time.fromisoformat(start), time.fromisoformat(end)

    def until(self, now: datetime) -> datetime | None:
        """Return when the present quiet stretch ends, or None outside one."""
        clock = now.time().replace(tzinfo=None)
        over_midnight = self._from > self._until
        inside = (
            clock >= self._from or clock < self._until
            if over_midnight
            else self._from <= clock < self._until
        )
        if not inside:
            return None
        day = now.date()
        if over_midnight and clock >= self._from:
            day += timedelta(days=1)
        return datetime.combine(day, self._until, tzinfo=now.tzinfo)
