"""domain/gates.py"""

from datetime import timedelta
from decimal import Decimal as D
from typing import Any

import pytest

from domain.book import Book
from domain.decision import Decision, Verdict
from domain.gates import Stale, entry_gate, exit_gate, figures, stale_order
from domain.money import Price, plain
from tests.domain.examples import NOW, book, levels, rules

CAP = Price(D("0.95"))
HOUR = timedelta(hours=1)


def enter(
    seen: Book | None,
    limit: str = "0.95",
    touched: str = "0.95",
    later: timedelta = timedelta(0),
    resting: bool = False,
    **groups: Any,
) -> Decision | None:
    by = rules(**groups)
    return entry_gate(seen, Price(D(limit)), Price(D(touched)), by, NOW + later, resting=resting)


def named(decision: Decision | None) -> str | None:
    assert decision is None or decision.verdict is Verdict.HOLD
    return None if decision is None else decision.filter


def test_a_healthy_book_lets_the_entry_pass() -> None:
    assert enter(book()) is None


def test_xd12_a_book_that_could_not_be_read_refuses() -> None:
    decision = enter(None)
    assert (
        named(decision) == "book" and decision and decision.reason == "the book could not be read"
    )


@pytest.mark.parametrize(("late", "passes"), [(2_000, True), (2_001, False)])
def test_cor_m2_the_verified_book_is_at_most_two_seconds_old(late: int, passes: bool) -> None:
    decision = enter(book(), later=timedelta(milliseconds=late))
    assert (decision is None) == passes
    if decision:
        assert decision.filter == "book_age"
        assert decision.reason == "the book is 2.001 s old, at most 2 s"
        assert decision.values["best_ask"] == "0.95"


def test_a_crossed_book_is_not_real() -> None:
    decision = enter(book("0.95", "0.95"))
    assert named(decision) == "book" and decision and decision.reason == "the book is crossed"
    assert decision.values["best_bid"] == "0.95"


@pytest.mark.parametrize(
    ("seen", "what"),
    [
        (book(None, None), "empty"),
        (book(None, "0.95"), "without bids"),
        (book("0.94", None), "without asks"),
    ],
)
def test_g14_an_empty_or_one_sided_book_refuses(seen: Book, what: str) -> None:
    decision = enter(seen)
    assert named(decision) == "entry_liquidity" and decision
    assert decision.reason == f"G14: the book is {what}" and "book_seen_at" in decision.values


@pytest.mark.parametrize(
    ("ask", "passes"), [("0.95", True), ("0.85", True), ("0.849", False), ("0.84", False)]
)
def test_ing_m3_g5_a_divergence_of_ten_cents_passes_and_more_fails(ask: str, passes: bool) -> None:
    decision = enter(book("0.80", ask), filters={"max_bid_gap": None})
    assert (decision is None) == passes
    if decision:
        assert decision.filter == "divergence" and decision.reason.startswith(f"G5: best ask {ask}")
        assert decision.values["max_divergence"] == "0.1" and decision.values["best_ask"] == ask


def test_g5_an_ask_far_above_the_limit_diverges_too() -> None:
    assert named(enter(book("0.94", "1.05"))) == "above_cap"
    decision = enter(book("0.94", "1.06"))
    assert (
        named(decision) == "divergence" and decision and "is 0.11 from the limit" in decision.reason
    )


def test_cor_m2_the_limit_that_is_sent_is_the_price_that_is_verified() -> None:
    """Touched at 0.98, sent at 0.95: an ask of 0.97 is within G5 of both, but above the cap."""
    assert named(enter(book("0.96", "0.97"), touched="0.98")) == "above_cap"
    assert named(enter(book("0.96", "0.97"), limit="0.97", touched="0.98")) is None


def test_ing_m3_a_buy_is_checked_against_the_ask_not_the_bid() -> None:
    decision = enter(book("0.94", "0.99"))
    assert named(decision) == "above_cap" and decision
    assert decision.reason == "above cap: best ask 0.99, limit 0.95"
    assert decision.values["limit"] == "0.95" and decision.values["best_bid"] == "0.94"


@pytest.mark.parametrize(("bid", "passes"), [("0.93", True), ("0.929", False), ("0.60", False)])
def test_g5_a_lone_print_is_no_touch_while_nobody_bids_near_it(bid: str, passes: bool) -> None:
    decision = enter(book(bid, "0.95"))
    assert (decision is None) == passes
    if decision:
        assert decision.filter == "confirmation"
        assert (
            decision.reason
            == f"the book does not confirm the touch at 0.95: best bid {plain(D(bid))}"
        )
        assert decision.values["max_bid_gap"] == "0.02" and decision.values["touched"] == "0.95"
        assert decision.values["best_bid"] == plain(D(bid))


def test_the_confirmation_compares_with_the_touch_not_the_limit() -> None:
    assert named(enter(book("0.94", "0.95"), touched="0.98")) == "confirmation"
    assert named(enter(book("0.94", "0.95"), touched="0.96")) is None


@pytest.mark.parametrize(("bid", "passes"), [("0.665", True), ("0.664", False)])
def test_g14_a_spread_of_thirty_percent_passes_and_more_fails(bid: str, passes: bool) -> None:
    decision = enter(book(bid, "0.95"), filters={"max_bid_gap": None})
    assert (decision is None) == passes
    if decision:
        assert decision.filter == "entry_liquidity" and "book_seen_at" in decision.values
        assert decision.reason == "G14: spread of 30.1 % of the ask, at most 30.0 %"


