"""The store before anything runs: the server that was named, or the embedded one for a while."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from pydantic import SecretStr

from ops.services.postgres import EmbeddedPostgres
from ops.stack.database import migrate_database, require_database
from settings.model import Settings


@asynccontextmanager
async def store_at_hand(settings: Settings) -> AsyncIterator[Settings]:
    """Yield the settings with a database that answers and is migrated.

    Raises:
        PartFailed, PostgresError: there is none.
    """
    if dsn := settings.database_url.get_secret_value():
        await require_database(dsn)
        await migrate_database(dsn)
        yield settings
        return
    server = EmbeddedPostgres(settings.state)
    dsn = await asyncio.to_thread(server.start)
    try:
        await migrate_database(dsn)
        yield settings.model_copy(update={"database_url": SecretStr(dsn)})
    finally:
        await asyncio.to_thread(server.stop)
