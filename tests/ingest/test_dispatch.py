"""ingest/dispatch.py"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from domain.trigger import Trigger
from ingest.dispatch import Dispatch, utc_now
from tests.ingest.samples import FakeTrades, trigger
from tests.venue.loopback import running
from tests.waiting import eventually


class Bench:
    """A running dispatch with its fakes."""

    def __init__(self, max_age: float = 300, room: int = 100) -> None:
        self.trades = FakeTrades()
        self.missed: list[tuple[Trigger, str]] = []
        self.full: list[bool] = []
        self.dispatch = Dispatch(
            self.trades,
            timedelta(seconds=max_age),
            lambda t, why: self.missed.append((t, why)),
            on_full=self.full.append,
            workers=4,
            room=room,
        )


@asynccontextmanager
async def dispatching(bench: Bench) -> AsyncIterator[Bench]:
    """Run the dispatch for the block."""
    async with running(asyncio.create_task(bench.dispatch.run())):
        yield bench


async def test_a_trigger_is_started_once_and_a_second_one_of_the_market_is_none() -> None:
    """G2"""
    async with dispatching(Bench()) as bench:
        for _ in range(50):
            bench.dispatch.offer(trigger(utc_now()))
        await bench.dispatch.drain(5)
        assert len(bench.trades.started) == 1
        assert bench.dispatch.counts == {"started": 1, "taken": 49}


async def test_while_temporal_is_away_the_start_is_repeated() -> None:
    """S1"""
    async with dispatching(Bench()) as bench:
        bench.trades.down = 3
        bench.dispatch.offer(trigger(utc_now()))
        await eventually(lambda: len(bench.trades.started) == 1)
        assert bench.dispatch.counts["retry"] == 3 and bench.missed == []


async def test_a_trigger_that_grew_too_old_is_missed_with_the_reason() -> None:
    async with dispatching(Bench(max_age=0.3)) as bench:
        bench.trades.down = 10**6
        bench.dispatch.offer(trigger(utc_now()))
        await eventually(lambda: len(bench.missed) == 1)
        assert bench.missed[0][1] == "down" and bench.trades.started == []


async def test_a_trigger_of_exactly_the_limit_is_started_and_a_later_one_is_not() -> None:
    """G1: 300 s passes, 301 s fails."""
    now = utc_now()
    bench = Bench()
    bench.dispatch._now = lambda: now
    async with dispatching(bench):
        bench.dispatch.offer(trigger(now - timedelta(seconds=301)))
        bench.dispatch.offer(trigger(now - timedelta(seconds=300)))
        await bench.dispatch.drain(5)
        assert len(bench.missed) == 1 and len(bench.trades.started) == 1


async def test_when_too_many_wait_reading_stops_and_nothing_is_dropped() -> None:
    bench = Bench(room=10)
    for i in range(25):
        bench.dispatch.offer(trigger(utc_now(), f"0x{i:064x}"))
    assert bench.full == [True]
    async with dispatching(bench):
        await bench.dispatch.drain(5)
        assert bench.full == [True, False] and len(bench.trades.started) == 25


async def test_draining_ends_in_time_although_temporal_is_away() -> None:
    async with dispatching(Bench()) as bench:
        bench.trades.down = 10**6
        bench.dispatch.offer(trigger(utc_now()))
        await bench.dispatch.drain(0.1)
        assert bench.dispatch.waiting == 1


async def test_what_waits_at_the_end_is_missed_and_started_no_more() -> None:
    """Temporal is away, and so is this process: each trigger has its row, once."""
    async with dispatching(Bench()) as bench:
        bench.trades.down = 10**6
        for i in range(10):
            bench.dispatch.offer(trigger(utc_now(), f"0x{i:064x}"))
        await eventually(lambda: bench.dispatch.counts["retry"] >= 4)  # four in hand, six queued
        await bench.dispatch.drain(0.01)
        bench.dispatch.give_up("ingest ended")
        bench.trades.down = 0
        assert {why for _, why in bench.missed} == {"ingest ended"}
        assert len({one.condition_id for one, _ in bench.missed}) == len(bench.missed) == 10
        assert bench.dispatch.waiting == 0
        calls = bench.trades.calls
        await asyncio.wait(bench.dispatch._tasks, timeout=5)
        assert all(task.cancelled() for task in bench.dispatch._tasks)
        assert bench.trades.calls == calls and bench.trades.started == []
        bench.dispatch.offer(trigger(utc_now()))  # read back from a gap meanwhile
        assert len(bench.missed) == 11 and bench.dispatch.waiting == 0


async def test_what_was_in_hand_when_the_work_broke_is_not_forgotten() -> None:
    class Broken:
        async def start(self, trigger: Trigger) -> bool:
            raise RuntimeError("bug")

    bench = Bench()
    bench.dispatch._starter = Broken()
    bench.dispatch.offer(trigger(utc_now()))
    with pytest.raises(ExceptionGroup):
        await bench.dispatch.run()
    bench.dispatch.give_up("ingest ended")
    assert [why for _, why in bench.missed] == ["ingest ended"]
