"""ingest/levels.py"""

from __future__ import annotations

from domain.money import price
from ingest.levels import CALM, LONGEST_PAUSE, Levels, Watched
from ingest.signals import Signals
from tests.ingest.samples import FakeTrades, rules, tokens_of
from tests.venue.wire.frames import NO, YES

ROW = Watched("w", YES, price("0.99"), price("0.90"))


class Bench:
    """Levels with a clock in the hand; signals only gather."""

    def __init__(self) -> None:
        self.tokens = tokens_of(rules())
        self.state = self.tokens.by_id[YES]
        self.signals = Signals(FakeTrades())
        self.time = 1000.0
        self.levels = Levels(self.tokens, self.signals, lambda: self.time)

    def bid(self, micro: int) -> int:
        """Move the best bid; return how often a level was told in all."""
        self.state.bid = micro
        self.levels.compare(self.state)
        return sum(self.levels.counts.values())


def test_target_and_stop_are_reached_at_exactly_their_price() -> None:
    bench = Bench()
    bench.levels.load([ROW])
    assert [bench.bid(p) for p in (989_999, 900_001, 950_000)] == [0, 0, 0]
    assert bench.bid(990_000) == 1
    bench.bid(900_000)
    assert bench.levels.counts == {"target": 1, "stop": 1}


def test_a_level_is_compared_when_it_is_loaded_and_not_awaited() -> None:
    """After a restart the price may stand beyond it already."""
    bench = Bench()
    bench.state.bid = 850_000
    assert bench.levels.load([ROW])
    assert bench.levels.counts == {"stop": 1}


def test_reloading_the_same_levels_tells_nothing_twice() -> None:
    bench = Bench()
    bench.levels.load([ROW])
    bench.bid(850_000)
    assert not bench.levels.load([ROW])
    assert bench.levels.counts == {"stop": 1}


def test_while_a_level_stays_reached_the_trade_is_reminded_ever_more_rarely() -> None:
    bench = Bench()
    bench.levels.load([ROW])
    bench.bid(850_000)
    told: list[int] = []
    for second in range(3600):
        bench.time += 1
        bench.levels.remind()
        if sum(bench.levels.counts.values()) > len(told) + 1:
            told.append(second + 1)
    pauses = [b - a for a, b in zip(told, told[1:], strict=False)]
    assert told[0] == 10 and pauses == sorted(pauses) and pauses[-1] == LONGEST_PAUSE
    assert len(told) < 20


def test_a_price_that_dances_around_a_level_does_not_flood_the_history() -> None:
    bench = Bench()
    bench.levels.load([ROW])
    for _ in range(600):
        bench.time += 1
        bench.bid(900_000)
        bench.bid(900_001)
    assert bench.levels.counts["stop"] < 10


def test_after_calm_a_level_is_news_again() -> None:
    bench = Bench()
    bench.levels.load([ROW])
    for _ in range(100):
        bench.time += 1
        bench.bid(900_000)
    bench.bid(950_000)
    before = bench.levels.counts["stop"]
    bench.time += CALM + 1
    bench.bid(900_000)
    assert bench.levels.counts["stop"] == before + 1


def test_removed_levels_are_forgotten_and_tokens_of_other_shards_left_alone() -> None:
    bench = Bench()
    stranger = Watched("x", "123", price("0.99"), None)
    assert bench.levels.load([ROW, stranger])
    assert bench.levels.load([stranger])
    assert bench.bid(850_000) == 0 and not bench.state.levels


def test_a_held_token_that_cannot_trigger_is_wanted_while_it_has_levels() -> None:
    bench = Bench()
    assert bench.tokens.wanted() == [YES]
    bench.levels.load([Watched("w", NO, None, price("0.5"))])
    assert bench.tokens.wanted() == [YES, NO]
