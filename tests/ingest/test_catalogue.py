"""ingest/catalogue.py on a real PostgreSQL."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import asyncpg
import pytest

from domain.market import Market
from ingest.catalogue import Catalogue
from ingest.dispatch import utc_now
from ingest.memory import Memory
from ingest.shards import Shard
from ingest.tokens import Level, Tokens
from store.markets import Markets
from tests.ingest.samples import many, rules, tokens_of
from tests.venue.loopback import running
from tests.waiting import eventually


class FakeFeed:
    """Remembers what is wanted."""

    def __init__(self) -> None:
        self.wanted: list[str] = []

    async def want(self, tokens: Iterable[str]) -> None:
        """Remember it."""
        self.wanted = list(tokens)


class Bench:
    """A catalogue of this store that watches nothing yet."""

    def __init__(self, pool: asyncpg.Pool[Any]) -> None:
        self.store, self.memory, self.feed = Markets(pool), Memory(), FakeFeed()
        self.tokens: Tokens = tokens_of(rules())
        for known in self.tokens.conditions():
            self.tokens.drop(known)
        threshold = rules().trigger.threshold
        self.catalogue = Catalogue(
            self.store,
            self.tokens,
            self.memory,
            self.feed,  # type: ignore[arg-type]  # a stand-in
            shard=Shard(),
            threshold=threshold,
        )

    async def seen(self) -> set[str]:
        """Look, and return what is watched."""
        await self.catalogue.look()
        return set(self.tokens.conditions())


def closed(market: Market) -> Market:
    """Return the market as it is when it is over."""
    return market.model_copy(update={"closed": True})


async def test_a_new_market_is_watched_although_our_clock_is_ahead_of_the_stores(
    pool: asyncpg.Pool[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingest.catalogue.utc_now", lambda: utc_now() + timedelta(hours=1))
    bench = Bench(pool)
    assert await bench.seen() == set()
    await bench.store.upsert(many(1))
    assert await bench.catalogue.look() == 1
    assert bench.tokens.conditions() == [many(1)[0].condition_id]
    assert bench.feed.wanted == [many(1)[0].tokens[0].token_id]


async def test_a_market_is_watched_whose_transaction_was_long_open(
    pool: asyncpg.Pool[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is dated when the transaction began: before looks that could not see it."""
    monkeypatch.setattr("ingest.catalogue.OVERLAP", timedelta(0))
    bench, one = Bench(pool), many(1)[0]
    await bench.store.upsert([closed(one)])
    async with pool.acquire() as slow:
        async with slow.transaction():
            await slow.execute("UPDATE markets SET closed = false, changed_at = now()")
            for _ in range(2):
                assert await bench.seen() == set()
        assert await bench.seen() == {one.condition_id}


async def test_a_look_at_all_markets_now_and_then_finds_what_no_change_told(
    pool: asyncpg.Pool[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    bench, markets = Bench(pool), many(3)
    await bench.store.upsert([closed(markets[0]), *markets[1:]])
    assert await bench.seen() == {m.condition_id for m in markets[1:]}
    old = "changed_at - interval '1 day'"
    await pool.execute(f"UPDATE markets SET closed = NOT closed, changed_at = {old}")
    assert await bench.seen() == {m.condition_id for m in markets[1:]}
    bench.catalogue._whole_at = 0.0  # the hour is over
    assert await bench.seen() == {markets[0].condition_id}
    assert bench.feed.wanted == [markets[0].tokens[0].token_id]


async def test_a_closed_market_with_levels_leaves_when_these_are_gone(
    pool: asyncpg.Pool[Any],
) -> None:
    bench, (one,) = Bench(pool), many(1)
    await bench.store.upsert([one])
    await bench.seen()
    (state, _) = bench.tokens.of(one.condition_id)
    state.levels = (Level("trade", 990_000, True),)
    await bench.store.upsert([closed(one)])
    assert await bench.seen() == {one.condition_id} and state.market.closed
    state.levels = ()
    bench.memory.refuse(f"{one.condition_id}:0.95")
    bench.catalogue._read_to = utc_now() + timedelta(hours=1)  # the row never changes again
    assert await bench.seen() == set() and len(bench.memory) == 0
    assert bench.feed.wanted == [] and bench.catalogue.counts["left"] == 1


async def test_a_market_that_reopens_before_its_levels_are_gone_stays(
    pool: asyncpg.Pool[Any],
) -> None:
    bench, (one,) = Bench(pool), many(1)
    await bench.store.upsert([one])
    await bench.seen()
    (state, _) = bench.tokens.of(one.condition_id)
    state.levels = (Level("trade", 990_000, True),)
    for now in (closed(one), one):
        await bench.store.upsert([now])
        await bench.seen()
    state.levels = ()
    assert await bench.seen() == {one.condition_id}


async def test_looks_that_read_many_markets_leave_time_to_the_stream(
    pool: asyncpg.Pool[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the catalogue fills, each of 300 pages is a notice."""
    monkeypatch.setattr("ingest.catalogue.LONGEST", 0.3)
    bench, looks = Bench(pool), list[float]()

    async def look() -> int:
        looks.append(time.monotonic())
        bench.catalogue.changed()
        return 0 if len(looks) == 1 else 30_000

    monkeypatch.setattr(bench.catalogue, "look", look)
    bench.catalogue.changed()
    async with running(asyncio.create_task(bench.catalogue.run())):
        await eventually(lambda: len(looks) >= 4)
    assert all(later - look >= 0.29 for look, later in pairwise(looks[1:]))


async def test_the_horizon_is_the_stores_own_time(pool: asyncpg.Pool[Any]) -> None:
    before: datetime = await pool.fetchval("SELECT clock_timestamp()")
    assert await Markets(pool).horizon() >= before
