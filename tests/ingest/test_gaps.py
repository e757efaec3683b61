"""ingest/gaps.py"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

from domain.money import price, shares
from domain.touch import Seen
from domain.trigger import TouchSource
from ingest.gaps import Gaps
from tests.ingest.samples import NOW, NOW_MS, many, tokens_of
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
        self.markets: list[list[str]] = []
        self.down = 0
        self.late = 0

    async def prints_since(self, condition_ids: Sequence[str], since: datetime) -> list[Print]:
        """Return what is known by now."""
        self.asked.append(since)
        self.markets.append(list(condition_ids))
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
        gaps.opened([bench.state], 2, "closed 1006")
        touch.baseline(snapshot, NOW_MS, 2)
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
        await eventually(lambda: not gaps.busy)
        assert len(prints.asked) == 2
        assert bench.offers == [] and bench.journal.unseen_rows == [] and not gaps.counts["unread"]


async def test_nothing_older_than_the_age_limit_is_asked_for() -> None:
    """G1"""
    bench, prints = Bench(), FakePrints()
    bench.state.venue_ms = NOW_MS - 1_000_000
    async with after_a_gap(bench, prints, 900_000):
        await eventually(lambda: prints.asked)
        assert prints.asked[0] == NOW - timedelta(seconds=300)


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


async def test_what_stood_above_after_the_gap_is_told_even_if_it_fell_back_since() -> None:
    bench, prints = Bench(), FakePrints()
    async with after_a_gap(bench, prints, 970_000):
        assert bench.state.touch is not None
        assert bench.state.touch.observe(940_000, NOW_MS + 10, 2) is Seen.QUIET
        await eventually(lambda: len(bench.journal.unseen_rows) == 1)
        assert bench.journal.unseen_rows[0][0].price == price("0.97")


async def test_two_cuts_in_a_row_are_one_gap_and_its_move_is_read_back() -> None:
    bench, prints = Bench(), FakePrints()
    prints.add(96, 20)
    async with after_a_gap(bench, prints, 970_000) as gaps:
        assert bench.state.touch is not None
        gaps.opened([bench.state], 3, "closed 1006")
        bench.state.touch.baseline(970_000, NOW_MS, 3)
        await eventually(lambda: len(bench.offers) == 1)


async def test_two_cuts_in_a_row_with_an_unknown_move_leave_one_row() -> None:
    bench, prints = Bench(), FakePrints()
    async with after_a_gap(bench, prints, 970_000) as gaps:
        assert bench.state.touch is not None
        gaps.opened([bench.state], 3, "closed 1006")
        bench.state.touch.baseline(970_000, NOW_MS, 3)
        await eventually(lambda: len(bench.journal.unseen_rows) == 1)
        gaps.opened([bench.state], 4, "closed 1006")
        bench.state.touch.baseline(970_000, NOW_MS, 4)
        asked = len(prints.asked)
        await eventually(lambda: len(prints.asked) == asked + 2)
        await eventually(lambda: not gaps.busy)
        assert len(bench.journal.unseen_rows) == 1  # above before and after: nothing was missed


async def test_many_markets_are_asked_for_together_and_the_nearest_to_the_threshold_first() -> None:
    """A venue that restarts cuts every socket; it answers 2 of our requests a second."""
    listed = many(45)
    bench, prints = Bench(), FakePrints()
    bench.tokens = tokens_of(bench.rules, *listed)
    states = [bench.tokens.by_id[one.tokens[0].token_id] for one in listed]
    for number, state in enumerate(states):
        assert state.touch is not None
        state.touch.observe(500_000 + 10_000 * number, NOW_MS - 60_000, 1)
    gaps = Gaps(prints, bench.pipeline, timedelta(seconds=300), looks=(0.02,), now=bench.now)
    async with running(asyncio.create_task(gaps.run())):
        gaps.opened(states, 2, "closed 1006")
        await eventually(lambda: not gaps.busy)
    asked = [one for batch in prints.markets for one in batch]
    assert asked == [one.condition_id for one in reversed(listed)]
    assert [len(batch) for batch in prints.markets] == [20, 20, 5]


async def test_only_what_the_cut_socket_cannot_have_told_is_read_back() -> None:
    """Of a socket that ended, from its last frame on; of a frozen one, all that is young enough."""
    bench, prints = Bench(), FakePrints()
    bench.state.venue_ms = NOW_MS - 30_000
    async with after_a_gap(bench, prints, 900_000) as gaps:
        await eventually(lambda: not gaps.busy)
        assert prints.asked[0] == NOW - timedelta(seconds=40)
        gaps.opened([bench.state], 3, "frozen")
        await eventually(lambda: not gaps.busy)
        assert prints.asked[-1] == NOW - timedelta(seconds=300)


async def test_a_gap_that_waited_too_long_for_its_turn_is_not_read_but_counted() -> None:
    bench, prints = Bench(), FakePrints()
    async with after_a_gap(bench, prints, 900_000) as gaps:
        bench.time = NOW + timedelta(seconds=301)
        await eventually(lambda: not gaps.busy)
        assert prints.asked == [] and gaps.counts["unread"] == 1
