"""domain/exits.py"""

from datetime import timedelta
from decimal import Decimal as D
from typing import Any

import pytest

from domain.exits import (
    ExitCause,
    ExitContext,
    ExitReading,
    ExitSignal,
    check_exit,
    conditional_from,
    holding_value,
    stop_level,
)
from domain.market import Fee, Mode
from domain.money import Price
from domain.positions import Position
from domain.rules import ExitRules
from tests.domain.examples import CONDITION, NOW, YES, book, levels, rules

DAY, SECOND = timedelta(days=1), timedelta(seconds=1)
POSITION = Position(
    workflow_id=f"{CONDITION}:0.95",
    mode=Mode.PAPER,
    condition_id=CONDITION,
    token_id=YES,
    shares=D(20),
    cost=D(19),
)


def at(bid: str | None, depth: str = "49", **changed: Any) -> ExitContext:
    bids = levels((bid, depth)) if bid else ()
    given: dict[str, Any] = {
        "position": POSITION,
        "book": book(bids=bids, asks=levels(("0.999", "10"))),
        "now": NOW,
        "held_since": NOW - 8 * DAY,
    }
    return ExitContext(**(given | changed))


def check(seen: ExitContext, **changed: Any) -> ExitSignal:
    return check_exit(seen, exits(**changed))


def exits(**changed: Any) -> ExitRules:
    return rules(exits=changed).exits


@pytest.mark.parametrize(
    ("held", "sells"),
    [(6 * DAY, False), (7 * DAY - SECOND, False), (7 * DAY, True), (8 * DAY, True)],
)
@pytest.mark.parametrize("bid", ["0.99", "0.90", "0.50"])
def test_a_young_position_is_held_whatever_the_price(
    held: timedelta, sells: bool, bid: str
) -> None:
    signal = check(at(bid, depth="50", held_since=NOW - held))
    assert signal.exit is sells
    if not sells:
        assert signal.reason == f"held {held / DAY:.2f} of 7.00 days" and signal.cause is None


@pytest.mark.parametrize(
    ("bid", "cause"),
    [
        ("0.991", ExitCause.TARGET),
        ("0.99", ExitCause.TARGET),
        ("0.989999", None),
        ("0.91", None),
        ("0.900001", None),
        ("0.90", ExitCause.STOP),
        ("0.10", ExitCause.STOP),
    ],
)
def test_target_and_stop_are_reached_at_their_own_price(bid: str, cause: ExitCause | None) -> None:
    signal = check(at(bid, depth="50"))
    assert signal.cause is cause and signal.exit is (cause is not None)
    if cause is None:
        assert signal.reason == f"bid {bid} is above 0.9"


def test_without_a_bid_nothing_is_decided() -> None:
    reading = ExitReading(high=Price(D("0.97")), below_stop=1)
    signal = check(at(None, reading=reading))
    assert not signal.exit and signal.reason == "nobody bids" and signal.reading == reading


@pytest.mark.parametrize("unknown", [{"held_since": None}, {"age_known": False}])
def test_q9_an_unknown_age_may_take_a_profit_but_not_a_loss(unknown: dict[str, Any]) -> None:
    assert check(at("0.99", **unknown)).cause is ExitCause.TARGET
    low = check(at("0.50", depth="50", **unknown))
    assert not low.exit and low.reason == "age unknown: profit target only"
    opted = check(at("0.50", depth="50", **unknown), stop_needs_known_age=False)
    assert opted.cause is ExitCause.STOP


def test_g10_an_unknown_age_never_ends_by_time() -> None:
    assert check(at("0.95"), max_hold=DAY).cause is ExitCause.TIME
    assert not check(at("0.95", age_known=False), max_hold=DAY).exit


@pytest.mark.parametrize(("held", "sells"), [(30 * DAY - SECOND, False), (30 * DAY, True)])
def test_the_time_limit_sells_at_any_price(held: timedelta, sells: bool) -> None:
    signal = check(at("0.95", held_since=NOW - held), max_hold=30 * DAY)
    assert signal.exit is sells
    if sells:
        assert signal.reason == "time_limit: held 30.00 days"


def test_a_time_limit_shorter_than_the_hold_waits_for_it() -> None:
    assert not check(at("0.95", held_since=NOW - DAY), max_hold=DAY).exit


# Q16: one thin reading is no stop


def test_q16_two_readings_in_a_row_make_a_stop() -> None:
    first = check(at("0.90"))
    assert not first.exit and first.reading.below_stop == 1
    assert first.reason == "first reading of 0.9, 49 shares"
    second = check(at("0.90", reading=first.reading))
    assert second.exit and second.reading.below_stop == 2
    assert second.reason == "stop_loss: bid 0.9 is at or below 0.9 (2 readings, 49 shares)"


def test_q16_a_recovery_between_starts_the_count_anew() -> None:
    first = check(at("0.90"))
    between = check(at("0.95", reading=first.reading))
    assert between.reading.below_stop == 0
    assert not check(at("0.90", reading=between.reading)).exit


