"""domain/strategy.py and domain/strategies/high_prob_yes.py"""

from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal as D
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.decision import Decision, Verdict, enter
from domain.money import Price, Shares, Usd, plain
from domain.rules import TradeRules
from domain.strategies.high_prob_yes import HighProbYes, SizeCheck, check_size
from domain.strategy import Registry, Strategy, StrategyContext, ask, entry_score, strategy_context
from tests.domain.examples import NOW, STRATEGY, context, market, rules, score, trigger


def decide(by: TradeRules | None = None, **changed: Any) -> Decision:
    return ask(STRATEGY, context(**changed), by or rules())


def touched(**changed: Any) -> dict[str, Any]:
    return {"trigger": trigger(**changed)}


# the decision table of spec 6.2, by row


def test_row_1_below_the_threshold_is_held() -> None:
    made = decide(**touched(price=D("0.949999")))
    assert (made.verdict, made.filter) == (Verdict.HOLD, "threshold")
    assert made.reason == "price 0.949999 is below the threshold 0.95"
    assert made.values == {"price": "0.949999", "threshold": "0.95"}


@pytest.mark.parametrize(("size", "enters"), [(49, False), (50, True), (51, True)])
def test_row_2_str_l3_fifty_shares_pass_and_49_fail(size: int, enters: bool) -> None:
    made = decide(**touched(size=D(size)))
    assert (made.verdict is Verdict.ENTER) == enters
    if not enters:
        assert (made.verdict, made.filter) == (Verdict.IGNORE, "trade_size")
        assert made.reason == "trade of 49 shares is below 50" and not made.for_good
        assert made.values == {"size": "49", "min_trade_size": "50"}


def test_row_3_str_m1_an_unknown_size_is_held_as_unknown() -> None:
    made = decide(**touched(size=None))
    assert (made.verdict, made.filter, made.reason) == (Verdict.HOLD, "trade_size", "size unknown")
    assert "below" not in made.reason and made.values == {"min_trade_size": "50"}


def test_str_m1_a_back_filled_size_counts_and_never_replaces_the_streamed_one() -> None:
    assert decide(**touched(size=None), size=D(75)).verdict is Verdict.ENTER
    assert decide(**touched(size=None), size=D(3)).filter == "trade_size"
    assert decide(**touched(size=D(3)), size=D(75)).filter == "trade_size"


def test_without_the_size_filter_an_unknown_size_enters() -> None:
    assert decide(rules(strategy={"size_filter": False}), **touched(size=None)).limit == D("0.95")


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (None, "no score"),
        (score(version=""), "score without a model version"),
        (score(at=NOW - timedelta(hours=2)), "score is stale: 7200 s old"),
    ],
)
def test_row_4_q2_a_missing_score_is_held_never_invented(given: Any, reason: str) -> None:
    made = decide(score=given)
    assert (made.verdict, made.filter, made.reason) == (Verdict.HOLD, "score", reason)
    assert made.score is None and made.values == {"entry_score": "0.97"}


@pytest.mark.parametrize(
    ("value", "verdict"),
    [
        ("1", Verdict.ENTER),
        ("0.97", Verdict.ENTER),
        ("0.969999", Verdict.WATCH),
        ("0.90", Verdict.WATCH),
        ("0.899999", Verdict.HOLD),
        ("0", Verdict.HOLD),
    ],
)
def test_rows_5_to_7_the_score_decides(value: str, verdict: Verdict) -> None:
    made = decide(score=score(value))
    assert made.verdict is verdict and made.score == value
    assert made.filter == ("score" if verdict is Verdict.HOLD else "strategy")
    assert plain(D(value)) in made.reason and made.values["score"] == plain(D(value))
    assert made.values["size"] == "60" and made.values["entry_score"] == "0.97"


def test_row_7_names_the_floor() -> None:
    made = decide(score=score("0.5"))
    assert made.values["watch_score"] == "0.9" and made.reason == "score 0.5 is below 0.9"


@pytest.mark.parametrize(("price", "limit"), [("0.95", "0.95"), ("0.98", "0.95"), ("0.99", "0.95")])
def test_row_5_q1_the_limit_is_the_touch_under_the_cap(price: str, limit: str) -> None:
    made = decide(**touched(price=D(price)))
    assert made.limit == D(limit) and made.stake == 20


def test_row_5_a_touch_below_the_cap_is_the_limit() -> None:
    made = decide(rules(entry={"max_price": "0.97"}), **touched(price=D("0.96")))
    assert made.limit == D("0.96")


def test_q5_another_outcome_is_not_bought() -> None:
    made = decide(**touched(outcome="No", outcome_index=1))
    assert (made.verdict, made.filter) == (Verdict.IGNORE, "outcome")
    assert made.reason == "outcome No is not bought" and not made.for_good
    both = rules(strategy={"outcome_indexes": [0, 1]})
    assert decide(both, **touched(outcome="No", outcome_index=1)).verdict is Verdict.ENTER


def test_every_decision_bears_name_version_and_score() -> None:
    made = decide()
    assert (made.strategy, made.strategy_version, made.score) == ("high_prob_yes", "1", "0.98")


