"""domain/filters.py"""

from datetime import timedelta
from decimal import Decimal as D
from typing import Any

import pytest

from domain.context import ScreenContext
from domain.decision import Decision, Verdict
from domain.filters import CHAIN, first_objection
from domain.market import Market
from domain.rules import TradeRules
from tests.domain.examples import CONDITION, NO, NOW, context, market, rules, trigger

SECOND, HOUR = timedelta(seconds=1), timedelta(hours=1)


def ask(seen: ScreenContext, by: TradeRules | None = None) -> Decision | None:
    return first_objection(seen, by or rules())


def named(decision: Decision | None) -> str | None:
    return None if decision is None else decision.filter


def about(**changed: Any) -> ScreenContext:
    return context(market=market(**changed))


def test_a_healthy_touch_passes_the_whole_chain() -> None:
    assert ask(context()) is None


def test_the_chain_is_ordered_data_with_names_origins_and_texts() -> None:
    assert [link.name for link in CHAIN] == [
        "trade_age",
        "market_known",
        "weather",
        "time_to_end",
        "category",
        "blocked",
        "outcome",
        "placeholder",
        "tradable",
        "oracle",
    ]
    assert all(link.origin and link.text for link in CHAIN)


@pytest.mark.parametrize("link", CHAIN, ids=lambda link: link.name)
def test_every_filter_alone_bears_an_unknown_market(link: Any) -> None:
    decision = link.check(context(market=None), rules())
    objects = {"market_known", "time_to_end"}
    assert (named(decision) == link.name) == (link.name in objects)


@pytest.mark.parametrize(("age", "passes"), [(0, True), (299, True), (300, True), (301, False)])
def test_str_l3_g1_300_seconds_pass_and_301_fail(age: int, passes: bool) -> None:
    decision = ask(context(trigger=trigger(venue_time=NOW - age * SECOND)))
    assert (decision is None) == passes


def test_g1_the_refusal_says_so() -> None:
    decision = ask(context(trigger=trigger(venue_time=NOW - 301 * SECOND)))
    assert decision is not None and decision.verdict is Verdict.HOLD
    assert decision.filter == "trade_age" and decision.reason == "G1: 301 s old"
    assert decision.values == {"age": "0:05:01", "max_age": "0:05:00"}


@pytest.mark.parametrize(("ahead", "passes"), [(1, True), (300, True), (301, False)])
def test_g1_a_clock_ahead_is_age_zero_within_the_limit(ahead: int, passes: bool) -> None:
    decision = ask(context(trigger=trigger(venue_time=NOW + ahead * SECOND)))
    assert (decision is None) == passes
    assert passes or (decision and decision.reason == "G1: 301 s in the future")
    assert passes or (decision and set(decision.values) == {"age", "max_age"})


@pytest.mark.parametrize(("age", "passes"), [(120, True), (121, False)])
def test_cor_m1_the_configured_age_governs(age: int, passes: bool) -> None:
    by = rules(trigger={"max_age": 120})
    assert (ask(context(trigger=trigger(venue_time=NOW - age * SECOND)), by) is None) == passes


def test_g1_the_age_is_of_the_venues_time_not_of_receipt() -> None:
    """XD-1: a trade seen just now but made an hour ago is an hour old."""
    late = trigger(venue_time=NOW - HOUR, seen_at=NOW)
    assert named(ask(context(trigger=late))) == "trade_age"


def test_a_market_that_the_catalogue_lacks_is_held() -> None:
    decision = ask(context(market=None))
    assert named(decision) == "market_known" and decision and "catalogue" in decision.reason
    assert decision.verdict is Verdict.HOLD


def test_q6_a_token_under_another_condition_is_a_data_error() -> None:
    decision = ask(about(condition_id="0xother"))
    assert decision and decision.filter == "market_known"
    assert decision.values == {"condition_id": "0xother"} and "another condition" in decision.reason


def test_q6_a_token_that_is_not_of_the_market_is_a_data_error() -> None:
    decision = ask(context(trigger=trigger(token_id="999")))
    assert decision and decision.filter == "market_known" and decision.values == {"token_id": "999"}
    assert "not of this market" in decision.reason


def test_g6_weather_is_ignored_for_good_and_may_be_switched_off() -> None:
    seen = about(question="Will it rain?")
    decision = ask(seen)
    assert decision and decision.verdict is Verdict.IGNORE and decision.for_good
    assert decision.filter == "weather" and decision.reason.startswith("G6")
    assert decision.values == {"word": "rain"} and "rain" in decision.reason
    assert ask(seen, rules(filters={"weather": False})) is None


def test_g6_an_empty_question_passes() -> None:
    assert ask(about(question="")) is None


def test_g6_tags_and_category_tell_teams_from_storms() -> None:
    assert ask(about(question="Storm vs. Kings", tags=("Sports",))) is None
    assert ask(about(question="Storm vs. Kings", category="Sports")) is None
    assert named(ask(about(question="Storm vs. Kings"))) == "weather"


@pytest.mark.parametrize(("hours", "passes"), [("5.99", False), ("6", True), ("6.01", True)])
def test_str_l3_six_hours_to_the_end_pass_and_less_fails(hours: str, passes: bool) -> None:
    decision = ask(about(end_time=NOW + float(hours) * HOUR))
    assert (decision is None) == passes
    if decision:
        assert decision.reason == "5.99 hours left, 6.00 wanted"
        assert decision.values["hours_left"] == "5.99" and "end_time" in decision.values
        assert decision.filter == "time_to_end" and not decision.for_good


