"""Fault matrix K2: ingest dies between seeing a touch and starting its trade."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from domain.market import Mode
from ingest.dispatch import Dispatch
from ingest.fold import Fold
from ingest.levels import Levels
from ingest.memory import Memory
from ingest.pipeline import Pipeline
from ingest.signals import Signals
from tests.ingest.samples import NOW, NOW_MS, FakeJournal, FakeTrades, rules, tokens_of
from tests.venue.loopback import running
from tests.venue.wire.frames import book_of, print_of
from venue.wire.market import MarketDecoder


class Life:
    """One life of an ingest process; nothing of it is left to the next but what Temporal has."""

    def __init__(self, trades: FakeTrades) -> None:
        given = rules()
        self.tokens, self.journal = tokens_of(given), FakeJournal()
        self.dispatch = Dispatch(
            trades, timedelta(seconds=300), lambda *_: None, workers=1, now=lambda: NOW
        )
        pipeline = Pipeline(
            Mode.PAPER,
            given,
            self.tokens,
            Memory(),
            self.dispatch,
            self.journal,
            Levels(self.tokens, Signals(trades)),
            lambda *_: None,
            lambda: NOW,
        )
        self.fold, self.decoder = Fold(self.tokens, pipeline), MarketDecoder()
        self.frames = 0

    def opens(self, last: str) -> None:
        """Get the book of a fresh subscription."""
        self._see(book_of([], [], last_trade_price=last, timestamp=self._ms()))

    def prints(self, *prices: str) -> None:
        """Get prints."""
        for price in prices:
            self._see(print_of(price, ms=self._ms()))

    def _see(self, frame: bytes) -> None:
        self.fold.apply(self.decoder.decode(frame), NOW_MS * 10**6, 1)

    def _ms(self) -> str:
        self.frames += 1
        return str(NOW_MS + self.frames)

    async def goes_on(self) -> None:
        """Deliver what was seen."""
        async with running(asyncio.create_task(self.dispatch.run())):
            await self.dispatch.drain(5)


async def test_a_touch_that_died_with_its_process_is_counted_and_the_next_crossing_fires_once() -> (
    None
):
    trades = FakeTrades()
    first = Life(trades)
    first.opens("0.90")
    first.prints("0.96")
    assert first.dispatch.waiting == 1 and trades.calls == 0  # and here it is killed
    second = Life(trades)
    second.opens("0.96")
    second.prints("0.97", "0.99")  # nobody saw it cross: that is no touch
    assert (second.dispatch.waiting, second.fold.above_at_first) == (0, 1)
    second.prints("0.94", "0.95", "0.96", "0.94", "0.96")
    await second.goes_on()
    assert len(trades.started) == 1 and second.dispatch.counts == {"started": 1}


@pytest.mark.parametrize("lives", [2, 5])
async def test_a_process_that_dies_right_after_the_start_leaves_one_trade(lives: int) -> None:
    """Every life sees a crossing of its own; Temporal knows the id from the first one."""
    trades = FakeTrades()
    for _ in range(lives):
        life = Life(trades)
        life.opens("0.90")
        life.prints("0.96")
        await life.goes_on()
    assert len(trades.started) == 1 and trades.calls == lives
    assert life.dispatch.counts == {"taken": 1}


async def test_the_twin_of_a_killed_process_starts_what_both_have_seen() -> None:
    trades = FakeTrades()
    killed, twin = Life(trades), Life(trades)
    for life in (killed, twin):
        life.opens("0.90")
        life.prints("0.96")
    await twin.goes_on()
    assert len(trades.started) == 1 and killed.dispatch.waiting == 1
