"""Filling: passes over the venue's catalogue while no other process makes them, and look-ups
of the markets that the stream names."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import timedelta

import structlog

from ingest.outage import STORE_AWAY
from venue.discovery import Discovery
from venue.errors import VenueError

log = structlog.get_logger()

SOON = 2.0  # seconds between a hint of the stream and asking the venue: hints come in swarms
AGAIN = 5.0  # seconds after a pass that failed
ROOM = 1000  # hints that wait; what finds no room is found by the next pass


class Filling:
    """Keeps the last whole pass younger than `every`; asks soon for what the stream named."""

    def __init__(self, discovery: Discovery, every: timedelta) -> None:
        """Make passes with `discovery`."""
        self._discovery, self._every = discovery, every
        self._named: set[str] = set()
        self._hint = asyncio.Event()
        self.counts: Counter[str] = discovery.counts

    def hint(self, condition_id: str) -> None:
        """Note that the stream spoke of this market as new or resolved."""
        if len(self._named) < ROOM:
            self._named.add(condition_id)
        else:
            self.counts["hint_without_room"] += 1
        self._hint.set()

    async def run(self) -> None:
        """Pass whenever it is due, and look up what was named, until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._pass())
            group.create_task(self._look_up())

    async def _pass(self) -> None:
        every = self._every.total_seconds()
        while True:
            done = await self._tried(self._fill)
            await asyncio.sleep(every if done else min(every, AGAIN))

    async def _fill(self) -> None:
        if await self._discovery.due(self._every):
            await self._discovery.fill()

    async def _look_up(self) -> None:
        while True:
            await self._hint.wait()
            await asyncio.sleep(SOON)
            self._hint.clear()
            named, self._named = self._named, set()
            await self._tried(lambda named=named: self._discovery.look_up(named))  # type: ignore[misc]  # mypy infers no type for a lambda with a default

    async def _tried(self, work: Callable[[], Awaitable[None]]) -> bool:
        try:
            await work()
        except (VenueError, *STORE_AWAY) as error:
            self.counts["failed"] += 1
            log.warning("filling_failed", error=repr(error)[:300])
            return False
        return True
