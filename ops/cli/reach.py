"""Reaching what runs: the store and Temporal of a state directory, or those that were named."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, TypeVar

import asyncpg
from temporalio.client import Client

from ops.cli.exits import CliError, Exit
from ops.services.postgres import running_dsn
from ops.services.temporal import TemporalUnreachable, connect
from ops.stack.runfile import Running, running
from settings.model import Settings
from store.pool import open_pool

T = TypeVar("T")


def not_running(settings: Settings) -> CliError:
    """Return the error for commands that need a running stack."""
    return CliError(
        Exit.NOT_RUNNING,
        f"nothing runs in {settings.state}: start it with ./touchline up,"
        " or set TOUCHLINE_STATE or DATABASE_URL to where it runs",
    )


def require_running(settings: Settings) -> Running:
    """Return what runs in the state directory."""
    found = running(settings.state)
    if found is None:
        raise not_running(settings)
    return found


def dsn_of(settings: Settings) -> str:
    """Return where the store is: the setting, else the embedded server if it runs."""
    found = settings.database_url.get_secret_value() or running_dsn(settings.state)
    if not found:
        raise not_running(settings)
    return found


@contextlib.asynccontextmanager
async def store(settings: Settings) -> AsyncIterator[asyncpg.Pool[Any]]:
    """Open the store for the length of a command."""
    try:
        pool = await open_pool(dsn_of(settings), max_size=2, connect_timeout=5)
    except (OSError, TimeoutError, asyncpg.PostgresError) as e:
        raise CliError(Exit.NOT_RUNNING, f"the database does not answer: {e or 'timeout'}") from e
    try:
        yield pool
    finally:
        await pool.close()


def run_with_store(
    settings: Settings, action: Callable[[asyncpg.Pool[Any]], Awaitable[T]], within: float = 30
) -> T:
    """Run one action with the store, at most `within` seconds."""

    async def work() -> T:
        async with store(settings) as pool:
            return await action(pool)

    return run_within(work, within)


def run_within(work: Callable[[], Awaitable[T]], within: float) -> T:
    """Run a coroutine to its end; too long is exit code 5, a database without tables 3."""

    async def limited() -> T:
        return await asyncio.wait_for(work(), within)

    try:
        return asyncio.run(limited())
    except TimeoutError as e:
        raise CliError(Exit.TIMEOUT, f"no answer within {within:g} s") from e
    except asyncpg.UndefinedTableError as e:
        raise CliError(
            Exit.NOT_RUNNING, "the database has no tables yet: run ./touchline migrate"
        ) from e


async def temporal(settings: Settings) -> Client:
    """Return a client of the Temporal that runs, or that was named."""
    place = settings.temporal
    if not place.address:
        found = require_running(settings)
        there = {"address": found.temporal_address, "namespace": found.namespace}
        place = place.model_copy(update={**there, "embedded": True})
    try:
        return await connect(place)
    except TemporalUnreachable as e:
        raise CliError(Exit.NOT_RUNNING, str(e)) from e
