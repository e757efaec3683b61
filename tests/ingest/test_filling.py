"""ingest/filling.py on a real PostgreSQL."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from domain.market import Token
from ingest.filling import Filling
from store.markets import Markets
from store.touches import Tape
from tests.ingest.fakes import FakeVenue
from tests.ingest.samples import many
from tests.venue.loopback import running
from tests.waiting import eventually
from venue.discovery import Discovery
from venue.errors import Unknown


def filling(pool: asyncpg.Pool[Any], venue: FakeVenue, every: float = 3600) -> Filling:
    """Return a filling of this pool's store."""
    return Filling(Discovery(Markets(pool), Tape(pool), venue), timedelta(seconds=every))


async def test_a_second_pass_over_the_same_markets_writes_nothing(pool: asyncpg.Pool[Any]) -> None:
    venue = FakeVenue(many(5))
    one = filling(pool, venue)
    assert await one._discovery.fill() == 5 and one.counts["changed"] == 5
    assert await one._discovery.fill() == 5 and one.counts["changed"] == 5


async def test_a_market_that_vanished_is_closed_only_by_its_own_page(
    pool: asyncpg.Pool[Any],
) -> None:
    """XD-2"""
    venue = FakeVenue(many(3))
    one = filling(pool, venue)
    await one._discovery.fill()
    gone = many(3)[0]
    venue.open.remove(gone)
    await one._discovery.fill()
    assert len(await Markets(pool).active()) == 3 and one.counts["vanished"] == 1
    venue.closed[gone.condition_id] = gone.model_copy(update={"closed": True})
    await one._discovery.fill()
    assert len(await Markets(pool).active()) == 2


async def test_a_broken_pass_closes_nothing_and_is_tried_again(pool: asyncpg.Pool[Any]) -> None:
    venue = FakeVenue(many(3))
    one = filling(pool, venue, every=0.05)
    async with running(asyncio.create_task(one.run())):
        await eventually(lambda: one.counts["passes"] >= 1)
        venue.down = True
        await eventually(lambda: one.counts["failed"] >= 2)
        assert len(await Markets(pool).active()) == 3
        venue.down, before = False, one.counts["passes"]
        await eventually(lambda: one.counts["passes"] > before)


def note_the_question(each: Filling, asked: list[tuple[int, bool]], number: int) -> None:
    """Note what this filling finds out when it asks whether a pass is due."""
    due = each._discovery.due

    async def noting(every: timedelta) -> bool:
        answer = await due(every)
        asked.append((number, answer))
        return answer

    each._discovery.due = noting  # type: ignore[method-assign]  # replaced for this test


async def test_two_processes_make_one_pass(pool: asyncpg.Pool[Any]) -> None:
    venue = FakeVenue(many(3))
    one, two = filling(pool, venue), filling(pool, venue)
    asked: list[tuple[int, bool]] = []
    for number, each in enumerate((one, two), start=1):
        note_the_question(each, asked, number)
    async with running(asyncio.create_task(one.run())):
        await eventually(lambda: one.counts["passes"] == 1)
        async with running(asyncio.create_task(two.run())):
            await eventually(lambda: asked == [(1, True), (2, False)])
            assert venue.passes == 1


async def test_a_hint_brings_the_next_pass_forward(
    pool: asyncpg.Pool[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingest.filling.SOON", 0.01)
    venue = FakeVenue(many(1))
    one = filling(pool, venue)
    async with running(asyncio.create_task(one.run())):
        await eventually(lambda: one.counts["passes"] == 1)
        venue.open.append(many(2)[1])
        one.hint()
        await eventually(lambda: one.counts["passes"] == 2)
        assert len(await Markets(pool).active()) == 2


async def test_a_market_that_claims_anothers_token_does_not_cost_its_page(
    pool: asyncpg.Pool[Any],
) -> None:
    """Q6"""
    markets = many(3)
    one = filling(pool, FakeVenue(markets[:1], page=9))
    await one._discovery.fill()
    thief = markets[1].model_copy(
        update={"tokens": (Token(token_id=markets[0].tokens[0].token_id, outcome="Yes", index=0),)}
    )
    two = filling(pool, FakeVenue([markets[0], thief, markets[2]], page=9))
    await two._discovery.fill()
    stored = {market.condition_id for market in await Markets(pool).active()}
    assert stored == {markets[0].condition_id, markets[2].condition_id}
    assert two.counts["token_moved"] == 1


async def test_a_venue_that_is_down_is_an_error_of_the_pass(pool: asyncpg.Pool[Any]) -> None:
    venue = FakeVenue([])
    venue.down = True
    with pytest.raises(Unknown):
        await filling(pool, venue)._discovery.fill()
