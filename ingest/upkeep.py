"""Upkeep: everything ingest does now and again, beside the stream."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import structlog

from domain.market import Mode
from domain.trade import ClaimState
from ingest.dispatch import utc_now
from ingest.feed import Feed
from ingest.levels import Levels, Watched
from ingest.memory import FOR_GOOD, Memory
from ingest.outage import STORE_AWAY
from ingest.pipeline import Pipeline
from store.claims import Claims, Spent
from store.levels import Levels as StoredLevels
from store.scores import Blocks

log = structlog.get_logger()

SETTLING = timedelta(seconds=30)  # a trade we just started may not have claimed its row yet
EVERY = timedelta(seconds=10)  # between two looks at the claims
_NEVER = datetime.min.replace(tzinfo=UTC)


class Upkeep:
    """Keeps memory, blocks and levels equal to the store, and asks again for missing books."""

    def __init__(
        self,
        pool: asyncpg.Pool[Any],
        mode: Mode,
        memory: Memory,
        pipeline: Pipeline,
        levels: Levels,
        feed: Feed,
        wanted: Callable[[], list[str]],
        rest: timedelta,
        waiting: Callable[[], int],
    ) -> None:
        """`wanted` are the tokens to subscribe to after levels changed.

        `waiting` is how many triggers wait for Temporal: their ids are taken, whatever the age.
        `rest` is how long an id rests after "not now": where that is short, claims are looked
        at more often.
        """
        self._settling, self._every = min(SETTLING, rest), min(EVERY, rest / 2)
        self._claims, self._blocks, self._stored = Claims(pool), Blocks(pool), StoredLevels(pool)
        self._mode, self._memory, self._pipeline = mode, memory, pipeline
        self._levels, self._feed, self._wanted = levels, feed, wanted
        self._waiting = waiting
        self._reload = asyncio.Event()
        self.failures = 0

    async def load(self) -> None:
        """Read from the store what must not be started, is blocked, and is watched.

        Raises:
            OSError, asyncpg.PostgresError: the store does not answer; nothing starts without it.
        """
        await self.agree()
        await self.load_levels()

    def levels_changed(self) -> None:
        """Note that the store has other levels than before."""
        self._reload.set()

    async def agree(self) -> None:
        """Take over claims and blocks; let ids fire again that were released or unblocked."""
        asked_at = utc_now()
        settled = _NEVER if self._waiting() else asked_at - self._settling
        rows = await self._claims.spent(self._mode, asked_at)
        spent = {row.workflow_id: _until(row) for row in rows}
        self._pipeline.rearm(self._memory.agree(spent, settled))
        blocks = frozenset(b.condition_id for b in await self._blocks.all())
        lifted, self._pipeline.blocks = self._pipeline.blocks - blocks, blocks
        self._pipeline.rearm(self._memory.pardon(lifted))

    async def load_levels(self) -> None:
        """Take over the watched levels and subscribe to their tokens."""
        rows = await self._stored.all(self._mode)
        watched = [Watched(r.workflow_id, r.token_id, r.above, r.below) for r in rows]
        if self._levels.load(watched):
            await self._feed.want(self._wanted())

    def wake(self) -> None:
        """Let the ids fire again whose rest is over; remind of levels that stay reached."""
        self._pipeline.rearm(self._memory.over(utc_now()))
        self._levels.remind()

    async def run(self) -> None:
        """Do all of it in turn, until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._each(1.0, self._wake))
            group.create_task(self._each(5.0, self._feed.ask_again))
            group.create_task(self._each(self._every.total_seconds(), self.agree))
            group.create_task(self._reload_levels())

    async def _wake(self) -> None:
        self.wake()

    async def _each(self, every: float, work: Callable[[], Awaitable[None]]) -> None:
        while True:
            began = time.monotonic()
            await self._tried(work)
            await asyncio.sleep(max(0.0, every - (time.monotonic() - began)))

    async def _reload_levels(self) -> None:
        """Reload after a notice, and every half a minute in case one was lost."""
        while True:
            try:
                async with asyncio.timeout(30):
                    await self._reload.wait()
            except TimeoutError:
                pass
            self._reload.clear()
            if not await self._tried(self.load_levels):
                await asyncio.sleep(1)
                self._reload.set()

    async def _tried(self, work: Callable[[], Awaitable[None]]) -> bool:
        try:
            await work()
        except STORE_AWAY as error:
            self.failures += 1
            log.warning("store_away", error=repr(error)[:200])
            return False
        return True


def _until(row: Spent) -> datetime:
    if row.state is ClaimState.RELEASED and row.retry_after is not None:
        return row.retry_after
    return FOR_GOOD
