"""Catalogue: which markets are watched, kept equal to the store by reading what changed."""

from __future__ import annotations

import asyncio
import contextlib
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
OVERLAP = timedelta(seconds=60)  # a change is dated when its transaction began
AGAIN = 1.0  # seconds after a failed look
AT_ONCE = 200  # markets between two breaths: the stream is read on the same loop


class Store(Protocol):
    """The market rows; `store.markets.Markets` in production."""

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
        self._read_to: datetime | None = None
        self.counts: Counter[str] = Counter()

    def changed(self) -> None:
        """Note that somebody stored other markets."""
        self._notice.set()

    async def look(self) -> None:
        """Watch what is new, leave what is closed.

        Raises:
            OSError, asyncpg.PostgresError: the store does not answer.
        """
        asked_at = utc_now()
        if self._read_to is None:
            await self._take(await self._store.active())
        else:
            await self._take(await self._store.changed_since(self._read_to - OVERLAP))
        self._read_to = asked_at

    async def run(self) -> None:
        """Look at every notice, and now and then in case one was lost, until cancelled."""
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK):
                    await self._notice.wait()
            self._notice.clear()
            try:
                await self.look()
            except STORE_AWAY as error:
                self.counts["failed"] += 1
                log.warning("catalogue_failed", error=repr(error)[:300])
                await asyncio.sleep(AGAIN)
                self._notice.set()

    async def _take(self, markets: Sequence[Market]) -> None:
        now, before = utc_now(), len(self._tokens.conditions())
        for number, market in enumerate(markets):
            if self._shard.owns(market.condition_id):
                self._put(market, now)
            if number % AT_ONCE == AT_ONCE - 1:
                await self._feed.want(self._tokens.wanted())
                await asyncio.sleep(0)
        await self._feed.want(self._tokens.wanted())
        if (after := len(self._tokens.conditions())) != before:
            log.info("catalogue", markets=after, tokens=len(self._tokens.by_id))

    def _put(self, market: Market, now: datetime) -> None:
        known = self._tokens.of(market.condition_id)
        if market.active and not market.closed and market.accepting_orders:
            taken = self._memory.blocks(trade_id(market.condition_id, self._threshold), now)
            self._tokens.put(market, taken=taken)
            self.counts["watched"] += not known
        elif known and not any(state.levels for state in known):
            self._tokens.drop(market.condition_id)
            self.counts["left"] += 1
