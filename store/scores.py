"""Scores and blocks: what a model said of a token, and which markets a person ruled out."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

import asyncpg

from domain.record import Id, Record, Utc
from store.audit import write_audit
from store.rows import read, read_all


class ScoreRow(Record):
    """One score with its source; its age is for the caller to judge (Q2)."""

    condition_id: Id
    token_id: Id
    provider: Id
    version: Id
    value: Decimal
    scored_at: Utc


class Block(Record):
    """A market that must not be bought, by a person's word."""

    condition_id: Id
    who: Id
    why: str
    blocked_at: Utc


class Scores:
    """Scores, with history."""

    def __init__(self, pool: asyncpg.Pool[Any]) -> None:
        self._pool = pool

    async def put(self, rows: list[ScoreRow]) -> int:
        """Write scores and return how many were new (STO-M3)."""
        written = await self._pool.fetch(
            """INSERT INTO scores (condition_id, token_id, provider, version, value, scored_at)
               SELECT condition_id, token_id, provider, version, value, scored_at
               FROM jsonb_populate_recordset(NULL::scores, $1)
               ON CONFLICT (token_id, provider, version, scored_at) DO NOTHING
               RETURNING score_id""",
            [row.model_dump(mode="json") for row in rows],
        )
        return len(written)

    async def latest(self, token_id: str, provider: str) -> ScoreRow | None:
        """Return the newest score of a token by a provider, whatever its version."""
        row = await self._pool.fetchrow(
            """SELECT condition_id, token_id, provider, version, value, scored_at FROM scores
               WHERE token_id = $1 AND provider = $2 ORDER BY scored_at DESC LIMIT 1""",
            token_id,
            provider,
        )
        return read(ScoreRow, row) if row else None


class Blocks:
    """Markets that a person ruled out."""

    def __init__(self, pool: asyncpg.Pool[Any]) -> None:
        self._pool = pool

    async def add(self, condition_id: str, who: str, why: str, at: datetime) -> bool:
        """Block a market; audited. False when it was blocked already."""
        async with self._pool.acquire() as connection, connection.transaction():
            done = await connection.execute(
                "INSERT INTO blocks (condition_id, who, why, blocked_at) VALUES ($1, $2, $3, $4)"
                " ON CONFLICT DO NOTHING",
                condition_id,
                who,
                why,
                at,
            )
            result = "blocked" if done == "INSERT 0 1" else "was blocked"
            await write_audit(connection, at, who, "block", condition_id, why, result)
        return done == "INSERT 0 1"

    async def remove(self, condition_id: str, who: str, why: str, at: datetime) -> bool:
        """Lift a block; audited. False when there was none."""
        async with self._pool.acquire() as connection, connection.transaction():
            done = await connection.execute(
                "DELETE FROM blocks WHERE condition_id = $1", condition_id
            )
            result = "lifted" if done == "DELETE 1" else "was not blocked"
            await write_audit(connection, at, who, "unblock", condition_id, why, result)
        return done == "DELETE 1"

    async def all(self) -> list[Block]:
        """Return every block, the newest first."""
        return read_all(
            Block, await self._pool.fetch("SELECT * FROM blocks ORDER BY blocked_at DESC")
        )

    async def has(self, condition_id: str) -> bool:
        """Return whether a market is blocked."""
        return bool(
            await self._pool.fetchval(
                "SELECT true FROM blocks WHERE condition_id = $1", condition_id
            )
        )
