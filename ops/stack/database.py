"""The database before anything else starts: reachable, and migrated."""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit

import asyncpg

from ops.supervision.part import PartFailed
from store.migrations import MigrationError, migrate


def without_password(dsn: str) -> str:
    """Return where a DSN points, for messages: host, port and database."""
    parts = urlsplit(dsn)
    return f"{parts.hostname or ''}:{parts.port or 5432}{parts.path}"


async def require_database(dsn: str, within: float = 5.0) -> None:
    """Connect once to a server somebody else runs.

    Raises:
        PartFailed: it does not answer, or does not let us in.
    """
    try:
        connection = await asyncio.wait_for(asyncpg.connect(dsn), timeout=within)
        await connection.close()
    except (OSError, TimeoutError, ValueError, asyncpg.PostgresError, asyncpg.InterfaceError) as e:
        reason = str(e) or "no answer"
        raise PartFailed(
            f"cannot reach the database at {without_password(dsn)} (DATABASE_URL): {reason}."
            " Start that server, correct the address, or unset it to use the embedded one"
        ) from e


async def migrate_database(dsn: str) -> None:
    """Apply the migrations that are missing."""
    try:
        await migrate(dsn)
    except MigrationError as e:
        raise PartFailed(f"migrations: {e}") from e
