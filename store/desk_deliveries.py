"""Deliveries: which channel took which alert, so that a retry never repeats on another one."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import asyncpg


class Deliveries:
    """One row per (alert, channel)."""

    def __init__(self, pool: asyncpg.Pool[Any]) -> None:
        self._pool = pool

    async def taken(self, alert_id: int) -> frozenset[str]:
        """Return the channels that took the alert."""
        rows = await self._pool.fetch(
            "SELECT channel FROM deliveries WHERE alert_id = $1", alert_id
        )
        return frozenset(row["channel"] for row in rows)

    async def take(self, alert_id: int, channel: str, at: datetime) -> None:
        """Record that a channel took the alert."""
        await self._pool.execute(
            "INSERT INTO deliveries (alert_id, channel, at) VALUES ($1, $2, $3)"
            " ON CONFLICT DO NOTHING",
            alert_id,
            channel,
            at,
        )

    async def waiting(self, before: datetime) -> int:
        """Return how many alerts were raised before a time and reached nobody yet."""
        count: int = await self._pool.fetchval(
            "SELECT count(*) FROM alerts WHERE state = 'queued' AND raised_at < $1", before
        )
        return count
