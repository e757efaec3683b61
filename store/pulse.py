"""Pulse: which processes are alive, and what each reconciliation found."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

import asyncpg

from domain.market import Mode
from domain.record import Id, Record, Utc
from store.rows import read_all


class Heartbeat(Record):
    """The last sign of life of one process."""

    process: Id
    instance: Id
    at: Utc
    detail: dict[str, object] = {}


class Heartbeats:
    """One row per process instance; never back in time."""

    def __init__(self, pool: asyncpg.Pool[Any]) -> None:
        self._pool = pool

    async def beat(
        self, process: str, instance: str, at: datetime, detail: dict[str, object] | None = None
    ) -> None:
        """Say that this process is alive."""
        await self._pool.execute(
            """INSERT INTO heartbeats AS h (process, instance, at, detail) VALUES ($1, $2, $3, $4)
               ON CONFLICT (process, instance) DO UPDATE SET at = excluded.at,
                   detail = excluded.detail WHERE h.at <= excluded.at""",
            process,
            instance,
            at,
            detail or {},
        )

    async def all(self, since: datetime) -> list[Heartbeat]:
        """Return the processes heard of since a time."""
        rows = await self._pool.fetch(
            "SELECT * FROM heartbeats WHERE at >= $1 ORDER BY process, instance", since
        )
        return read_all(Heartbeat, rows)

    async def forget(self, before: datetime) -> int:
        """Drop processes that fell silent before a time; returns how many."""
        done = await self._pool.execute("DELETE FROM heartbeats WHERE at < $1", before)
        return int(done.split()[-1])


class SyncOutcome(StrEnum):
    """refused: the venue's answer was empty, partial or failed, so nothing was changed."""

    CLEAN = "clean"
    REPAIRED = "repaired"
    REFUSED = "refused"
    FAILED = "failed"


class SyncRun(Record):
    """One reconciliation."""

    sync_id: int
    run_key: Id
    mode: Mode
    kind: Id
    dry_run: bool
    started_at: Utc
    ended_at: Utc | None
    outcome: SyncOutcome | None
    counts: dict[str, int]
    differences: list[dict[str, object]]


class SyncRuns:
    """Every reconciliation is a row, also one that changed nothing."""

    def __init__(self, pool: asyncpg.Pool[Any]) -> None:
        self._pool = pool

    async def start(self, run_key: str, mode: Mode, kind: str, dry_run: bool, at: datetime) -> int:
        """Begin a run and return its number; the same key again is the same run."""
        number: int = await self._pool.fetchval(
            """INSERT INTO sync_runs AS s (run_key, mode, kind, dry_run, started_at)
               VALUES ($1, $2, $3, $4, $5)
               ON CONFLICT (run_key) DO UPDATE SET run_key = excluded.run_key
               RETURNING sync_id""",
            run_key,
            mode,
            kind,
            dry_run,
            at,
        )
        return number

    async def end(
        self,
        sync_id: int,
        outcome: SyncOutcome,
        counts: dict[str, int],
        differences: list[dict[str, object]],
        at: datetime,
    ) -> None:
        """End a run with what it found and did."""
        await self._pool.execute(
            """UPDATE sync_runs SET ended_at = $2, outcome = $3, counts = $4, differences = $5
               WHERE sync_id = $1""",
            sync_id,
            at,
            outcome,
            counts,
            differences,
        )

    async def recent(self, mode: Mode, limit: int = 20) -> list[SyncRun]:
        """Return the newest runs first."""
        rows = await self._pool.fetch(
            "SELECT * FROM sync_runs WHERE mode = $1 ORDER BY started_at DESC LIMIT $2", mode, limit
        )
        return read_all(SyncRun, rows)
