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

HOUR = timedelta(hours=1)


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


async def test_what_the_stream_names_is_looked_up_alone_without_a_pass(
    pool: asyncpg.Pool[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingest.filling.SOON", 0.01)
    old, new, unnamed = many(3)
    venue = FakeVenue([old])
    one = filling(pool, venue)
    async with running(asyncio.create_task(one.run())):
        await eventually(lambda: one.counts["passes"] == 1)
        venue.close(old.condition_id)
        venue.open += [new, unnamed]
        for condition_id in (old.condition_id, new.condition_id, new.condition_id):
            one.hint(condition_id)
        await eventually(lambda: one.counts["looked_up"] == 2)
    assert await Markets(pool).active() == [new]
    assert venue.asked == [{old.condition_id, new.condition_id}] and venue.passes == 1


async def test_more_names_than_find_room_are_left_to_the_next_pass(
    pool: asyncpg.Pool[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingest.filling.ROOM", 2)
    one = filling(pool, FakeVenue([]))
    for number in range(5):
        one.hint(f"0x{number}")
    assert len(one._named) == 2 and one.counts["hint_without_room"] == 3


async def test_vanished_markets_are_asked_for_in_batches_with_a_beat_after_each(
    pool: asyncpg.Pool[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a long stop thousands have closed: one pass finds them all."""
    monkeypatch.setattr("venue.discovery.AT_ONCE", 10)
    markets, beats = many(95), list[int]()
    venue = FakeVenue(markets, page=50)
    one = filling(pool, venue)
    await one._discovery.fill()
    for market in markets[:90]:
        venue.close(market.condition_id)
    await one._discovery.fill(beats.append)
    assert await Markets(pool).active() == markets[90:]
    assert [len(asked) for asked in venue.asked] == [10] * 9
    assert beats == [5] * 10  # a page, nine batches


async def test_a_market_that_spoils_its_question_neither_ends_the_pass_nor_hides_others(
    pool: asyncpg.Pool[Any],
) -> None:
    markets = many(7)
    venue = FakeVenue(markets)
    one = filling(pool, venue)
    await one._discovery.fill()
    for market in markets:
        venue.close(market.condition_id)
    venue.spoils = {markets[3].condition_id}
    await one._discovery.fill()
    assert one.counts["passes"] == 2 and not await one._discovery.due(HOUR)
    assert await Markets(pool).active() == [markets[3]] and one.counts["unanswered"] == 1


async def test_a_venue_that_goes_away_while_vanished_markets_are_asked_for_is_not_asked_on(
    pool: asyncpg.Pool[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("venue.discovery.AT_ONCE", 1)
    venue = FakeVenue(many(3))
    one = filling(pool, venue)
    await one._discovery.fill()
    venue.down = True
    await one._discovery.look_up([m.condition_id for m in many(3)])
    assert one.counts["unanswered"] == 1 and len(await Markets(pool).active()) == 3


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
