"""A start with real money: exits only, until the first reconciliation finds nothing to mend."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import asyncpg
import structlog

from activities.clock import Clock, utc_now
from domain.market import Mode
from domain.trade import HaltState
from store.account import Account
from store.pulse import SyncOutcome, SyncRuns

log = structlog.get_logger()

WHO = "start gate"
WHY = "start: exits only until the first clean reconciliation"
LOOK = timedelta(seconds=2)


@asynccontextmanager
async def starting_gently(
    pool: asyncpg.Pool[Any], mode: Mode, clock: Clock = utc_now, every: timedelta = LOOK
) -> AsyncIterator[None]:
    """Reduce a live account at the start and resume it once a reconciliation was clean.

    Play money starts at once. A halt that a person ordered is never lifted: the reason is part
    of the state, and only a reduction with our own reason is ended.
    """
    if mode is not Mode.LIVE:
        yield
        return
    account = Account(pool)
    began = clock()
    if (await account.get(mode)).halt is HaltState.ACTIVE:
        await account.halt(mode, HaltState.REDUCING, WHO, WHY, began)
        log.info("reducing", why=WHY)
    lifting = asyncio.create_task(_lift(pool, mode, clock, every))
    try:
        yield
    finally:
        lifting.cancel()
        await asyncio.gather(lifting, return_exceptions=True)


async def _lift(pool: asyncpg.Pool[Any], mode: Mode, clock: Clock, every: timedelta) -> None:
    account, runs, began = Account(pool), SyncRuns(pool), clock()
    while True:
        await asyncio.sleep(every.total_seconds())
        try:
            row = await account.get(mode)
            if row.halt is not HaltState.REDUCING or row.halt_why != WHY:
                return  # a person decided meanwhile
            clean = any(
                run.outcome is SyncOutcome.CLEAN and not run.dry_run and run.started_at >= began
                for run in await runs.recent(mode)
            )
            if clean:
                why = "reconciled after the start: nothing to mend"
                await account.halt(mode, HaltState.ACTIVE, WHO, why, clock())
                log.info("active", why=why)
                return
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as e:
            log.warning("store_away", error=repr(e)[:200])
