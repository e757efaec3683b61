"""Discovery: one pass over the venue's catalogue into a store, page by page.

The first page makes first trades possible, the rest follows (G8). Of several processes one does
the work: a watermark tells when the last whole pass began.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Protocol

import structlog

from domain.market import Market
from venue.records import CataloguePage

log = structlog.get_logger()

KIND, KEY = "catalogue", "pass"  # the watermark
LOOKUPS = 50  # vanished markets asked for one by one, each pass


class Store(Protocol):
    """The market rows; `store.markets.Markets` in production."""

    async def upsert(self, markets: Sequence[Market]) -> int:
        """Store markets, return how many really changed; ValueError for a token that moved."""

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


class Discovery:
    """Fills `store` from `source`; `counts` tells what was changed, skipped, looked up."""

    def __init__(
        self,
        store: Store,
        marks: Marks,
        source: Source,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Do nothing yet."""
        self._store, self._marks, self._source, self._now = store, marks, source, now
        self.counts: Counter[str] = Counter()

    async def due(self, every: timedelta) -> bool:
        """Return whether the last whole pass of anybody is that old, or never was."""
        last = await self._marks.watermark(KIND, KEY)
        return last is None or self._now() - last >= every

    async def fill(self, on_page: Callable[[int], None] = lambda _: None) -> int:
        """Make one pass and return how many markets are open; `on_page` hears the sum so far.

        Raises:
            VenueError: the venue does not answer; pages already stored stay.
            OSError, asyncpg.PostgresError: the store does not answer.
        """
        began, at = time.monotonic(), self._now()
        found: set[str] = set()
        async for page in self._source.markets():
            await self._keep(page.markets)
            found.update(market.condition_id for market in page.markets)
            self.counts.update({f"skipped_{why}": n for why, n in page.skipped.items()})
            on_page(len(found))
            if len(found) % 1000 < len(page.markets):
                log.info(
                    "discovery", markets=len(found), seconds=round(time.monotonic() - began, 1)
                )
        await self._look_up([m for m in await self._store.active() if m.condition_id not in found])
        await self._marks.advance(KIND, KEY, at)
        self.counts["passes"] += 1
        return len(found)

    async def _keep(self, markets: Sequence[Market]) -> None:
        """Store a page; a market that claims another's token is left out, its page is not (Q6)."""
        try:
            self.counts["changed"] += await self._store.upsert(markets)
        except ValueError:
            for market in markets:
                await self._keep_one(market)

    async def _keep_one(self, market: Market) -> None:
        try:
            self.counts["changed"] += await self._store.upsert([market])
        except ValueError as error:
            self.counts["token_moved"] += 1
            log.error("token_moved", condition_id=market.condition_id, error=str(error))

    async def _look_up(self, vanished: Sequence[Market]) -> None:
        """Ask for markets the open list no longer has: absence alone closes nothing (XD-2)."""
        for market in vanished[:LOOKUPS]:
            now = await self._source.market(market.condition_id)
            self.counts["vanished" if now is None else "looked_up"] += 1
            if now is not None:
                await self._keep_one(now)
