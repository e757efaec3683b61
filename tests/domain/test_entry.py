"""domain/entry.py"""

from datetime import UTC, datetime
from decimal import Decimal as D

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.book import Book, Level
from domain.entry import (
    Amounts,
    NoPlan,
    OrderPlan,
    fee_allowance,
    limit_price,
    plan_entry,
    plan_exit,
    venue_amounts,
    worst_price,
)
from domain.market import Fee, Market, Token
from domain.money import CENT, TAKER_STEP, TICKS, Price, Shares, Usd, on_tick
from domain.orders import Side, TimeInForce
from domain.rules import EntryRules

NOW = datetime(2026, 1, 2, tzinfo=UTC)
YES = Token(token_id="1", outcome="Yes", index=0)


def market(rate: str = "0") -> Market:
    return Market(condition_id="0xc", question="?", tokens=(YES,), fee=Fee(rate=D(rate)))


def book(*, tick: str = "0.01", ask: str | None = None, min_size: str = "5") -> Book:
    asks = () if ask is None else (Level(price=D(ask), shares=D(1000)),)
    return Book(
        token_id="1", condition_id="0xc", asks=asks, tick=D(tick), min_size=D(min_size), seen_at=NOW
    )


def plan(stake: str, limit: str, **of_book: str) -> OrderPlan:
    made = plan_entry(Usd(D(stake)), Price(D(limit)), market(), book(**of_book))
    assert isinstance(made, OrderPlan)
    return made


def refusal(stake: str, limit: str, **of_book: str) -> NoPlan:
    made = plan_entry(Usd(D(stake)), Price(D(limit)), market(), book(**of_book))
    assert isinstance(made, NoPlan)
    return made


@pytest.mark.parametrize(
    ("touched", "cap", "tick", "limit"),
    [
        ("0.95", "0.95", "0.01", "0.95"),
        ("0.98", "0.95", "0.01", "0.95"),  # Q1: the cap, not the touch
        ("0.94", "0.95", "0.01", "0.94"),
        ("0.957", "0.98", "0.01", "0.95"),  # down, never up
        ("0.957", "0.98", "0.005", "0.955"),
        ("0.9999", "0.9999", "0.01", "0.99"),  # never above 1 - tick
        ("0.95", "0.95", "0.1", "0.9"),
    ],
)
def test_q1_the_limit_is_the_lower_of_touch_and_cap_on_the_grid(
    touched: str, cap: str, tick: str, limit: str
) -> None:
    assert limit_price(Price(D(touched)), Price(D(cap)), Price(D(tick))) == D(limit)


def test_a_touch_below_the_first_tick_has_no_limit() -> None:
    assert limit_price(Price(D("0.009")), Price(D("0.95")), Price(D("0.01"))) is None
    assert limit_price(Price(D("0.01")), Price(D("0.95")), Price(D("0.01"))) == D("0.01")


def test_q4_the_stake_is_dollars_and_becomes_shares() -> None:
    made = plan("20", "0.95")
    assert made.shares == D("21.0526")
    assert made.amounts == Amounts(maker=D("20.00"), taker=D("21.0526"))
    assert made.funds == D(20) and made.limit == D("0.95") and made.tick == D("0.01")
    assert made.side is Side.BUY and made.notional == D(20)


def test_the_amounts_are_those_of_the_official_client() -> None:
    made = plan("9.99", "0.46")
    assert made.amounts == Amounts(maker=D("9.99"), taker=D("21.7173"))


GRID = [(tick, tick * k) for tick in TICKS for k in range(1, int(1 / tick)) if tick * k >= D("0.9")]
STAKES = st.decimals(min_value=6, max_value=5000, places=4)


@pytest.mark.parametrize("tick", TICKS)
@given(stake=STAKES, data=st.data())
def test_every_amount_obeys_the_venue_on_every_tick_and_price(
    tick: Price, stake: D, data: st.DataObject
) -> None:
    prices = [p for t, p in GRID if t == tick and p <= D("0.9999")]
    limit = data.draw(st.sampled_from(prices))
    made = plan_entry(Usd(stake), Price(limit), market(), book(tick=str(tick)))
    assert isinstance(made, OrderPlan)
    maker, taker = made.amounts.maker, made.amounts.taker
    assert maker % CENT == 0 and taker % TAKER_STEP == 0
    assert maker <= stake and stake - maker < D("0.02")
    assert limit <= maker / taker < limit + tick / 2  # crosses at the limit, never above it
    assert on_tick(limit, tick) and taker == made.shares >= 5


@given(stake=STAKES, cents=st.integers(90, 99))
def test_a_resting_order_is_exact(stake: D, cents: int) -> None:
    limit = Price(D(cents) / 100)
    made = plan_entry(Usd(stake), limit, market(), book(), tif=TimeInForce.GTD)
    assert isinstance(made, OrderPlan)
    assert made.amounts == Amounts(maker=made.shares * limit, taker=made.shares)
    assert made.shares % CENT == 0 and made.amounts.maker <= stake


@pytest.mark.parametrize("limit", ["0.955", "0", "-0.95", "1", "1.01", "0.005"])
def test_a_limit_off_the_grid_makes_no_order(limit: str) -> None:
    made = refusal("20", limit)
    assert made.filter == "tick" and limit in made.reason
    assert made.values == {"limit": limit, "tick": "0.01"}


