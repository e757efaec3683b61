"""Matching and depth without any I/O: cards VC-201 and VC-204."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.book import MarketBook
from sim.config import SimConfig
from sim.exchange import Exchange
from sim.journal import Forgetful
from sim.matching import plan
from sim.memory import Memory
from sim.refusals import Refusal
from sim.state import Order
from sim.units import ONE, micro, taker_fee, text
from tests.sim.client import market

_numbers = iter(range(1, 10**9))


def order(
    side: str, price: str, size: str, tif: str = "GTC", outcome: int = 0, **extra: Any
) -> Order:
    """Return an order of wallet 0xaa; the size of a FAK or FOK buy is dollars."""
    number = next(_numbers)
    p, amount = micro(price), micro(size)
    dollars = side == "BUY" and tif in ("FAK", "FOK")
    shares = amount * ONE // p if dollars else amount
    usd = amount if dollars else shares * p // ONE
    maker, taker = (usd, shares) if side == "BUY" else (shares, usd)
    m = market()
    return Order(
        id=f"0x{number:x}",
        owner=extra.pop("owner", "key"),
        account="0xaa",
        signer="0xaa",
        condition_id=m.condition_id,
        outcome=outcome,
        token_id=m.tokens[outcome],
        side=side,
        tif=tif,
        maker_amount=maker,
        taker_amount=taker,
        price=p,
        size=shares,
        created_ms=number,
        sequence=number,
        **extra,
    )


def exchange() -> Exchange:
    """Return a venue with one market and a rich wallet 0xaa that also holds both tokens."""
    made = Exchange(Memory(Forgetful()), SimConfig(source="none"))
    m = market()
    made.list_market(m)
    account = made.memory.account("0xaa")
    account.usd = account.cached_usd = micro("1000000")
    for token in m.tokens:
        account.tokens[token] = account.cached_tokens[token] = micro("1000000")
    return made


def book(bids: dict[str, str], asks: dict[str, str]) -> MarketBook:
    made = MarketBook()
    made.replace(
        {micro(p): micro(s) for p, s in bids.items()}, {micro(p): micro(s) for p, s in asks.items()}
    )
    return made


def fills(made: MarketBook, taker: Order) -> list[tuple[str, str]]:
    return [(text(m.price), text(m.shares)) for m in plan(made, taker).matches]


def test_vc201_a_buy_walks_the_asks_from_the_best_and_stops_at_its_limit() -> None:
    shown = book({"0.4": "10"}, {"0.5": "10", "0.52": "20", "0.55": "30"})
    assert fills(shown, order("BUY", "0.52", "100")) == [("0.5", "10"), ("0.52", "20")]


def test_vc201_a_buy_of_no_takes_the_bids_of_yes_at_one_minus_their_price() -> None:
    shown = book({"0.4": "10", "0.39": "5"}, {"0.5": "10"})
    assert fills(shown, order("BUY", "0.61", "12", outcome=1)) == [("0.6", "10"), ("0.61", "2")]


def test_vc201_a_buy_by_dollars_gets_more_shares_when_the_price_improves() -> None:
    shown = book({}, {"0.5": "1000"})
    assert fills(shown, order("BUY", "0.8", "40", "FAK")) == [("0.5", "80")]
    assert fills(shown, order("BUY", "0.8", "50", "GTC")) == [("0.5", "50")]


def test_vc201_older_orders_and_shown_depth_come_first_at_one_price() -> None:
    venue = exchange()
    venue.books[market().condition_id].set("A", micro("0.5"), micro("10"))
    first, second = order("SELL", "0.5", "10"), order("SELL", "0.5", "10")
    for resting in (first, second):
        venue.execute(resting, 1)
    answer = venue.execute(order("BUY", "0.5", "25"), 2)
    assert answer["takingAmount"] == "25"
    assert (first.matched, second.matched) == (micro("10"), micro("5"))


def test_vc201_two_buys_of_opposite_outcomes_mint_and_two_sells_merge() -> None:
    venue = exchange()
    maker = order("BUY", "0.4", "10", outcome=1)
    venue.execute(maker, 1)
    venue.execute(order("BUY", "0.6", "10"), 2)
    trade = next(iter(venue.memory.trades.values()))
    leg = trade.makers[0]
    assert (leg.side, leg.outcome, text(leg.price)) == ("BUY", 1, "0.4")
    assert trade.taker.usd + leg.usd == micro("10")  # a full set costs a dollar a share
    seller = order("SELL", "0.3", "10", outcome=1)
    venue.execute(seller, 3)
    venue.execute(order("SELL", "0.7", "10"), 4)
    merged = list(venue.memory.trades.values())[-1]
    assert (merged.taker.side, merged.makers[0].side) == ("SELL", "SELL")


def test_vc204_depth_taken_once_is_not_there_a_second_time() -> None:
    venue = exchange()
    shown = venue.books[market().condition_id]
    shown.set("A", micro("0.5"), micro("10"))
    venue.execute(order("BUY", "0.5", "8"), 1)
    assert text(shown.levels("A")[0][1]) == "2"
    shown.set("A", micro("0.5"), micro("10"))  # the source repeats itself
    assert text(shown.levels("A")[0][1]) == "2"
    shown.set("A", micro("0.5"), micro("13"))  # three new shares came
    assert text(shown.levels("A")[0][1]) == "5"
    shown.set("A", micro("0.5"), 0)
    shown.set("A", micro("0.5"), micro("10"))  # the level went and came back
    assert text(shown.levels("A")[0][1]) == "10"


def test_vc204_a_resting_order_fills_at_its_own_price_when_the_source_moves_through_it() -> None:
    venue = exchange()
    condition = market().condition_id
    bid = order("BUY", "0.5", "30")
    venue.execute(bid, 1)
    shown = venue.books[condition]
    shown.set("A", micro("0.48"), micro("20"))
    venue.fills.cross(condition, 2)
    assert (text(bid.matched), text(bid.paid)) == ("20", "10")
    venue.fills.cross(condition, 3)  # the same depth again fills nothing
    assert text(bid.matched) == "20"
    assert bid.status == "live"


def test_vc201_a_fok_that_cannot_fill_whole_leaves_the_book_alone() -> None:
    venue = exchange()
    shown = venue.books[market().condition_id]
    shown.set("A", micro("0.5"), micro("10"))
    killed = order("BUY", "0.5", "6", "FOK")
    with pytest.raises(Refusal, match="fully filled or killed"):
        venue.execute(killed, 1)
    assert killed.status == "killed" and not venue.memory.trades
    assert text(shown.levels("A")[0][1]) == "10"


@pytest.mark.parametrize(
    ("shares", "price", "fee"),
    [("100", "0.5", "1.75"), ("100", "0.9", "0.63"), ("0.001", "0.01", "0")],
)
def test_vc210_fees_equal_the_documented_examples(shares: str, price: str, fee: str) -> None:
    from decimal import Decimal

    assert text(taker_fee(micro(shares), micro(price), Decimal("0.07"))) == fee


sides = st.sampled_from(["BUY", "SELL"])
prices = st.integers(1, 99).map(lambda cents: f"0.{cents:02d}")
orders = st.lists(
    st.tuples(sides, prices, st.integers(5, 200).map(str), st.sampled_from(["GTC", "FAK"]),
              st.integers(0, 1)),
    max_size=30,
)  # fmt: skip


@given(orders, st.dictionaries(prices, st.integers(1, 100).map(str), max_size=5))
def test_vc201_no_sequence_of_orders_fills_worse_than_its_limit_or_more_than_its_size(
    sequence: list[tuple[str, str, str, str, int]], asks: dict[str, str]
) -> None:
    venue = exchange()
    shown = venue.books[market().condition_id]
    depth = {micro(p): micro(s) for p, s in asks.items()}
    shown.replace({}, depth)
    placed = []
    for side, price, size, tif, outcome in sequence:
        made = order(side, price, size, tif, outcome)
        placed.append(made)
        try:
            venue.execute(made, 1)
        except Refusal:
            continue
    for made in placed:
        if made.side == "BUY":
            assert made.paid <= made.maker_amount
            assert made.paid * made.taker_amount <= made.maker_amount * made.matched + ONE
        else:
            assert made.matched <= made.maker_amount
            assert (made.paid + len(made.trades)) * made.maker_amount >= (
                made.taker_amount * made.matched
            )
    for level, shares in depth.items():
        assert shown.depth["A"].taken.get(level, 0) <= shares
    best = shown.best("B"), shown.best("A")
    assert None in best or best[0] < best[1]  # type: ignore[operator]  # None was ruled out before


def test_vc201_a_dollar_order_over_several_makers_at_one_price_never_spends_a_millionth_more() -> (
    None
):
    """Found by an hour of paper: each maker was rounded down, the trade as a whole less so."""
    made = exchange()
    made.books[market().condition_id].replace({}, {micro("0.3"): 3_333_333})
    for shares in (5_555_555, 7_777_777, 20_000_000):
        resting = order("SELL", "0.3", "5", owner="other")
        resting.size = resting.maker_amount = shares
        resting.taker_amount = shares * micro("0.3") // ONE
        made.execute(resting, 0)
    taker = order("BUY", "0.3", "10", "FAK")
    found = plan(made.books[market().condition_id], taker)
    answer = made.execute(taker, 0)
    assert found.complete and len(found.matches) == 4
    assert taker.paid == found.usd == micro(answer["makingAmount"]) <= taker.maker_amount
