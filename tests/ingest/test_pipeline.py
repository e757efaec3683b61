"""ingest/pipeline.py"""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from domain.market import Mode
from domain.money import price, shares
from domain.rules import TradeRules
from domain.trigger import TouchSource, Trigger
from ingest.levels import Levels
from ingest.memory import Memory
from ingest.pipeline import Pipeline
from ingest.signals import Signals
from ingest.tokens import TokenState
from tests.ingest.samples import NOW, NOW_MS, FakeJournal, FakeTrades, market, rules, tokens_of
from tests.venue.wire.frames import CONDITION, YES

ID = f"{CONDITION}:0.95"


class Bench:
    """A pipeline with a clock in the hand."""

    def __init__(self, given: TradeRules | None = None) -> None:
        self.rules = given or rules()
        self.tokens = tokens_of(self.rules)
        self.memory, self.journal = Memory(), FakeJournal()
        self.offers: list[Trigger] = []
        self.hints: list[tuple[str, str]] = []
        self.time = NOW
        self.pipeline = Pipeline(
            Mode.PAPER,
            self.rules,
            self.tokens,
            self.memory,
            self,
            self.journal,
            Levels(self.tokens, Signals(FakeTrades())),
            lambda kind, condition: self.hints.append((kind, condition)),
            self.now,
        )

    @property
    def state(self) -> TokenState:
        """The Yes token."""
        return self.tokens.by_id[YES]

    def now(self) -> datetime:
        """The time."""
        return self.time

    def offer(self, trigger: Trigger) -> None:
        """Take a trigger, as dispatch does."""
        self.offers.append(trigger)

    def touch(self, size: str = "60", ms: int = NOW_MS) -> None:
        """Let the Yes token touch at 0.96."""
        self.pipeline.touched(self.state, 960_000, size, ms, NOW_MS * 10**6)


def test_a_touch_becomes_a_trigger_with_everything_the_market_row_knows() -> None:
    bench = Bench()
    bench.touch()
    (trigger,) = bench.offers
    assert trigger.workflow_id == ID and trigger.price == price("0.96")
    assert (trigger.outcome, trigger.outcome_index, trigger.event_id) == ("Yes", 0, "77")
    assert (trigger.venue_time, trigger.seen_at, trigger.size) == (NOW, NOW, shares(60))
    assert trigger.source is TouchSource.TRADE and trigger.question == "Will it happen?"


@pytest.mark.parametrize("text", ["", "NaN", "-5", "0", "many", "1e99999999", "Infinity"])
def test_a_size_that_is_none_is_unknown_and_never_small(text: str) -> None:
    """STR-M1"""
    bench = Bench()
    bench.touch(text)
    assert bench.offers[0].size is None


def test_a_live_or_spent_id_is_not_offered_again() -> None:
    bench = Bench()
    bench.touch()
    bench.touch()
    assert len(bench.offers) == 1 and bench.pipeline.counts == {"touch": 2, "known": 1}


def test_the_venues_time_decides_the_age_and_300_s_passes_where_301_fails() -> None:
    """G1, XD-1"""
    bench = Bench()
    bench.touch(ms=NOW_MS - 301_000)
    assert bench.offers == [] and bench.journal.objections[0][1].filter == "trade_age"
    bench.memory.over(NOW)
    bench.touch(ms=NOW_MS - 300_000)
    assert len(bench.offers) == 1


def test_after_an_old_touch_a_fresh_one_counts_at_once() -> None:
    bench = Bench()
    bench.touch(ms=NOW_MS - 301_000)
    assert bench.memory.over(NOW) == [ID]


def test_a_refusal_for_now_rests_and_then_the_token_may_fire_again() -> None:
    bench = Bench(rules(rest=60))
    soon = market().model_copy(update={"end_time": NOW + timedelta(hours=1)})
    bench.tokens.put(soon, taken=False)
    touch = bench.state.touch
    assert touch is not None
    touch.retire()
    bench.touch()
    assert bench.offers == [] and bench.journal.objections[0][1].filter == "time_to_end"
    assert bench.memory.over(NOW + timedelta(seconds=59)) == []
    bench.pipeline.rearm(bench.memory.over(NOW + timedelta(seconds=60)))
    assert not touch.fired


def test_a_refusal_for_good_is_written_down_once() -> None:
    bench = Bench()
    rain = market().model_copy(update={"question": "Will it rain in London?"})
    bench.tokens.put(rain, taken=False)
    for _ in range(5):
        bench.touch()
    assert len(bench.journal.objections) == 1 and bench.offers == []


def test_a_market_that_a_person_blocked_is_refused() -> None:
    bench = Bench()
    bench.pipeline.blocks = frozenset({CONDITION})
    bench.touch()
    assert bench.offers == [] and bench.journal.objections[0][1].filter == "blocked"


def test_an_unseen_move_is_a_row_where_quotes_trigger_and_read_back_first_where_prints_do() -> None:
    """W3"""
    quotes, prints = Bench(rules(TouchSource.QUOTE)), Bench()
    for bench in (quotes, prints):
        bench.pipeline.unseen(bench.state, 970_000, NOW_MS)
    assert len(quotes.journal.unseen_rows) == 1 and prints.journal.unseen_rows == []


def test_an_unseen_move_of_a_spent_market_is_nobodys_business() -> None:
    bench = Bench()
    bench.memory.take(ID, NOW)
    bench.pipeline.lost(bench.state, 970_000, NOW_MS)
    assert bench.journal.unseen_rows == []


def test_a_missed_trigger_may_fire_again() -> None:
    bench = Bench()
    bench.touch()
    bench.pipeline.missed(bench.offers[0])
    bench.pipeline.rearm(bench.memory.over(NOW))
    bench.touch()
    assert len(bench.offers) == 2


def test_releases_of_another_threshold_or_an_unknown_market_change_nothing() -> None:
    bench = Bench()
    touch = bench.state.touch
    assert touch is not None
    touch.retire()
    bench.pipeline.rearm([f"{CONDITION}:0.9", "0xunknown:0.95", "odd"])
    assert touch.fired


def test_a_time_that_cannot_be_is_counted_and_no_touch() -> None:
    bench = Bench()
    bench.touch(ms=10**30)
    assert bench.offers == [] and bench.pipeline.counts["odd"] == 1


def test_hints_are_counted_and_passed_on() -> None:
    bench = Bench()
    bench.pipeline.hint("new_market", CONDITION)
    bench.pipeline.level(bench.state)
    assert bench.hints == [("new_market", CONDITION)]
