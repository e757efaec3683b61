"""Migrations: numbered SQL files, forward only, applied once and checked for ever."""

from __future__ import annotations

import asyncio
import hashlib
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg

FOLDER = Path(__file__).resolve().parents[1] / "migrations"
LOCK = 0x746F7563  # any constant of ours; per database
OUTSIDE = "-- no-transaction"  # first line of a file with CREATE INDEX CONCURRENTLY

_TABLE = """CREATE TABLE IF NOT EXISTS schema_migrations (
    version int PRIMARY KEY, name text NOT NULL, sha256 text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now(), ms int NOT NULL)"""


class MigrationError(RuntimeError):
    """The database and the migration files do not fit; nothing of the failing file is kept."""


@dataclass(frozen=True, slots=True)
class Migration:
    """One file: its number, its name, its text and the hash that binds it."""

    version: int
    name: str
    sql: str

    @property
    def sha256(self) -> str:
        """Return the hash of the text, in hexadecimal."""
        return hashlib.sha256(self.sql.encode()).hexdigest()


def read_migrations(folder: Path = FOLDER) -> list[Migration]:
    """Return the files of the folder in order.

    Raises:
        MigrationError: no file, or the numbers do not run 0001, 0002, ... one by one.
    """
    files = sorted(folder.glob("[0-9][0-9][0-9][0-9]_*.sql"))
    numbers = [int(f.name[:4]) for f in files]
    if not files or numbers != list(range(1, len(files) + 1)):
        raise MigrationError(f"expected {folder} to number files 0001, 0002, ..., was {numbers}")
    return [Migration(int(f.name[:4]), f.stem, f.read_text()) for f in files]


async def migrate(dsn: str, folder: Path = FOLDER, wait: float = 60) -> list[str]:
    """Apply what is missing and return the names applied, none when all is in place.

    One process applies at a time; others wait up to `wait` seconds and then find nothing to do.

    Raises:
        MigrationError: the files are out of order, an applied file was changed, the database
            is newer than this code, a file failed (it is rolled back whole), or the wait ended.
    """
    files = read_migrations(folder)
    connection = await asyncpg.connect(dsn)
    try:
        await _take_lock(connection, wait)
        await connection.execute(_TABLE)
        applied = await connection.fetch("SELECT version, name, sha256 FROM schema_migrations")
        missing = _missing(files, applied)
        for file in missing:
            await _apply(connection, file)
        return [file.name for file in missing]
    finally:
        await connection.close()


async def pending(dsn: str, folder: Path = FOLDER) -> list[str]:
    """Return the names that `migrate` would apply, without applying them.

    Raises:
        MigrationError: as `migrate`.
    """
    files = read_migrations(folder)
    connection = await asyncpg.connect(dsn)
    try:
        known = await connection.fetchval("SELECT to_regclass('schema_migrations') IS NOT NULL")
        query = "SELECT version, name, sha256 FROM schema_migrations"
        applied = await connection.fetch(query) if known else []
        return [file.name for file in _missing(files, applied)]
    finally:
        await connection.close()


def _missing(files: list[Migration], applied: list[Any]) -> list[Migration]:
    have = {row["version"]: row for row in applied}
    extra = sorted(row["name"] for v, row in have.items() if v > files[-1].version)
    if extra:
        raise MigrationError(
            f"expected a database of this code or older, was newer: it has {', '.join(extra)}. "
            "Update the code, or restore a backup made before."
        )
    for file in files:
        row = have.get(file.version)
        if row and row["sha256"] != file.sha256:
            raise MigrationError(
                f"expected {file.name}.sql as it was applied ({row['sha256'][:12]}), "
                f"was changed ({file.sha256[:12]}). Restore the file and add a new one instead."
            )
    return [file for file in files if file.version not in have]


async def _take_lock(connection: asyncpg.Connection[Any], wait: float) -> None:
    # Polled on purpose: a session that blocks in pg_advisory_lock holds a snapshot, for which a
    # CREATE INDEX CONCURRENTLY of the holder waits, and both end in "deadlock detected".
    end = time.monotonic() + wait
    while not await connection.fetchval("SELECT pg_try_advisory_lock($1)", LOCK):
        if time.monotonic() > end:
            raise MigrationError(f"expected another migration to end within {wait} s, was not over")
        await asyncio.sleep(0.05)


async def _apply(connection: asyncpg.Connection[Any], file: Migration) -> None:
    started = time.perf_counter()
    try:
        if file.sql.startswith(OUTSIDE):
            await connection.execute(file.sql)
            await _record(connection, file, started)
        else:
            async with connection.transaction():
                await connection.execute(file.sql)
                await _record(connection, file, started)
    except asyncpg.PostgresError as e:
        at = getattr(e, "position", None)
        line = file.sql[: int(at)].count("\n") + 1 if at else "?"
        raise MigrationError(f"{file.name}.sql, line {line}: {e}") from e


async def _record(connection: asyncpg.Connection[Any], file: Migration, started: float) -> None:
    await connection.execute(
        "INSERT INTO schema_migrations (version, name, sha256, ms) VALUES ($1, $2, $3, $4)",
        file.version,
        file.name,
        file.sha256,
        round((time.perf_counter() - started) * 1000),
    )