def test_xd4_an_unknown_end_is_held_never_a_default() -> None:
    decision = ask(about(end_time=None))
    assert decision and decision.verdict is Verdict.HOLD and decision.filter == "time_to_end"
    assert decision.reason == "the end time is unknown" and decision.values == {}


@pytest.mark.parametrize(
    ("changed", "passes"),
    [
        ({"category": None}, True),
        ({"category": ""}, True),
        ({"category": "Weather"}, False),
        ({"category": "Adult"}, False),
        ({"category": "weather"}, True),
        ({"category": "Politics"}, True),
        ({"category": "Politics", "tags": ("Adult",)}, False),
        ({"tags": ("adult",)}, True),
    ],
)
def test_str_l3_excluded_categories_match_in_exact_case(
    changed: dict[str, Any], passes: bool
) -> None:
    decision = ask(about(**changed))
    assert (decision is None) == passes
    if decision:
        assert decision.filter == "category" and decision.for_good
        assert decision.values["category"] in decision.reason
        assert decision.verdict is Verdict.IGNORE


def test_a_block_by_settings_or_operator_is_for_good() -> None:
    by_operator = ask(context(blocks=frozenset({CONDITION})))
    by_settings = ask(context(), rules(filters={"blocked_conditions": [CONDITION]}))
    for decision in (by_operator, by_settings):
        assert decision and decision.filter == "blocked" and decision.for_good
        assert decision.verdict is Verdict.IGNORE and decision.reason == "the market is blocked"
    assert ask(context(blocks=frozenset({"0xother"}))) is None


def test_xd5_q5_only_yes_is_bought_unless_set() -> None:
    other = trigger(token_id=NO, outcome="No", outcome_index=1)
    decision = ask(context(trigger=other))
    assert decision and decision.filter == "outcome" and decision.verdict is Verdict.IGNORE
    assert not decision.for_good  # the other outcome of the market may still be bought
    assert decision.reason == "outcome No is not bought"
    assert decision.values == {"outcome": "No", "index": "1"}
    assert ask(context(trigger=other), rules(strategy={"outcome_indexes": [0, 1]})) is None


def test_xd5_an_outcome_keeps_its_own_name() -> None:
    team = trigger(token_id=NO, outcome="Kings", outcome_index=1)
    decision = ask(context(trigger=team))
    assert decision and "Kings" in decision.reason


@pytest.mark.parametrize(
    "changed",
    [
        {"question": "Will Person B win the election?"},
        {"question": "Will player AA win?"},
        {"question": "Will another candidate win?"},
        {"question": "Will other party win?"},
        {"group_title": "Other"},
        {"group_title": " other "},
        {"group_title": "Another person"},
        {"group_title": "Person B"},
        {"group_title": "Company ab"},
    ],
)
def test_placeholder_outcomes_of_growing_events_are_refused(changed: dict[str, Any]) -> None:
    decision = ask(about(augmented_neg_risk=True, **changed))
    assert decision and decision.filter == "placeholder" and decision.for_good
    assert decision.verdict is Verdict.IGNORE
    assert "placeholder" in decision.reason and decision.values["text"] in decision.reason
    assert ask(about(augmented_neg_risk=False, **changed)) is None


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"question": "Will Person of Interest return?", "group_title": "Person of Interest"},
        {"question": "Will the party win?", "group_title": "Party"},
        {"group_title": "Otherwise"},
        {"group_title": "Person B Goode"},
    ],
)
def test_named_outcomes_of_growing_events_pass(changed: dict[str, Any]) -> None:
    assert ask(about(augmented_neg_risk=True, **changed)) is None


@pytest.mark.parametrize(
    ("changed", "state"),
    [
        ({"closed": True}, "closed"),
        ({"active": False}, "not accepting orders"),
        ({"accepting_orders": False}, "not accepting orders"),
    ],
)
def test_markets_that_take_no_orders_are_held(changed: dict[str, Any], state: str) -> None:
    decision = ask(about(**changed))
    assert decision and decision.filter == "tradable" and decision.values == {"state": state}
    assert decision.reason == f"the market is {state}" and decision.verdict is Verdict.HOLD


@pytest.mark.parametrize("status", ["proposed", "disputed", "Disputed", "challenged", "resolved"])
def test_a_proposed_or_disputed_result_is_held(status: str) -> None:
    decision = ask(about(resolution_status=status))
    assert decision and decision.filter == "oracle" and decision.values == {"status": status}
    assert decision.reason == f"the resolution is {status}" and decision.verdict is Verdict.HOLD


def test_an_ordinary_oracle_state_passes() -> None:
    assert ask(about(resolution_status="inactive")) is None
    by = rules(filters={"oracle_hold": []})
    assert ask(about(resolution_status="disputed"), by) is None


def test_the_first_filter_that_objects_decides() -> None:
    both = about(question="Will it rain?", end_time=None)
    assert named(ask(both)) == "weather"
    old = trigger(venue_time=NOW - HOUR)
    assert named(ask(both.model_copy(update={"trigger": old}))) == "trade_age"


def test_unknown_keys_of_newer_messages_are_dropped() -> None:
    given = market().model_dump() | {"invented_later": 1}
    assert Market.model_validate(given) == market()


def test_sizes_are_exact_decimals() -> None:
    assert trigger(size="0.000001").size == D("0.000001")
