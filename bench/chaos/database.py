"""The real database behind connections that can be cut, and an empty one for each seed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg

from bench.chaos.clock import virtual
from bench.chaos.nemesis import active
from store.pool import prepare_connection

KEEP = ("schema_migrations", "account")
_FRESH = """UPDATE account SET balance = NULL, balance_at = NULL, halt = 'active', halt_why = '',
    halt_at = NULL, reserved = 0, fee_reserved = 0, position_cost = 0, unsettled = 0,
    open_slots = 0, today = '2000-01-01', today_profit = 0"""


class Cuttable(asyncpg.Connection):
    """A connection that tells the clock when it waits and the nemesis what it does."""

    async def execute(self, query: str, *args: Any, **more: Any) -> Any:
        """Execute, perhaps in vain: COMMIT may be answered to nobody (D2)."""
        return await self._through(
            query, lambda: super(Cuttable, self).execute(query, *args, **more)
        )

    async def fetch(self, query: str, *args: Any, **more: Any) -> Any:
        """Fetch rows."""
        return await self._through(query, lambda: super(Cuttable, self).fetch(query, *args, **more))

    async def fetchrow(self, query: str, *args: Any, **more: Any) -> Any:
        """Fetch a row."""
        return await self._through(
            query, lambda: super(Cuttable, self).fetchrow(query, *args, **more)
        )

    async def fetchval(self, query: str, *args: Any, **more: Any) -> Any:
        """Fetch a value."""
        return await self._through(
            query, lambda: super(Cuttable, self).fetchval(query, *args, **more)
        )

    async def _through(self, query: str, act: Callable[[], Awaitable[Any]]) -> Any:
        nemesis = active.get()
        if nemesis is None or query.startswith("ROLLBACK"):
            return await self._real(act)
        await nemesis.step(f"before {query[:30]!r}", locked=self.is_in_transaction())
        when = nemesis.cut(query)
        if when == "before":
            self._cut()
        answer = await self._real(act)
        if when == "after":
            self._cut()
        await nemesis.step(f"after {query[:30]!r}", locked=self.is_in_transaction())
        return answer

    def _cut(self) -> None:
        self.terminate()
        raise asyncpg.ConnectionDoesNotExistError(
            "connection was closed in the middle of operation"
        )

    async def _real(self, act: Callable[[], Awaitable[Any]]) -> Any:
        with virtual().outside():
            return await act()


async def _connect(*args: Any, **more: Any) -> Any:
    with virtual().outside():
        return await asyncpg.connect(*args, **more)


async def _init(connection: Any) -> None:
    with virtual().outside():
        await prepare_connection(connection)


async def _keep(_: Any) -> None:
    """Leave a returned connection as it is, like store/pool.py."""


class Database:
    """One database of one process; each seed finds it empty."""

    def __init__(self, pool: asyncpg.Pool[Any], admin: asyncpg.Connection[Any], wipe: str) -> None:
        self.pool = pool
        self._admin, self._wipe = admin, wipe

    @classmethod
    async def open(cls, dsn: str) -> Database:
        """Connect; the clock stands still meanwhile."""
        with virtual().outside():
            admin = await asyncpg.connect(dsn)
            rows = await admin.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        names = [row["tablename"] for row in rows if row["tablename"] not in KEEP]
        wipe = "".join(f"DELETE FROM {name};" for name in names)
        pool = await asyncpg.create_pool(
            dsn,
            min_size=0,
            max_size=2,
            max_inactive_connection_lifetime=0,
            command_timeout=15,
            connect=_connect,
            connection_class=Cuttable,
            init=_init,
            reset=_keep,
            server_settings={"application_name": "chaos", "timezone": "UTC"},
        )
        return cls(pool, admin, wipe)

    async def fresh(self) -> None:
        """Empty every table without its triggers."""
        with virtual().outside():
            await self._admin.execute(
                f"SET session_replication_role = replica; {self._wipe} {_FRESH};"
            )

    async def close(self) -> None:
        """Close all connections."""
        with virtual().outside():
            await self.pool.close()
            await self._admin.close()