def test_the_tick_is_the_books_after_a_change() -> None:
    assert plan("20", "0.955", tick="0.001").limit == D("0.955")


def test_fewer_shares_than_the_minimum_make_no_order() -> None:
    assert refusal("4.74", "0.95").filter == "min_size"
    assert plan("4.75", "0.95").shares == 5
    made = refusal("4.74", "0.95")
    assert made.reason == "4.74 dollars buy 4.9894 shares, the market wants 5"
    assert made.values == {"stake": "4.74", "limit": "0.95", "shares": "4.9894"}


def test_less_than_a_dollar_makes_no_order() -> None:
    made = refusal("0.99", "0.9", min_size="1", tick="0.1")
    assert made.filter == "min_notional" and "0.99" in made.reason
    assert plan("1.00", "0.9", min_size="1", tick="0.1").notional == 1


def test_xd14_funds_promise_the_highest_fee_the_order_can_cost() -> None:
    made = plan_entry(Usd(D(20)), Price(D("0.95")), market("0.07"), book(ask="0.93"))
    assert isinstance(made, OrderPlan)
    # 20 / 0.93 shares at 0.07 * 0.93 * 0.07 = 0.0980 -> 0.10
    assert made.funds == D("20.10")


@given(
    ask=st.integers(1, 99),
    limit=st.integers(1, 99),
    rate=st.decimals(0, "0.1", places=3),
    paid=st.integers(1, 99),
    exponent=st.integers(1, 3),
)
def test_no_fill_between_ask_and_limit_costs_more_than_the_allowance(
    ask: int, limit: int, rate: D, paid: int, exponent: int
) -> None:
    fee = Fee(rate=rate, exponent=exponent)
    low = min(ask, limit)
    at = D(min(max(paid, low), limit)) / 100
    allowance = fee_allowance(D(20), Price(D(limit) / 100), Price(D(ask) / 100), fee)
    assert fee.charge(D(20) / at, at) <= allowance


def test_without_an_ask_the_fee_allowance_is_that_of_the_limit() -> None:
    assert fee_allowance(D(95), Price(D("0.95")), None, Fee(rate=D("0.07"))) == D("0.34")
    assert fee_allowance(D(95), Price(D("0.95")), None, Fee()) == 0


def test_g12_an_exit_sells_what_is_held_in_two_places_at_the_bid() -> None:
    made = plan_exit(Shares(D("21.0526")), Price(D("0.99")), book())
    assert isinstance(made, OrderPlan)
    assert made.side is Side.SELL and made.shares == D("21.05") and made.funds == 0
    assert made.amounts == Amounts(maker=D("21.05"), taker=D("20.8395"))
    assert made.notional == D("20.8395") and made.tick == D("0.01") and made.limit == D("0.99")


@given(held=st.decimals(5, 5000, places=6), tick=st.sampled_from(TICKS), k=st.integers(1, 9999))
def test_an_exit_obeys_the_venue_on_every_tick(held: D, tick: Price, k: int) -> None:
    limit = Price(min(tick * k, 1 - tick))
    made = plan_exit(Shares(held), limit, book(tick=str(tick)))
    assert isinstance(made, OrderPlan)
    assert made.amounts.maker % CENT == 0 and made.amounts.taker % TAKER_STEP == 0
    assert made.amounts.maker <= held and held - made.amounts.maker < CENT
    assert limit - D("0.0001") < made.amounts.taker / made.amounts.maker <= limit


def test_an_exit_below_the_minimum_size_is_left_to_resolution() -> None:
    made = plan_exit(Shares(D("4.999")), Price(D("0.99")), book())
    assert isinstance(made, NoPlan) and made.filter == "min_size"
    assert made.values == {"held": "4.999", "limit": "0.99"} and "4.999" in made.reason
    assert isinstance(plan_exit(Shares(D(5)), Price(D("0.99")), book()), OrderPlan)


@pytest.mark.parametrize("limit", ["0.995", "1", "0", "-0.5"])
def test_an_exit_outside_the_grid_makes_no_order(limit: str) -> None:
    made = plan_exit(Shares(D(20)), Price(D(limit)), book())
    assert isinstance(made, NoPlan) and made.filter == "tick" and limit in made.reason


def test_an_exit_limit_between_ticks_goes_up_not_down() -> None:
    made = plan_exit(Shares(D(20)), Price(D("0.983")), book())
    assert isinstance(made, OrderPlan) and made.limit == D("0.99")


def test_amounts_of_resting_sells_are_exact() -> None:
    made = venue_amounts(Side.SELL, TimeInForce.GTC, Price(D("0.9511")), Shares(D("10.01")))
    assert made == Amounts(maker=D("10.01"), taker=D("9.520511"))


def test_q1_a_touched_quote_may_pay_up_to_the_cap_since_a_bid_is_no_offer() -> None:
    touch = EntryRules(max_price=Price(D("0.98")))
    cap = EntryRules(max_price=Price(D("0.98")), pay_up_to="cap")
    for touched, at_touch in (("0.95", "0.95"), ("0.99", "0.98")):
        assert worst_price(Price(D(touched)), touch) == D(at_touch)
        assert worst_price(Price(D(touched)), cap) == D("0.98")
