"""Levels: the prices at which ingest wakes a trade. Changes are told on the channel `levels`."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import asyncpg

from domain.market import Mode
from domain.money import Price
from domain.record import Id, Record, Utc
from store.rows import read, read_all

CHANNEL = "levels"  # payload: the token id whose levels changed


class Level(Record):
    """Wake the trade when the best bid is at or above `above`, or at or below `below`."""

    workflow_id: Id
    mode: Mode
    token_id: Id
    above: Price | None
    below: Price | None
    set_at: Utc


class Levels:
    """One row per trade that watches a price."""

    def __init__(self, pool: asyncpg.Pool[Any]) -> None:
        self._pool = pool

    async def set(self, level: Level) -> None:
        """Replace the levels of a trade; with neither `above` nor `below` they are removed.

        An older `set_at` than the stored one changes nothing.
        """
        if level.above is None and level.below is None:
            await self.remove(level.workflow_id, level.mode, level.set_at)
            return
        await self._pool.execute(
            """INSERT INTO levels AS l (workflow_id, mode, token_id, above, below, set_at)
               VALUES ($1, $2, $3, $4, $5, $6)
               ON CONFLICT (workflow_id, mode) DO UPDATE SET token_id = excluded.token_id,
                   above = excluded.above, below = excluded.below, set_at = excluded.set_at
               WHERE l.set_at <= excluded.set_at""",
            level.workflow_id,
            level.mode,
            level.token_id,
            level.above,
            level.below,
            level.set_at,
        )

    async def remove(self, workflow_id: str, mode: Mode, at: datetime) -> None:
        """Watch no price for this trade any more."""
        await self._pool.execute(
            "DELETE FROM levels WHERE workflow_id = $1 AND mode = $2 AND set_at <= $3",
            workflow_id,
            mode,
            at,
        )

    async def get(self, workflow_id: str, mode: Mode) -> Level | None:
        """Return the levels of one trade."""
        row = await self._pool.fetchrow(
            "SELECT * FROM levels WHERE workflow_id = $1 AND mode = $2", workflow_id, mode
        )
        return read(Level, row) if row else None

    async def all(self, mode: Mode) -> list[Level]:
        """Return every level; ingest loads them at start and after each lost connection."""
        rows = await self._pool.fetch(
            "SELECT * FROM levels WHERE mode = $1 ORDER BY token_id, workflow_id", mode
        )
        return read_all(Level, rows)