SIZES = st.none() | st.decimals(0, 100, places=6) | st.just(D("NaN")) | st.just(D("sNaN"))


@given(SIZES)
def test_str_l2_size_check_and_strategy_agree_and_never_raise(size: D | None) -> None:
    known = None if size is None else Shares(size)
    checked = check_size(known, Shares(D(50)))
    if size is not None and size.is_nan():
        assert checked is SizeCheck.UNKNOWN
        return
    made = decide(**touched(size=size))
    assert (made.verdict is Verdict.ENTER) == (checked is SizeCheck.OK)
    assert (made.reason == "size unknown") == (checked is SizeCheck.UNKNOWN)


# what a strategy sees


def seen(by: TradeRules | None = None, **changed: Any) -> StrategyContext:
    return strategy_context(context(**changed), by or rules())


def test_the_context_tells_what_is_known() -> None:
    made = seen(
        trigger=trigger(venue_time=NOW - timedelta(seconds=90)),
        market=market(category="Politics", tags=("US",), end_time=NOW + timedelta(hours=36)),
        position_open=True,
        first_crossing=False,
    )
    assert (made.condition_id, made.token_id) == ("0xc0ffee", "111")
    assert (made.question, made.category, made.tags) == ("Will the bill pass?", "Politics", ("US",))
    assert (made.outcome, made.outcome_index) == ("Yes", 0)
    assert (made.threshold, made.price, made.trade_size) == (D("0.95"), D("0.95"), D(60))
    assert (made.age_seconds, made.hours_to_end) == (D(90), D(36))
    assert (made.score, made.score_problem, made.entry_score) == (score(), None, D("0.97"))
    assert (made.max_price, made.stake) == (D("0.95"), D(20))
    assert made.position_open and not made.first_crossing
    assert (made.best_bid, made.best_ask, made.now) == (D("0.94"), D("0.95"), NOW)
    assert made.rules == rules().strategy


def test_xd4_what_is_unknown_is_none_in_the_context() -> None:
    made = seen(market=None, book=None, score=None, trigger=trigger(size=None, question="Hm?"))
    assert made.hours_to_end is None and made.best_bid is None and made.best_ask is None
    assert made.score is None and made.category is None and made.trade_size is None
    assert made.tags == ()
    assert made.score_problem == "no score" and made.question == "Hm?"
    assert seen(market=market(end_time=None)).hours_to_end is None


def test_a_clock_that_stepped_back_gives_age_zero() -> None:
    assert seen(trigger=trigger(venue_time=NOW + timedelta(seconds=3))).age_seconds == 0


def test_the_floor_replaces_the_entry_score_for_the_market_provider_only() -> None:
    assert entry_score(rules(score={"provider": "market", "floor": "0.9"})) == D("0.9")
    assert entry_score(rules(score={"provider": "market"})) == D("0.97")
    assert entry_score(rules(score={"provider": "http", "floor": "0.9"})) == D("0.97")


# faults of a strategy


@dataclass
class Careless:
    """A strategy that forgets things."""

    answer: Decision
    name: str = "careless"
    version: str = "0"

    def evaluate(self, context: StrategyContext) -> Decision:
        return self.answer


@pytest.mark.parametrize("forgotten", ["limit", "stake"])
def test_an_entry_without_limit_or_stake_is_a_fault_not_an_order(forgotten: str) -> None:
    whole = enter("yes", Price(D("0.95")), Usd(D(20)))
    made = ask(Careless(whole.model_copy(update={forgotten: None})), context(), rules())
    assert (made.verdict, made.filter) == (Verdict.HOLD, "strategy_fault")
    assert made.reason == "expected limit and stake with ENTER, was without"
    assert ask(Careless(whole), context(), rules()).verdict is Verdict.ENTER


# the registry


@dataclass
class Point:
    """An entry point as an installed package offers it."""

    name: str
    loads: list[str] = field(default_factory=list)

    def load(self) -> Any:
        self.loads.append("loaded")

        def make() -> Strategy:
            self.loads.append("made")
            return HighProbYes()

        return make


def test_str_l1_nothing_is_loaded_before_it_is_asked_for_and_made_once() -> None:
    point = Point("mine")
    registry = Registry([point])
    assert registry.names() == ["high_prob_yes", "mine"] and point.loads == []
    assert registry.get("mine") is registry.get("mine")
    assert point.loads == ["loaded", "made"]


def test_str_l1_duplicate_names_are_refused() -> None:
    with pytest.raises(ValueError, match="expected one strategy named 'mine', was registered"):
        Registry([Point("mine"), Point("mine")])
    with pytest.raises(ValueError, match="high_prob_yes"):
        Registry([Point("high_prob_yes")])


def test_an_unknown_name_lists_the_known() -> None:
    with pytest.raises(KeyError, match="expected a strategy among high_prob_yes, mine, was 'his'"):
        Registry([Point("mine")]).get("his")


def test_the_default_strategy_is_built_in() -> None:
    assert isinstance(Registry().get(rules().strategy.name), HighProbYes)
