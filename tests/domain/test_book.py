"""domain/book.py"""

import random
from datetime import timedelta
from decimal import Decimal as D

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.book import Book, Level, Taking
from domain.money import Price, Shares, Usd
from domain.orders import Side
from tests.domain.examples import NOW, book, levels

ASKS = levels(("0.97", "30"), ("0.95", "10"), ("0.96", "20"))
BIDS = levels(("0.92", "40"), ("0.94", "5"), ("0.93", "15"))
LEVELS = st.lists(
    st.builds(
        Level,
        price=st.integers(1, 99).map(lambda c: D(c) / 100),
        shares=st.decimals("0.01", "5000", places=2),
    ),
    max_size=12,
    unique_by=lambda level: level.price,
).map(tuple)


@given(LEVELS, st.randoms())
def test_xd6_the_best_is_the_same_in_every_order_of_the_arrays(
    side: tuple[Level, ...], order: random.Random
) -> None:
    shuffled = list(side)
    order.shuffle(shuffled)
    mixed, plain = book(bids=tuple(shuffled), asks=tuple(shuffled)), book(bids=side, asks=side)
    assert mixed.best_bid == plain.best_bid == max((x.price for x in side), default=None)
    assert mixed.best_ask == plain.best_ask == min((x.price for x in side), default=None)


def test_xd6_worst_first_arrays_do_not_hide_the_best() -> None:
    seen = book(
        bids=levels(("0.001", "1"), ("0.94", "5")), asks=levels(("0.999", "1"), ("0.95", "5"))
    )
    assert (seen.best_bid, seen.best_ask) == (D("0.94"), D("0.95"))


def test_mid_and_spread_need_both_sides() -> None:
    seen = book("0.94", "0.96")
    assert seen.mid == D("0.95") and seen.spread == D("0.02")
    assert seen.spread_ratio == D("0.02") / D("0.96")
    for lonely in (book(None, "0.95"), book("0.94", None), book(None, None)):
        assert lonely.mid is None and lonely.spread is None and lonely.spread_ratio is None


def test_an_ask_of_nothing_has_no_spread_ratio() -> None:
    assert book("0.94", "0").spread_ratio is None


@pytest.mark.parametrize(
    ("bid", "ask", "empty", "one_sided", "crossed"),
    [
        (None, None, True, False, False),
        ("0.94", None, False, True, False),
        (None, "0.95", False, True, False),
        ("0.94", "0.95", False, False, False),
        ("0.95", "0.95", False, False, True),
        ("0.96", "0.95", False, False, True),
    ],
)
def test_every_shape_of_a_book_has_its_word(
    bid: str | None, ask: str | None, empty: bool, one_sided: bool, crossed: bool
) -> None:
    seen = book(bid, ask)
    assert (seen.empty, seen.one_sided, seen.crossed) == (empty, one_sided, crossed)


def test_cor_m2_a_book_is_stale_only_beyond_its_age() -> None:
    seen, two = book(), timedelta(seconds=2)
    assert not seen.stale(NOW + two, two)
    assert seen.stale(NOW + two + timedelta(microseconds=1), two)
    assert seen.age(NOW - two) == timedelta(0)


def test_depth_counts_the_limit_and_better_only() -> None:
    seen = book(bids=BIDS, asks=ASKS)
    assert seen.depth(Side.BUY, Price(D("0.96"))) == 30
    assert seen.depth(Side.BUY, Price(D("0.94"))) == 0
    assert seen.depth(Side.SELL, Price(D("0.93"))) == 20
    assert seen.depth(Side.SELL, Price(D("0.95"))) == 0


def test_a_buy_takes_the_cheapest_first() -> None:
    taken = book(bids=BIDS, asks=ASKS).take_shares(Side.BUY, Shares(D(15)), Price(D("0.96")))
    assert taken.shares == 15 and taken.complete and taken.worst == D("0.96")
    assert taken.cost == 10 * D("0.95") + 5 * D("0.96")
    assert taken.average == D("0.953333")


