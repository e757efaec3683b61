"""Discovery: one pass over the venue's catalogue into a store, page by page.

The first page makes first trades possible, the rest follows (G8). Of several processes one does
the work: a watermark tells when the last whole pass began.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Protocol

import structlog

from domain.market import Market
from venue.errors import Drift, Refused, VenueError
from venue.records import CataloguePage

log = structlog.get_logger()

KIND, KEY = "catalogue", "pass"  # the watermark
AT_ONCE = 50  # markets in one question by name: their ids are 4 kB of a URL


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

    async def named(self, condition_ids: Sequence[str]) -> CataloguePage:
        """Return these markets, open or closed, as far as they can be read."""


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

        At its end markets are asked for by name that the open list no longer has: absence alone
        closes nothing (XD-2).

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
        vanished = {m.condition_id for m in await self._store.active()} - found
        await self.look_up(vanished, lambda: on_page(len(found)))
        await self._marks.advance(KIND, KEY, at)
        self.counts["passes"] += 1
        return len(found)

    async def look_up(
        self, condition_ids: Iterable[str], on_batch: Callable[[], None] = lambda: None
    ) -> None:
        """Store how these markets stand now, as far as the venue answers; the rest is counted.

        A question that is refused, or whose answer cannot be read, is halved until it is known
        which market spoils it. The order differs each time: what the venue fails at again and
        again keeps no other market waiting for good.

        Raises:
            OSError, asyncpg.PostgresError: the store does not answer.
        """
        asked = list(condition_ids)
        random.shuffle(asked)
        waiting = [asked[start : start + AT_ONCE] for start in range(0, len(asked), AT_ONCE)]
        while waiting:
            batch = waiting.pop()
            try:
                await self._ask_for(batch)
            except (Refused, Drift) as error:
                if len(batch) > 1:
                    half = len(batch) // 2
                    waiting += [batch[:half], batch[half:]]
                else:
                    self._unanswered(batch, error)
            except VenueError as error:
                self._unanswered(batch, error)
                return  # the venue is away: the next pass asks again
            on_batch()

    async def _ask_for(self, batch: Sequence[str]) -> None:
        page = await self._source.named(batch)
        await self._keep(page.markets)
        self.counts["looked_up"] += len(page.markets)
        self.counts["vanished"] += len(batch) - len(page.markets)
        self.counts.update({f"skipped_{why}": n for why, n in page.skipped.items()})

    def _unanswered(self, batch: Sequence[str], error: VenueError) -> None:
        self.counts["unanswered"] += len(batch)
        log.warning("look_up_failed", markets=batch, error=str(error)[:300])

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
