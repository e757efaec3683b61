"""Alerts: an outbox. One alert per key and cool-down, whoever raises it (MON-M3)."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import asyncpg

from domain.market import Mode
from domain.record import Id, Record, Utc
from store.rows import read_all

# One statement: the gate's row lock lets one caller through, the others find it shut.
_RAISE = """
WITH gate AS (
    INSERT INTO alert_gates AS g (key, last_at) VALUES ($1, $6)
    ON CONFLICT (key) DO UPDATE SET
        suppressed = CASE WHEN g.last_at <= $6 - $7::interval THEN 0 ELSE g.suppressed + 1 END,
        last_at = CASE WHEN g.last_at <= $6 - $7::interval THEN $6 ELSE g.last_at END
    RETURNING last_at = $6 AND suppressed = 0 AS open
), held AS (
    SELECT suppressed FROM alert_gates WHERE key = $1
)
INSERT INTO alerts (key, mode, priority, title, text, suppressed, raised_at, next_at)
SELECT $1, $2, $3, $4, $5, coalesce((SELECT suppressed FROM held), 0), $6, $6
FROM gate WHERE open
RETURNING alert_id
"""

_DUE = """
UPDATE alerts SET next_at = $1::timestamptz + $3::interval, attempts = attempts + 1
WHERE alert_id IN (SELECT alert_id FROM alerts WHERE state = 'queued' AND next_at <= $1
    ORDER BY next_at, alert_id LIMIT $2 FOR UPDATE SKIP LOCKED)
RETURNING *
"""


class Priority(StrEnum):
    """How loud an alert is."""

    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"


class AlertState(StrEnum):
    """queued until a channel took it; dead when nobody will try again."""

    QUEUED = "queued"
    SENT = "sent"
    DEAD = "dead"


class Alert(Record):
    """One alert. `suppressed` is how many of its key the gate held back before it."""

    alert_id: int
    key: Id
    mode: Mode | None
    priority: Priority
    title: str
    text: str
    suppressed: int
    raised_at: Utc
    state: AlertState
    attempts: int
    sent_at: Utc | None
    error: str
    seen_by: str | None


class Alerts:
    """The alert outbox."""

    def __init__(self, pool: asyncpg.Pool[Any]) -> None:
        self._pool = pool

    async def put(
        self,
        key: str,
        priority: Priority,
        title: str,
        text: str,
        cooldown: timedelta,
        at: datetime,
        mode: Mode | None = None,
    ) -> bool:
        """Queue an alert unless one of this key was queued within the cool-down; says which."""
        row = await self._pool.fetchval(_RAISE, key, mode, priority, title, text, at, cooldown)
        return row is not None

    async def due(
        self, at: datetime, limit: int = 20, lease: timedelta | None = None
    ) -> list[Alert]:
        """Take alerts for delivery; each goes to one caller until the lease is over (60 s)."""
        rows = await self._pool.fetch(_DUE, at, limit, lease or timedelta(seconds=60))
        return sorted(read_all(Alert, rows), key=lambda a: a.alert_id)

    async def sent(self, alert_id: int, at: datetime) -> None:
        """Record that a channel took the alert."""
        await self._pool.execute(
            "UPDATE alerts SET state = 'sent', sent_at = $2, error = '' WHERE alert_id = $1",
            alert_id,
            at,
        )

    async def failed(self, alert_id: int, error: str, retry_at: datetime | None) -> None:
        """Record a failed delivery; without a time to try again the alert is dead."""
        await self._pool.execute(
            """UPDATE alerts SET error = $2, next_at = coalesce($3, next_at),
               state = CASE WHEN $3::timestamptz IS NULL THEN 'dead' ELSE 'queued' END
               WHERE alert_id = $1""",
            alert_id,
            error,
            retry_at,
        )

    async def recent(self, since: datetime, limit: int = 100) -> list[Alert]:
        """Return the newest alerts first."""
        rows = await self._pool.fetch(
            "SELECT * FROM alerts WHERE raised_at >= $1"
            " ORDER BY raised_at DESC, alert_id DESC LIMIT $2",
            since,
            limit,
        )
        return read_all(Alert, rows)

    async def acknowledge(self, alert_id: int, who: str) -> bool:
        """Record that a person has seen it; the first one stays."""
        done = await self._pool.execute(
            "UPDATE alerts SET seen_by = $2 WHERE alert_id = $1 AND seen_by IS NULL", alert_id, who
        )
        return done == "UPDATE 1"