def test_a_sell_takes_the_dearest_first() -> None:
    taken = book(bids=BIDS, asks=ASKS).take_shares(Side.SELL, Shares(D(6)), Price(D("0.93")))
    assert taken.cost == 5 * D("0.94") + D("0.93") and taken.worst == D("0.93")


def test_a_partial_take_is_not_complete() -> None:
    taken = book(asks=ASKS).take_shares(Side.BUY, Shares(D(31)), Price(D("0.96")))
    assert taken.shares == 30 and not taken.complete
    exact = book(asks=ASKS).take_shares(Side.BUY, Shares(D(30)), Price(D("0.96")))
    assert exact.shares == 30 and exact.complete


def test_nothing_within_the_limit_takes_nothing() -> None:
    seen = book(asks=ASKS)
    assert seen.take_shares(Side.BUY, Shares(D(5)), Price(D("0.94"))) == Taking()
    assert seen.take_dollars(Usd(D(5)), Price(D("0.94"))) == Taking()
    assert seen.take_shares(Side.BUY, Shares(D(0)), Price(D("0.96"))) == Taking()
    assert seen.take_dollars(Usd(D(0)), Price(D("0.96"))) == Taking()
    assert Taking().average is None


def test_dollars_buy_level_by_level() -> None:
    taken = book(asks=ASKS).take_dollars(Usd(D("19.1")), Price(D("0.96")))
    assert taken.shares == 20 and taken.cost == D("19.1") and taken.complete
    assert taken.worst == D("0.96")


def test_dollars_beyond_the_depth_stay() -> None:
    taken = book(asks=ASKS).take_dollars(Usd(D(100)), Price(D("0.96")))
    assert taken.shares == 30 and taken.cost == D("28.7") and not taken.complete


def test_a_dollar_beyond_the_depth_is_not_complete() -> None:
    taken = book(asks=ASKS).take_dollars(Usd(D("9.50001")), Price(D("0.95")))
    assert taken.cost == D("9.5") and not taken.complete


def test_cutting_shares_to_six_places_leaves_the_order_complete() -> None:
    taken = book(ask="0.97").take_dollars(Usd(D(20)), Price(D("0.97")))
    assert taken.complete and taken.shares == D("20.618556")
    assert 0 <= 20 - taken.cost < D("0.000001")


@given(LEVELS, st.integers(1, 99), st.decimals("0.01", "9000", places=2))
def test_no_taking_exceeds_wish_depth_or_limit(
    asks: tuple[Level, ...], cents: int, wish: D
) -> None:
    seen, limit = book(None, None, asks=asks), Price(D(cents) / 100)
    by_shares = seen.take_shares(Side.BUY, Shares(wish), limit)
    by_dollars = seen.take_dollars(Usd(wish), limit)
    depth = seen.depth(Side.BUY, limit)
    assert by_shares.shares == min(wish, depth) and by_shares.complete == (wish <= depth)
    assert by_dollars.cost <= wish and by_dollars.shares <= depth
    for taken in (by_shares, by_dollars):
        assert taken.cost <= taken.shares * limit
        assert taken.worst is None or taken.worst <= limit


@given(LEVELS, LEVELS)
def test_the_complements_book_is_the_mirror_and_mirrors_back(
    bids: tuple[Level, ...], asks: tuple[Level, ...]
) -> None:
    seen = book(bids=bids, asks=asks, last_trade=D("0.95"), hash="ab")
    other = seen.mirror("222")
    assert other.token_id == "222" and other.hash == "" and other.last_trade == D("0.05")
    if seen.best_bid is not None:
        assert other.best_ask == 1 - seen.best_bid
    assert other.mirror("111") == seen.model_copy(update={"hash": ""})


def test_a_mirror_of_no_last_trade_has_none() -> None:
    assert book().mirror("222").last_trade is None


def test_a_book_survives_its_way_through_json() -> None:
    seen = book(bids=BIDS, asks=ASKS, last_trade=D("0.95"), venue_time=NOW)
    assert Book.model_validate_json(seen.model_dump_json()) == seen
