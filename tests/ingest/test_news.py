"""ingest/news.py"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from ingest import news as module
from ingest.news import News
from ingest.signals import Signals
from tests.ingest.samples import FakeTrades
from tests.venue.loopback import running
from tests.waiting import eventually
from venue.wire.user import UserDecoder
from workflows.messages import VenueEvent


class FakeOwners:
    """Orders and their trades; `down` lookups fail."""

    def __init__(self) -> None:
        self.known: dict[str, str] = {}
        self.asked = 0
        self.down = 0

    async def owner(self, order_id: str) -> str | None:
        """Return the trade of an order."""
        self.asked += 1
        if self.down:
            self.down -= 1
            raise ConnectionError("no database")
        return self.known.get(order_id)


class Bench:
    """Running news with its fakes."""

    def __init__(self) -> None:
        self.owners, self.trades = FakeOwners(), FakeTrades()
        self.signals = Signals(self.trades)
        self.strangers: list[tuple[str, str, str]] = []
        self.news = News(
            UserDecoder("key"),
            self.owners,
            self.signals,
            lambda *row: self.strangers.append(row),
            looks=(0.01, 0.02, 0.05),
        )

    def hear(self, order_id: str, status: str = "MATCHED", trade_id: str = "t1") -> None:
        """Take a trade event of one order of ours."""
        event = {"event_type": "trade", "id": trade_id, "status": status, "trader_side": "TAKER"}
        frame = event | {"taker_order_id": order_id, "trade_owner": "key"}
        self.news.frame(json.dumps(frame).encode(), 0)

    def told(self) -> list[tuple[str, str, str]]:
        """Return trade, order and kind of every signal."""
        return [
            (workflow_id, m.order_id, m.kind)
            for workflow_id, _, m in self.trades.told
            if isinstance(m, VenueEvent)
        ]


@asynccontextmanager
async def hearing() -> AsyncIterator[Bench]:
    """Run news for the block."""
    bench = Bench()
    tasks = [asyncio.create_task(bench.news.run()), asyncio.create_task(bench.signals.run())]
    async with running(*tasks):
        yield bench


async def test_the_owner_of_an_order_is_told_and_asked_for_only_once() -> None:
    async with hearing() as bench:
        bench.owners.known["0xaa"] = "trade-a"
        for status in ("MATCHED", "MINED", "CONFIRMED"):
            bench.hear("0xaa", status)
        await eventually(lambda: len(bench.told()) == 3)
        kinds = {kind for _, _, kind in bench.told()}
        assert kinds == {"matched", "mined", "confirmed"} and bench.owners.asked == 1


async def test_an_order_that_is_not_stored_yet_is_kept_and_asked_for_again() -> None:
    async with hearing() as bench:
        bench.hear("0xaa")
        await eventually(lambda: bench.owners.asked >= 2)
        bench.owners.known["0xaa"] = "trade-a"
        await eventually(lambda: bench.told() == [("trade-a", "0xaa", "matched")])
        assert bench.strangers == []


async def test_an_order_that_nobody_knows_goes_to_reconciliation() -> None:
    async with hearing() as bench:
        bench.hear("0xbb")
        await eventually(lambda: bench.strangers == [("0xbb", "trade", "matched")])
        assert bench.told() == []


async def test_a_store_that_is_away_loses_no_news() -> None:
    """D1"""
    async with hearing() as bench:
        bench.owners.known["0xaa"] = "trade-a"
        bench.owners.down = 2
        bench.hear("0xaa")
        await eventually(lambda: bench.told() == [("trade-a", "0xaa", "matched")])


async def test_an_outage_longer_than_all_looks_makes_no_stranger_of_our_order(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "AGAIN", 0.01)
    async with hearing() as bench:
        bench.owners.known["0xaa"] = "trade-a"
        bench.owners.down = 20  # of three looks
        bench.hear("0xaa")
        await eventually(lambda: bench.told() == [("trade-a", "0xaa", "matched")])
        assert bench.strangers == [] and bench.owners.asked == 21


async def test_a_slow_order_does_not_hold_up_another_one() -> None:
    """ING-M2"""
    async with hearing() as bench:
        bench.owners.known["0xaa"] = "trade-a"
        bench.hear("0xbb")
        bench.hear("0xaa")
        await eventually(lambda: bench.told() == [("trade-a", "0xaa", "matched")])


async def test_too_much_news_stops_the_reading_until_it_is_worked_off() -> None:
    bench, gates = Bench(), list[bool]()
    bench.news.on_full = gates.append
    bench.owners.known["0xaa"] = "trade-a"
    for _ in range(module.ROOM + 2):
        bench.hear("0xaa")
    assert gates == [True]
    async with running(asyncio.create_task(bench.news.run())):
        await eventually(lambda: gates == [True, False])


async def test_the_memory_of_owners_is_bounded() -> None:
    bench = Bench()
    for number in range(module.REMEMBERED + 10):
        bench.news._remember(str(number), "w")
    assert len(bench.news._known) == module.REMEMBERED
