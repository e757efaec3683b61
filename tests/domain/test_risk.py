"""domain/risk.py"""

from datetime import timedelta
from decimal import Decimal as D
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.money import Usd
from domain.orders import Side
from domain.risk import CAPS, Exposure, Record24h, Rung, Wish, refuse, rung, tradeable, tripped
from domain.trade import HaltState
from tests.domain.examples import NOW, rules

SECOND = timedelta(seconds=1)


def account(**changed: Any) -> Exposure:
    given: dict[str, Any] = {
        "halt": HaltState.ACTIVE,
        "balance": D(500),
        "balance_at": NOW,
        "reserved": D(0),
        "positions": 0,
        "market": D(0),
        "event": D(0),
        "total": D(0),
        "daily_loss": D(0),
    }
    return Exposure(**(given | changed))


def wish(cost: str = "20", funds: str | None = None, side: Side = Side.BUY) -> Wish:
    return Wish(side=side, cost=Usd(D(cost)), funds=Usd(D(funds or cost)))


def limit(seen: Exposure, wanted: Wish | None = None, **risk: Any) -> str | None:
    breach = refuse(seen, wanted or wish(), rules(risk=risk).risk, NOW)
    return None if breach is None else breach.limit


def test_an_ordinary_stake_with_its_fee_fits_the_default_limits() -> None:
    assert limit(account(), wish("19.99997", "20.10")) is None


@pytest.mark.parametrize(
    ("name", "at", "above"),
    [
        ("max_positions", {"positions": 49}, {"positions": 50}),
        ("max_per_market", {"market": D(0)}, {"market": D("0.01")}),
        ("max_per_event", {"event": D(40)}, {"event": D("40.01")}),
        ("max_total", {"total": D(980)}, {"total": D("980.01")}),
        ("max_daily_loss", {"daily_loss": D("99.99")}, {"daily_loss": D(100)}),
    ],
)
def test_each_cap_may_be_reached_and_not_passed(
    name: str, at: dict[str, Any], above: dict[str, Any]
) -> None:
    assert limit(account(**at)) is None
    assert limit(account(**above)) == name


def test_xd11_the_count_includes_this_trade() -> None:
    assert limit(account(), max_positions=0) == "max_positions"
    assert limit(account(), max_positions=1) is None


def test_a_breach_says_which_limit_what_value_and_what_is_allowed() -> None:
    breach = refuse(account(event=D(41)), wish(), rules().risk, NOW)
    assert breach and breach.value == "61" and breach.maximum == "60"
    assert breach.text == "dollars in one event: 61, at most 60"


def test_the_caps_are_named_like_their_settings() -> None:
    known = set(type(rules().risk).model_fields)
    assert [cap.name for cap in CAPS][:2] == ["max_positions", "max_per_market"]
    assert {cap.name for cap in CAPS} <= known and all(cap.text for cap in CAPS)


@pytest.mark.parametrize(
    ("halt", "buy", "sell"),
    [
        (HaltState.ACTIVE, None, None),
        (HaltState.REDUCING, "halt", None),
        (HaltState.HALTED, "halt", "halt"),
    ],
)
def test_reducing_lets_sells_pass_and_a_halt_nothing(
    halt: HaltState, buy: str | None, sell: str | None
) -> None:
    assert limit(account(halt=halt)) == buy
    assert limit(account(halt=halt), wish(side=Side.SELL)) == sell


def test_a_halt_names_the_side_and_the_state() -> None:
    breach = refuse(account(halt=HaltState.REDUCING), wish(), rules().risk, NOW)
    assert breach and breach.text == "BUY while reducing"
    assert (breach.value, breach.maximum) == ("reducing", "active")


def test_a_sell_takes_risk_away_and_meets_no_cap() -> None:
    full = account(positions=99, total=D(9999), balance=None, daily_loss=D(999))
    assert limit(full, wish(side=Side.SELL)) is None


@pytest.mark.parametrize("unknown", [{"balance": None}, {"balance_at": None}])
def test_g4_xd15_an_unknown_balance_is_not_zero_but_no_balance(unknown: dict[str, Any]) -> None:
    breach = refuse(account(**unknown), wish(), rules().risk, NOW)
    assert breach and breach.limit == "balance_known" and breach.value == "unknown"
    assert breach.text == "the balance is unknown" and breach.maximum == "60 s"


@pytest.mark.parametrize(("age", "passes"), [(60, True), (61, False)])
def test_g4_a_balance_older_than_a_minute_does_not_count(age: int, passes: bool) -> None:
    breach = refuse(account(balance_at=NOW - age * SECOND), wish(), rules().risk, NOW)
    assert (breach is None) == passes
    if breach:
        assert breach.limit == "max_balance_age" and breach.value == "61 s"
        assert breach.text == "the balance is 61 s old, at most 60 s" and breach.maximum == "60 s"


