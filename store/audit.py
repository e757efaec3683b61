"""Audit: who did what, when, why, and what came of it. Rows are written once and stay."""

from __future__ import annotations

from datetime import datetime
from typing import Any, TypeAlias

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from domain.record import Id, Record, Utc

# As text: asyncpg's classes take a type parameter in their stubs only.
Connection: TypeAlias = "asyncpg.Connection[Any] | PoolConnectionProxy[Any]"

_WRITE = """INSERT INTO audit (at, who, what, target, why, result, detail)
VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING audit_id"""


class AuditRow(Record):
    """One action of an operator, or one that the bot took in a person's place."""

    audit_id: int
    at: Utc
    who: Id
    what: Id
    target: str
    why: str
    result: str
    detail: dict[str, object] = {}


async def write_audit(
    connection: Connection,
    at: datetime,
    who: str,
    what: str,
    target: str,
    why: str,
    result: str,
    detail: dict[str, object] | None = None,
) -> int:
    """Write one row in the caller's transaction, so that act and record stand or fall together."""
    return int(await connection.fetchval(_WRITE, at, who, what, target, why, result, detail or {}))


class Audit:
    """The audit trail."""

    def __init__(self, pool: asyncpg.Pool[Any]) -> None:
        self._pool = pool

    async def write(
        self,
        who: str,
        what: str,
        target: str,
        why: str,
        result: str,
        at: datetime,
        detail: dict[str, object] | None = None,
    ) -> int:
        """Write one row and return its number."""
        async with self._pool.acquire() as connection:
            return await write_audit(connection, at, who, what, target, why, result, detail)

    async def since(self, since: datetime, limit: int = 200) -> list[AuditRow]:
        """Return the newest rows first."""
        rows = await self._pool.fetch(
            "SELECT * FROM audit WHERE at >= $1 ORDER BY at DESC, audit_id DESC LIMIT $2",
            since,
            limit,
        )
        return [AuditRow.model_validate(dict(row)) for row in rows]
