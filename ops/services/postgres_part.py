"""PostgreSQL as a part of the supervisor."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from ops.services.pg_binaries import PostgresError
from ops.services.postgres import EmbeddedPostgres
from ops.supervision.part import PartFailed


class PostgresPart:
    """The embedded server; `found` hears of the DSN at each start."""

    name = "postgres"

    def __init__(self, server: EmbeddedPostgres, found: Callable[[str], None]) -> None:
        self._server = server
        self._found = found

    async def start(self) -> None:
        """Start or adopt the server; also after a crash, then on the same port."""
        try:
            self._found(await asyncio.to_thread(self._server.start))
        except (PostgresError, OSError) as e:
            raise PartFailed(f"postgres: {e}") from e

    def alive(self) -> bool:
        """Return whether the server runs; a crashed one gives up its lock to be started again."""
        if self._server.running():
            return True
        self._server.release()
        return False

    async def stop(self) -> None:
        """Stop the server."""
        await asyncio.to_thread(self._server.stop)