@pytest.mark.parametrize(("balance", "passes"), [("120", True), ("119.999999", False)])
def test_the_reserve_stays_untouched(balance: str, passes: bool) -> None:
    breach = refuse(account(balance=D(balance)), wish(), rules().risk, NOW)
    assert (breach is None) == passes
    if breach:
        assert breach.limit == "reserve_floor" and breach.value == "20"
        assert breach.text == "20 wanted, 19.999999 free above the reserve of 100"
        assert breach.maximum == "19.999999"


def test_reservations_are_not_spent_twice_and_fees_count() -> None:
    assert limit(account(balance=D(200), reserved=D(80))) is None
    assert limit(account(balance=D(200), reserved=D("80.01"))) == "reserve_floor"
    assert limit(account(balance=D(120)), wish("20", "20.10")) == "reserve_floor"


@pytest.mark.parametrize(("balance", "name"), [("10", None), ("9.999999", "stop_below")])
def test_q10_below_ten_dollars_nothing_is_bought(balance: str, name: str | None) -> None:
    assert limit(account(balance=D(balance)), wish("5"), reserve_floor=0) == name
    breach = refuse(account(balance=D("9.5")), wish("5"), rules().risk, NOW)
    assert breach and breach.value == "9.5" and breach.maximum == "10"
    assert breach.text == "balance 9.5 is below 10: no entries"


def test_what_is_tradeable_is_never_negative() -> None:
    assert tradeable(Usd(D(50)), Usd(D(0)), Usd(D(100))) == 0
    assert tradeable(Usd(D(150)), Usd(D(30)), Usd(D(100))) == 20


@given(*[st.decimals(0, 2000, places=2)] * 5)
def test_whatever_passes_breaks_no_cap_and_leaves_the_reserve(
    balance: D, reserved: D, market: D, event: D, total: D
) -> None:
    seen = account(balance=balance, reserved=reserved, market=market, event=event, total=total)
    if refuse(seen, wish(), rules().risk, NOW) is None:
        assert market + 20 <= 20 and event + 20 <= 60 and total + 20 <= 1000
        assert balance - reserved - 20 >= 100


@pytest.mark.parametrize(
    ("balance", "reserved", "step"),
    [
        (None, "0", Rung.UNKNOWN),
        ("9.99", "0", Rung.STOP),
        ("10", "0", Rung.ALERT),
        ("49.99", "0", Rung.ALERT),
        ("50", "0", Rung.WARNING),
        ("99.99", "0", Rung.WARNING),
        ("100", "0", Rung.NO_ENTRIES),
        ("100.01", "0", Rung.OK),
        ("150", "50", Rung.NO_ENTRIES),
    ],
)
def test_q10_the_balance_ladder_has_one_set_of_rungs(
    balance: str | None, reserved: str, step: Rung
) -> None:
    known = None if balance is None else Usd(D(balance))
    assert rung(known, Usd(D(reserved)), rules().risk) is step


def day(**changed: Any) -> Record24h:
    given: dict[str, Any] = {
        "order_attempts": 100,
        "order_errors": 0,
        "fills_final": 100,
        "fills_failed": 0,
        "daily_loss": D(0),
    }
    return Record24h(**(given | changed))


def test_an_ordinary_day_trips_nothing() -> None:
    assert tripped(day(), rules().risk) == []


@pytest.mark.parametrize(
    ("name", "at", "above"),
    [
        ("max_error_ratio", {"order_errors": 25}, {"order_errors": 26}),
        ("max_reversal_ratio", {"fills_failed": 10}, {"fills_failed": 11}),
        ("max_daily_loss", {"daily_loss": D("99.99")}, {"daily_loss": D(100)}),
    ],
)
def test_each_breaker_trips_above_its_bound(
    name: str, at: dict[str, Any], above: dict[str, Any]
) -> None:
    assert tripped(day(**at), rules().risk) == []
    assert [b.limit for b in tripped(day(**above), rules().risk)] == [name]


def test_breakers_say_what_they_saw_and_trip_together() -> None:
    seen = day(order_errors=30, fills_failed=20, daily_loss=D(101))
    assert [(b.text, b.value, b.maximum) for b in tripped(seen, rules().risk)] == [
        ("orders that failed: 30 of 100, at most 25.0 %", "30/100", "0.25"),
        ("settlements that failed: 20 of 100, at most 10.0 %", "20/100", "0.10"),
        ("dollars lost today: 101, entries stop at 100", "101", "100"),
    ]


def test_too_few_events_say_nothing() -> None:
    assert tripped(day(order_attempts=19, order_errors=19), rules().risk) == []
    assert len(tripped(day(order_attempts=20, order_errors=20), rules().risk)) == 1
    assert tripped(day(fills_final=19, fills_failed=19), rules().risk) == []
    assert len(tripped(day(fills_final=20, fills_failed=20), rules().risk)) == 1
    none = rules(risk={"min_error_attempts": 0}).risk
    assert tripped(day(order_attempts=0), none) == []
    assert len(tripped(day(order_attempts=1, order_errors=1), none)) == 1
