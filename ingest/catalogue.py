"""Catalogue: which markets are watched, kept equal to the store by reading what changed."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol

import structlog

from domain.market import Market
from domain.money import Price
from domain.trigger import trade_id
from ingest.dispatch import utc_now
from ingest.feed import Feed
from ingest.memory import Memory
from ingest.outage import STORE_AWAY
from ingest.shards import Shard
from ingest.tokens import Tokens

log = structlog.get_logger()

LOOK = 30.0  # seconds between two looks without a notice
WHOLE = 3600.0  # seconds between two looks at all markets, whatever changed
OVERLAP = timedelta(seconds=5)  # a transaction is dated a moment before others see that it runs
AGAIN = 1.0  # seconds after a failed look
PAUSE = 0.0005  # seconds after a look for each market read, ten times the work: while the
LONGEST = 1.0  # catalogue fills, every page is a notice; at most so many seconds
AT_ONCE = 200  # markets between two breaths: the stream is read on the same loop


class Store(Protocol):
    """The market rows; `store.markets.Markets` in production."""

    async def horizon(self) -> datetime:
        """Return the store's time up to which no change can appear any more."""

    async def active(self) -> Sequence[Market]:
        """Return every market that takes orders."""

    async def changed_since(self, since: datetime) -> Sequence[Market]:
        """Return the markets written anew, closed ones included."""


class Catalogue:
    """Keeps tokens and subscriptions equal to the open markets of this shard."""

    def __init__(
        self,
        store: Store,
        tokens: Tokens,
        memory: Memory,
        feed: Feed,
        *,
        shard: Shard,
        threshold: Price,
    ) -> None:
        """Watch nothing yet."""
        self._store, self._tokens, self._memory, self._feed = store, tokens, memory, feed
        self._shard, self._threshold = shard, threshold
        self._notice = asyncio.Event()
        self._read_to: datetime | None = None  # by the clock of the store
        self._whole_at = 0.0
        self._leaving: set[str] = set()  # closed; those with levels stay until these are gone
        self._moved = False  # other tokens are watched than subscribed
        self.counts: Counter[str] = Counter()

    def changed(self) -> None:
        """Note that somebody stored other markets."""
        self._notice.set()

    async def look(self) -> int:
        """Watch what is new, leave what is closed; return how many markets were read.

        Raises:
            OSError, asyncpg.PostgresError: the store does not answer.
        """
        read_to = await self._store.horizon()
        if self._read_to is None or time.monotonic() >= self._whole_at:
            markets = await self._store.active()
            self._whole_at = time.monotonic() + WHOLE
            self._leaving = set(self._tokens.conditions()) - {m.condition_id for m in markets}
        else:
            markets = await self._store.changed_since(self._read_to - OVERLAP)
        await self._take(markets)
        self._read_to = read_to
        return len(markets)

    async def run(self) -> None:
        """Look at every notice, and now and then in case one was lost, until cancelled."""
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK):
                    await self._notice.wait()
            self._notice.clear()
            try:
                pause = min(PAUSE * await self.look(), LONGEST)
            except STORE_AWAY as error:
                self.counts["failed"] += 1
                log.warning("catalogue_failed", error=repr(error)[:300])
                self._notice.set()
                pause = AGAIN
            await asyncio.sleep(pause)

    async def _take(self, markets: Sequence[Market]) -> None:
        now, before = utc_now(), len(self._tokens.conditions())
        for number, market in enumerate(markets, start=1):
            if self._shard.owns(market.condition_id):
                self._put(market, now)
            if not number % AT_ONCE:
                await self._subscribe()
                await asyncio.sleep(0)
        self._leave()
        await self._subscribe()
        if (after := len(self._tokens.conditions())) != before:
            log.info("catalogue", markets=after, tokens=len(self._tokens.by_id))

    def _put(self, market: Market, now: datetime) -> None:
        condition_id = market.condition_id
        known = bool(self._tokens.of(condition_id))
        open_now = market.active and not market.closed and market.accepting_orders
        if known or open_now:
            taken = self._memory.blocks(trade_id(condition_id, self._threshold), now)
            self._tokens.put(market, taken=taken)
        if open_now:
            self._leaving.discard(condition_id)
            self.counts["watched"] += not known
            self._moved = self._moved or not known
        elif known:
            self._leaving.add(condition_id)

    def _leave(self) -> None:
        """Forget what is closed, except while a trade still watches its levels."""
        left = {c for c in self._leaving if not any(s.levels for s in self._tokens.of(c))}
        for condition_id in left:
            self._tokens.drop(condition_id)
        if left:
            self._memory.pardon(left)
            self._leaving -= left
            self.counts["left"] += len(left)
            self._moved = True

    async def _subscribe(self) -> None:
        if self._moved:
            self._moved = False
            await self._feed.want(self._tokens.wanted())
