"""Filling: the store's catalogue from the venue's, page by page, where nobody else does it.

The first pass of an empty store makes first trades possible with its first page; the rest
follows in the background (G8). Of several processes one does the work: a watermark tells
when the last whole pass was.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta
from typing import Protocol

import structlog

from domain.market import Market
from ingest.dispatch import utc_now
from ingest.outage import STORE_AWAY
from store.markets import TokenMoved
from venue.errors import VenueError
from venue.records import CataloguePage

log = structlog.get_logger()

KIND, KEY = "catalogue", "pass"  # the watermark
LOOKUPS = 50  # vanished markets asked for one by one, each pass
SOON = 2.0  # seconds between a hint of the stream and asking the venue
AGAIN = 5.0  # seconds after a pass that failed


class Store(Protocol):
    """The market rows; `store.markets.Markets` in production."""

    async def upsert(self, markets: Sequence[Market]) -> int:
        """Store markets, return how many really changed."""

    async def active(self) -> Sequence[Market]:
        """Return every market that takes orders."""


class Marks(Protocol):
    """Watermarks; `store.touches.Tape` in production."""

    async def advance(self, kind: str, key: str, at: datetime) -> datetime:
        """Move a watermark forward."""

    async def watermark(self, kind: str, key: str) -> datetime | None:
        """Return where a watermark stands."""


class Source(Protocol):
    """Where markets come from; `venue.public.PublicVenue` in production."""

    def markets(self) -> AsyncIterator[CataloguePage]:
        """Yield the pages of open markets."""

    async def market(self, condition_id: str) -> Market | None:
        """Return one market, open or closed."""


class Filling:
    """Passes over the venue's catalogue; `every` is the longest age of the last whole pass."""

    def __init__(self, store: Store, marks: Marks, source: Source, every: timedelta) -> None:
        """Fill `store` from `source`."""
        self._store, self._marks, self._source, self._every = store, marks, source, every
        self._hint = asyncio.Event()
        self.counts: Counter[str] = Counter()

    def hint(self) -> None:
        """Note that the stream spoke of a new or a resolved market."""
        self._hint.set()

    async def run(self) -> None:
        """Pass whenever the last whole pass is too old, or after a hint, until cancelled."""
        hinted = False
        while True:
            wait = self._every.total_seconds()
            try:
                if hinted or await self._due():
                    await self.fill()
            except (VenueError, *STORE_AWAY) as error:
                self.counts["failed"] += 1
                log.warning("filling_failed", error=repr(error)[:300])
                wait = min(wait, AGAIN)
            hinted = await self._hinted(wait)

    async def fill(self) -> int:
        """Make one pass and return how many markets the venue has open.

        Raises:
            VenueError: the venue does not answer; pages already stored stay.
            OSError, asyncpg.PostgresError: the store does not answer.
        """
        began, at = time.monotonic(), utc_now()
        found: set[str] = set()
        async for page in self._source.markets():
            await self._keep(page.markets)
            found.update(market.condition_id for market in page.markets)
            self.counts.update({f"skipped_{why}": n for why, n in page.skipped.items()})
            if len(found) % 1000 < len(page.markets):
                log.info("filling", markets=len(found), seconds=round(time.monotonic() - began, 1))
        await self._look_up([m for m in await self._store.active() if m.condition_id not in found])
        await self._marks.advance(KIND, KEY, at)
        self.counts["passes"] += 1
        return len(found)

    async def _due(self) -> bool:
        last = await self._marks.watermark(KIND, KEY)
        return last is None or utc_now() - last >= self._every

    async def _hinted(self, wait: float) -> bool:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait):
                await self._hint.wait()
                await asyncio.sleep(min(SOON, wait / 2))  # hints come in swarms
        hinted = self._hint.is_set()
        self._hint.clear()
        return hinted

    async def _keep(self, markets: Sequence[Market]) -> None:
        """Store a page; a market that claims another's token is left out, its page is not."""
        try:
            self.counts["changed"] += await self._store.upsert(markets)
        except TokenMoved:
            for market in markets:
                try:
                    self.counts["changed"] += await self._store.upsert([market])
                except TokenMoved as error:
                    self.counts["token_moved"] += 1
                    log.error("token_moved", condition_id=market.condition_id, error=str(error))

    async def _look_up(self, vanished: Sequence[Market]) -> None:
        """Ask for markets the open list no longer has: absence alone closes nothing (XD-2)."""
        for market in vanished[:LOOKUPS]:
            now = await self._source.market(market.condition_id)
            self.counts["vanished" if now is None else "looked_up"] += 1
            if now is not None:
                await self._keep([now])