def test_a_resting_order_may_wait_below_the_ask() -> None:
    assert enter(book("0.94", "0.97"), resting=True) is None
    assert named(enter(book("0.94", "0.97"))) == "above_cap"
    assert named(enter(book("0.60", "0.97"), resting=True)) == "confirmation"


def test_a_decision_remembers_the_book_it_saw() -> None:
    assert figures(book(hash="ab")) == {
        "best_bid": D("0.94"),
        "best_ask": D("0.95"),
        "book_seen_at": "2026-03-01T12:00:00+00:00",
        "book_hash": "ab",
    }
    assert figures(book())["book_hash"] is None


# G13


def leave(
    seen: Book | None, average: str = "0.95", reference: str | None = None, **changed: Any
) -> Decision | None:
    mid = None if reference is None else Price(D(reference))
    return exit_gate(seen, Price(D(average)), mid, rules(exits=changed).exits)


def test_g13_a_healthy_bid_lets_the_exit_pass() -> None:
    assert leave(book("0.90", "0.92"), reference="0.91") is None


@pytest.mark.parametrize(
    ("seen", "reason"),
    [
        (None, "G13: the book could not be read"),
        (book(None, "0.95"), "G13: nobody bids"),
        (book("0.95", "0.94"), "G13: the book is crossed"),
        (book("0.94", None), "G13: no asks, the spread cannot be checked"),
        (book("0.94", "0"), "G13: the book is crossed"),
    ],
)
def test_g13_xd12_what_cannot_be_checked_blocks_the_exit(seen: Book | None, reason: str) -> None:
    decision = leave(seen)
    assert named(decision) == "exit_liquidity" and decision and decision.reason == reason
    assert ("book_seen_at" in decision.values) == (seen is not None)


@pytest.mark.parametrize(("bid", "passes"), [("0.72", True), ("0.719", False)])
def test_g13_a_spread_of_a_fifth_passes_and_more_blocks(bid: str, passes: bool) -> None:
    decision = leave(book(bid, "0.90"))
    assert (decision is None) == passes
    if decision:
        assert decision.filter == "exit_liquidity"
        assert decision.reason == "G13: spread of 20.1 % of the ask"
        assert decision.values["max_spread"] == "0.2" and decision.values["best_bid"] == bid


@pytest.mark.parametrize(("bid", "passes"), [("0.475", True), ("0.474", False), ("0.026", False)])
def test_g13_half_of_the_entry_passes_and_less_blocks(bid: str, passes: bool) -> None:
    """The position bought at 0.915 was sold at 0.026."""
    decision = leave(book(bid, str(D(bid) + D("0.005"))))
    assert (decision is None) == passes
    if decision:
        assert decision.filter == "exit_floor" and decision.values["average"] == "0.95"
        assert decision.reason == f"G13: best bid {bid} is below 0.475, 50.0 % of entry"
        assert decision.values["best_bid"] == bid


@pytest.mark.parametrize(("bid", "passes"), [("0.81", True), ("0.809", False)])
def test_q11_slippage_is_measured_against_the_last_good_midpoint(bid: str, passes: bool) -> None:
    decision = leave(book(bid, "0.82"), reference="0.90")
    assert (decision is None) == passes
    if decision:
        assert decision.filter == "exit_slippage" and decision.values["max_slippage"] == "0.1"
        assert decision.reason == "G13: best bid 0.809 is 10.1 % below the last good midpoint 0.9"
        assert decision.values["best_bid"] == bid


def test_q11_without_a_reference_only_that_check_is_left_out() -> None:
    assert leave(book("0.60", "0.61")) is None
    assert leave(book("0.60", "0.61"), reference="0") is None
    assert named(leave(book("0.60", "0.61"), reference="0.95")) == "exit_slippage"


# G14, resting orders


@pytest.mark.parametrize(
    ("age", "seen", "answer"),
    [
        (HOUR - timedelta(seconds=1), book(None, None), Stale.KEEP),
        (HOUR, book(None, None), Stale.UNFILLABLE),
        (HOUR, None, Stale.KEEP),
        (4 * HOUR, book(), Stale.KEEP),
        (4 * HOUR + timedelta(seconds=1), book(), Stale.TOO_OLD),
        (4 * HOUR + timedelta(seconds=1), None, Stale.TOO_OLD),
        (2 * HOUR, book("0.50", "0.99"), Stale.KEEP),
        (2 * HOUR, book("0.495", "0.99"), Stale.KEEP),
        (2 * HOUR, book("0.49", "0.99"), Stale.WIDE),
        (2 * HOUR, book(None, "0.95"), Stale.WIDE),
    ],
)
def test_g14_xd13_stale_resting_orders_go_between_one_and_four_hours(
    age: timedelta, seen: Book | None, answer: Stale
) -> None:
    assert stale_order(age, CAP, seen, rules().entry) is answer


def test_g14_an_ask_far_above_our_limit_makes_the_order_unfillable() -> None:
    low = Price(D("0.40"))
    for ask, answer in (("0.60", Stale.KEEP), ("0.61", Stale.UNFILLABLE)):
        seen = book(asks=levels((ask, "10")), bids=levels(("0.39", "10")))
        assert stale_order(2 * HOUR, low, seen, rules().entry) is answer
