"""domain/money.py"""

from decimal import Decimal as D

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.market import Fee
from domain.money import (
    TICKS,
    ceil_to,
    fee,
    floor_to,
    from_micros,
    micros,
    moved,
    on_tick,
    plain,
    price,
    shares,
    usd,
)

AMOUNTS = st.decimals("-1000000", "1000000", places=6)
STEPS = st.sampled_from([*TICKS, D("0.01"), D("0.0001"), D("0.000001")])


@given(AMOUNTS)
def test_sto_m1_six_places_survive_every_conversion(value: D) -> None:
    assert usd(value) == price(str(value)) == shares(value) == value
    assert from_micros(micros(value)) == value


def test_sto_m1_the_threshold_compares_equal_however_it_was_written() -> None:
    assert price("0.95") == price("0.950000") == D(95) / 100
    assert micros(D("0.95")) == 950_000


@pytest.mark.parametrize(
    ("given", "six"), [("0.0000005", "0"), ("0.0000015", "0.000002"), ("0.0000025", "0.000002")]
)
def test_a_seventh_place_is_rounded_half_to_even(given: str, six: str) -> None:
    assert usd(given) == price(given) == shares(given) == D(six)
    assert usd(given).as_tuple().exponent == -6


def test_micros_cut_the_seventh_place() -> None:
    assert micros(D("0.9499999")) == 949_999
    assert micros(D("-0.0000001")) == -1


@given(AMOUNTS, STEPS)
def test_floor_and_ceiling_enclose_the_value_on_the_grid(value: D, step: D) -> None:
    low, high = floor_to(value, step), ceil_to(value, step)
    assert low <= value <= high and high - low in (0, step)
    assert low % step == 0 and high % step == 0


@pytest.mark.parametrize("tick", TICKS)
def test_prices_reach_from_one_tick_to_one_less_a_tick(tick: D) -> None:
    assert on_tick(tick, tick) and on_tick(1 - tick, tick)
    assert not on_tick(D(0), tick) and not on_tick(D(1), tick)
    assert not on_tick(tick * D("1.5"), tick)


def test_all_ticks_of_the_venue_are_known() -> None:
    assert [str(t) for t in TICKS] == ["0.1", "0.01", "0.005", "0.0025", "0.001", "0.0001"]


@pytest.mark.parametrize(
    ("count", "at", "rate", "exponent", "dollars"),
    [
        ("100", "0.50", "0.07", 1, "1.75"),
        ("100", "0.90", "0.07", 1, "0.63"),
        ("100", "0.90", "0.07", 2, "0.0567"),
        ("1", "0.95", "0.0001", 1, "0"),  # 0.00000475 is below the smallest fee
        ("1", "0.5", "0.00002", 1, "0.00001"),  # 0.000005 is half: up
        ("100", "0.95", "0", 1, "0"),
        ("100", "1", "0.07", 1, "0"),
    ],
)
def test_xd14_fees_follow_the_venues_curve_to_five_places(
    count: str, at: str, rate: str, exponent: int, dollars: str
) -> None:
    assert fee(D(count), D(at), D(rate), exponent) == D(dollars)


def test_makers_pay_nothing_unless_the_curve_says_so() -> None:
    assert Fee(rate=D("0.07")).charge(D(100), D("0.5"), maker=True) == 0
    assert Fee(rate=D("0.07")).charge(D(100), D("0.5")) == D("1.75")
    assert Fee(rate=D("0.07"), taker_only=False).charge(D(100), D("0.5"), maker=True) == D("1.75")


@pytest.mark.parametrize(
    ("given", "text"),
    [("0.950000", "0.95"), ("20", "20"), ("500", "500"), ("0", "0"), ("0.000001", "0.000001")],
)
def test_numbers_are_told_without_needless_zeros(given: str, text: str) -> None:
    assert plain(D(given)) == text


def test_a_match_moves_no_part_of_a_micro_dollar() -> None:
    assert moved(D("0.96"), D("20.833333")) == D("19.999999")
    assert moved(D("0.5"), D(1)) == D("0.5")