def test_q16_enough_depth_at_the_bid_is_believed_at_once() -> None:
    assert not check(at("0.90", depth="49.99")).exit
    assert check(at("0.90", depth="50")).exit


def test_q16_depth_below_the_bid_does_not_count() -> None:
    seen = at("0.90").model_copy(
        update={"book": book(bids=levels(("0.90", "1"), ("0.89", "500")), asks=())}
    )
    assert not check(seen).exit


# trailing


def test_a_trailing_stop_follows_the_highest_bid() -> None:
    high = ExitReading(high=Price(D("0.98")))
    signal = check(at("0.93", depth="50", reading=high), trailing="0.05")
    assert signal.cause is ExitCause.TRAILING
    assert signal.reason.startswith("trailing_stop: bid 0.93 is at or below 0.93")
    assert not check(at("0.94", depth="50", reading=high), trailing="0.05").exit


def test_the_highest_bid_is_remembered() -> None:
    assert check(at("0.95")).reading.high == D("0.95")
    high = ExitReading(high=Price(D("0.97")))
    assert check(at("0.95", reading=high)).reading.high == D("0.97")
    assert check(at("0.98", reading=high)).reading.high == D("0.98")
    young = check(at("0.98", held_since=NOW, reading=high))
    assert young.reading.high == D("0.98")


@pytest.mark.parametrize(
    ("high", "changed", "level"),
    [
        ("0.98", {}, ("0.90", ExitCause.STOP)),
        (None, {"trailing": "0.05"}, ("0.90", ExitCause.STOP)),
        ("0.94", {"trailing": "0.05"}, ("0.90", ExitCause.STOP)),
        ("0.95", {"trailing": "0.05"}, ("0.90", ExitCause.STOP)),
        ("0.96", {"trailing": "0.05"}, ("0.91", ExitCause.TRAILING)),
        ("0.96", {"trailing": "0.05", "stop": None}, ("0.91", ExitCause.TRAILING)),
        (None, {"trailing": "0.05", "stop": None}, None),
        ("0.96", {"stop": None}, None),
    ],
)
def test_the_higher_of_fixed_and_trailing_stop_counts(
    high: str | None, changed: dict[str, Any], level: tuple[str, ExitCause] | None
) -> None:
    expected = None if level is None else (D(level[0]), level[1])
    assert stop_level(None if high is None else Price(D(high)), exits(**changed)) == expected


def test_levels_that_a_person_removed_do_not_sell() -> None:
    assert not check(at("0.99"), target=None).exit
    low = check(at("0.10", depth="99"), stop=None)
    assert not low.exit and low.reason == "no stop is set"


# Q16: a profit exit must beat holding after fees


def test_q16_selling_at_the_target_must_beat_waiting_for_the_payout() -> None:
    soon, late = NOW + 14 * DAY, NOW + 30 * DAY
    held = check(at("0.99", end_time=soon))
    assert not held.exit and held.reason == "0.99 does not beat holding at 0.992329"
    sold = check(at("0.99", end_time=late))
    assert sold.exit and sold.reason == "profit_target: 0.99 beats holding at 0.983562"


def test_q16_the_fee_counts_against_selling() -> None:
    end = NOW + 18.5 * DAY  # holding is worth 0.989863
    assert check(at("0.99", end_time=end)).exit
    assert not check(at("0.99", end_time=end, fee=Fee(rate=D("0.07")))).exit


def test_q16_a_score_says_what_holding_is_worth() -> None:
    end = NOW + DAY
    assert not check(at("0.99", end_time=end)).exit
    assert check(at("0.99", end_time=end, win_probability=D("0.98"))).exit
    assert not check(at("0.99", end_time=end, win_probability=D("0.995"))).exit


def test_q16_with_an_unknown_end_selling_must_at_least_be_a_profit() -> None:
    assert check(at("0.99")).reason == "profit_target: 0.99 beats entry at 0.95"
    dear = POSITION.model_copy(update={"cost": D("19.8")})
    even = check(at("0.99", position=dear))
    assert not even.exit and even.reason == "0.99 does not beat entry at 0.99"
    assert not check(at("0.99", position=POSITION.model_copy(update={"shares": D(0)}))).exit


def test_holding_is_worth_the_payout_less_the_cost_of_waiting() -> None:
    year = at("0.99", end_time=NOW + 365 * DAY)
    assert holding_value(year, exits()) == D("0.8")
    assert holding_value(year, exits(capital_cost=0)) == 1
    assert holding_value(at("0.99", end_time=NOW - DAY), exits()) == 1
    assert holding_value(at("0.99"), exits()) is None


def test_conditional_exits_begin_after_the_hold_or_now_for_an_unknown_age() -> None:
    assert conditional_from(NOW, exits()) == NOW + 7 * DAY
    assert conditional_from(None, exits()) is None


def test_age_needs_both_a_time_and_a_source() -> None:
    assert at("0.9").age == 8 * DAY
    assert at("0.9", age_known=False).age is None and at("0.9", held_since=None).age is None
