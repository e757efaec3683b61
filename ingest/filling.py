"""Filling: passes over the venue's catalogue while no other process makes them."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from datetime import timedelta

import structlog

from ingest.outage import STORE_AWAY
from venue.discovery import Discovery
from venue.errors import VenueError

log = structlog.get_logger()

SOON = 2.0  # seconds between a hint of the stream and asking the venue
AGAIN = 5.0  # seconds after a pass that failed


class Filling:
    """Keeps the last whole pass younger than `every`; a hint of the stream asks for one soon."""

    def __init__(self, discovery: Discovery, every: timedelta) -> None:
        """Make passes with `discovery`."""
        self._discovery, self._every = discovery, every
        self._hint = asyncio.Event()
        self.counts: Counter[str] = discovery.counts

    def hint(self) -> None:
        """Note that the stream spoke of a new or a resolved market."""
        self._hint.set()

    async def run(self) -> None:
        """Pass whenever it is due, until cancelled."""
        hinted = False
        while True:
            wait = self._every.total_seconds()
            try:
                if hinted or await self._discovery.due(self._every):
                    await self._discovery.fill()
            except (VenueError, *STORE_AWAY) as error:
                self.counts["failed"] += 1
                log.warning("filling_failed", error=repr(error)[:300])
                wait = min(wait, AGAIN)
            hinted = await self._hinted(wait)

    async def _hinted(self, wait: float) -> bool:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait):
                await self._hint.wait()
                await asyncio.sleep(min(SOON, wait / 2))  # hints come in swarms
        hinted = self._hint.is_set()
        self._hint.clear()
        return hinted
