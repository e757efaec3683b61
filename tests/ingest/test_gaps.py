"""ingest/gaps.py"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

from domain.money import price, shares
from domain.trigger import TouchSource
from ingest.gaps import Gaps
from tests.ingest.samples import NOW, NOW_MS
from tests.ingest.test_pipeline import Bench
from tests.venue.loopback import running
from tests.venue.wire.frames import CONDITION, YES
from tests.waiting import eventually
from venue.errors import Unknown
from venue.records import Print


class FakePrints:
    """The venue's list of prints; `down` requests fail, prints after `late` looks are hidden."""

    def __init__(self) -> None:
        self.prints: list[Print] = []
        self.asked: list[datetime] = []
        self.down = 0
        self.late = 0

    async def prints_since(self, condition_id: str, since: datetime) -> list[Print]:
        """Return what is known by now."""
        self.asked.append(since)
        if self.down:
            self.down -= 1
            raise Unknown("no answer")
        if len(self.asked) <= self.late:
            return []
        return [one for one in self.prints if one.venue_time >= since]

    def add(self, cents: int, seconds_ago: int) -> None:
        """Add a print of the Yes token."""
        self.prints.append(
            Print(
                condition_id=CONDITION,
                token_id=YES,
                price=price(f"0.{cents}"),
                size=shares(75),
                venue_time=NOW - timedelta(seconds=seconds_ago),
            )
        )


@asynccontextmanager
async def after_a_gap(bench: Bench, prints: FakePrints, snapshot: int) -> AsyncIterator[Gaps]:
    """Last print 0.90 a minute ago, then a gap of which the venue now says `snapshot`."""
    touch = bench.state.touch
    assert touch is not None
    touch.observe(900_000, NOW_MS - 60_000, 1)
    gaps = Gaps(prints, bench.pipeline, timedelta(seconds=300), looks=(0.02, 0.1), now=bench.now)
    async with running(asyncio.create_task(gaps.run())):
        bench.state.last_trade = snapshot
        touch.baseline(snapshot, NOW_MS, 2)
        gaps.opened([bench.state], 2, "closed 1006")
        yield gaps


async def test_a_touch_in_the_gap_is_read_back_and_takes_the_usual_path() -> None:
    bench, prints = Bench(), FakePrints()
    prints.add(96, 20)
    async with after_a_gap(bench, prints, 970_000):
        await eventually(lambda: len(bench.offers) == 1)
        (trigger,) = bench.offers
        assert (trigger.source, trigger.price) == (TouchSource.BACKFILL, price("0.96"))
        assert trigger.size == shares(75) and bench.journal.unseen_rows == []
        assert abs(trigger.venue_time - (NOW - timedelta(seconds=20))) < timedelta(seconds=1)


async def test_the_indexer_is_late_so_the_gap_is_looked_at_again() -> None:
    bench, prints = Bench(), FakePrints()
    prints.late = 1
    prints.add(96, 20)
    async with after_a_gap(bench, prints, 970_000):
        await eventually(lambda: len(bench.offers) == 1)


async def test_a_spike_that_came_back_in_the_gap_is_a_touch_too() -> None:
    bench, prints = Bench(), FakePrints()
    prints.add(96, 20)
    prints.add(80, 10)
    async with after_a_gap(bench, prints, 800_000):
        await eventually(lambda: len(bench.offers) == 1)


async def test_what_stays_unknown_is_an_unseen_row() -> None:
    """W3: above after the gap, below before it, and no print that shows the move."""
    bench, prints = Bench(), FakePrints()
    prints.down = 99
    async with after_a_gap(bench, prints, 970_000) as gaps:
        await eventually(lambda: len(bench.journal.unseen_rows) == 1)
        assert bench.offers == [] and gaps.counts["unread"] == 1 and gaps.counts["failed"] == 2


async def test_a_gap_in_which_nothing_happened_leaves_no_trace() -> None:
    bench, prints = Bench(), FakePrints()
    async with after_a_gap(bench, prints, 900_000) as gaps:
        await eventually(lambda: "unread" in gaps.counts)  # after the last look
        assert len(prints.asked) == 2
        assert bench.offers == [] and bench.journal.unseen_rows == [] and not gaps.counts["unread"]


async def test_nothing_older_than_the_age_limit_is_asked_for() -> None:
    """G1"""
    bench, prints = Bench(), FakePrints()
    bench.time = NOW + timedelta(seconds=1000)
    async with after_a_gap(bench, prints, 900_000):
        await eventually(lambda: prints.asked)
        assert prints.asked[0] == bench.time - timedelta(seconds=300)


async def test_a_token_that_says_nothing_after_the_gap_opens_as_it_was() -> None:
    bench, prints = Bench(), FakePrints()
    touch = bench.state.touch
    assert touch is not None
    touch.observe(900_000, NOW_MS - 60_000, 1)
    prints.add(96, 20)
    gaps = Gaps(prints, bench.pipeline, timedelta(seconds=300), looks=(0.02,), now=bench.now)
    async with running(asyncio.create_task(gaps.run())):
        gaps.opened([bench.state], 2, "frozen")
        await eventually(lambda: len(bench.offers) == 1)
