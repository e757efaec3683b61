"""ingest/near.py on a real PostgreSQL."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import asyncpg
import pytest

from domain.money import price
from ingest import near as module
from ingest.fold import Fold
from ingest.near import Near
from store.touches import Tape, TapeTrade
from tests.ingest.samples import NOW, NOW_MS, FakeSink, rules, tokens_of
from tests.venue.wire.frames import CONDITION, print_of
from venue.wire.market import MarketDecoder


def fold_of(*frames: bytes) -> Fold:
    """Return a fold that keeps prints from 0.90 on and has seen these frames."""
    fold = Fold(tokens_of(rules()), FakeSink())
    fold.near = 900_000
    for frame in frames:
        fold.apply(MarketDecoder().decode(frame), 2 * 10**18, 1)
    return fold


def near_print(text: str, number: int = 0, **more: Any) -> bytes:
    """Return a numbered print at NOW."""
    return print_of(text, ms=str(NOW_MS), transaction_hash=f"0x{number}", **more)


async def test_prints_near_the_threshold_are_stored_once_by_two_replicas(
    pool: asyncpg.Pool[Any],
) -> None:
    frames = [near_print("0.89"), near_print("0.90", 1), near_print("0.97", 2, side="SELL")]
    tape = Tape(pool)
    for _ in range(2):
        await Near(fold_of(*frames), tape, 950_000).flush()
    stored = await tape.of_condition(CONDITION, NOW - timedelta(minutes=1))
    assert [(t.price, t.side) for t in stored] == [(price("0.9"), "BUY"), (price("0.97"), "SELL")]


async def test_a_print_without_the_venues_hash_is_not_stored(pool: asyncpg.Pool[Any]) -> None:
    fold = fold_of(near_print("0.96").replace(b'"0x0"', b'""'), near_print("0.96", 3, size="x"))
    near = Near(fold, Tape(pool), 950_000)
    await near.flush()
    assert near.counts["stored"] == 1
    assert (await Tape(pool).of_condition(CONDITION, datetime.min.replace(tzinfo=NOW.tzinfo)))[
        0
    ].size == 0


class Away:
    """A store that can be away, and how many rows each statement had."""

    def __init__(self, up_for: int = 0) -> None:
        self.down, self.up_for = True, up_for
        self.rows: list[int] = []

    @property
    def stored(self) -> int:
        """Return how many rows there are."""
        return sum(self.rows)

    async def put(self, trades: list[TapeTrade]) -> int:
        """Take rows, when not away."""
        if self.down and len(self.rows) >= self.up_for:
            raise ConnectionError("no database")
        self.rows.append(len(trades))
        return len(trades)


async def test_while_the_store_is_away_prints_wait() -> None:
    """D1"""
    away = Away()
    near = Near(fold_of(near_print("0.96")), away, 950_000)
    await near.flush()
    away.down = False
    await near.flush()
    await near.flush()
    assert away.stored == 1


async def test_every_print_that_finds_no_room_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ROOM", 10)
    fold, more = (fold_of(*(near_print("0.96", n) for n in range(count))) for count in (8, 9))

    class Filling(Away):
        async def put(self, trades: list[TapeTrade]) -> int:
            fold.kept += more.kept  # the stream goes on while we write
            return await super().put(trades)

    near = Near(fold, Filling(), 950_000)
    await near.flush()
    assert (len(fold.kept), near.counts["lost"]) == (10, 7)


async def test_a_great_many_prints_are_written_a_few_at_a_time_and_none_twice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Rows are made on the loop that reads the stream."""
    monkeypatch.setattr(module, "AT_ONCE", 4)
    away = Away(up_for=2)
    near = Near(fold_of(*(near_print("0.96", n) for n in range(14))), away, 950_000)
    await near.flush()
    assert away.rows == [4, 4]
    away.down = False
    await near.flush()
    assert away.rows == [4, 4, 4, 2] and near.counts == {"stored": 14, "lost": 0}
