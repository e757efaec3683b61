"""Fault matrix N1: whatever a book is made of, a screening answers with a reason, never raises."""

from __future__ import annotations

from decimal import Decimal as D
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.book import Book
from domain.decision import Decision, Verdict
from domain.gates import exit_gate
from domain.money import Price
from domain.rules import ExitRules
from domain.screen import screen
from tests.domain.examples import STRATEGY, book, context, levels, rules

FINITE = st.decimals(-2, 2, allow_nan=False, allow_infinity=False, places=6)
ANY = st.one_of(
    FINITE,
    st.sampled_from([D("NaN"), D("sNaN"), D("Infinity"), D("-Infinity"), D("-0"), D("1e300")]),
)
SIDE = st.lists(st.tuples(ANY, ANY), max_size=4)
NEAR = st.sampled_from([D(text) for text in ("0.93", "0.94", "0.95", "0.96", "0", "-0.95", "1")])
SANE = st.lists(st.tuples(NEAR, st.sampled_from([D(500), D(0), D("-5")])), max_size=3)


def shown(bids: list[Any], asks: list[Any], tick: Any = D("0.01")) -> Book | None:
    """Return the book of these numbers, or None where they are no numbers at all."""
    sides = {
        name: [{"price": p, "shares": n} for p, n in side]
        for name, side in (("bids", bids), ("asks", asks))
    }
    try:
        return Book.model_validate(book().model_dump() | sides | {"tick": tick})
    except ValidationError:
        return None


def decide(seen: Book | None) -> Decision:
    return screen(context(book=seen), rules(), STRATEGY)


@pytest.mark.parametrize("number", ["NaN", "sNaN", "Infinity", "-Infinity"])
@pytest.mark.parametrize("field", ["price", "shares"])
def test_what_is_no_number_never_becomes_a_level(number: str, field: str) -> None:
    level: dict[str, Any] = {"price": D("0.95"), "shares": D(5), field: D(number)}
    with pytest.raises(ValidationError):
        Book.model_validate(book().model_dump() | {"asks": [level]})


@pytest.mark.parametrize(
    ("seen", "reason"),
    [
        (book(None, None), "G14: the book is empty"),
        (book(None, "0.95"), "G14: the book is without bids"),
        (book("0.94", None), "G14: the book is without asks"),
        (book("0.96", "0.95"), "the book is crossed"),
        (book("0.95", "0.95"), "the book is crossed"),
        (book("-0.96", "-0.95"), "G5: best ask -0.95 is 1.9 from the limit 0.95"),
        (book("-0.01", "0.95"), "the book does not confirm the touch at 0.95: best bid -0.01"),
        (book("-1", "0"), "G14: the book is without asks"),
        (None, "the book could not be read"),
    ],
)
def test_each_nonsense_is_refused_in_its_own_words(seen: Book | None, reason: str) -> None:
    made = decide(seen)
    assert (made.verdict, made.reason) == (Verdict.HOLD, reason)


@settings(max_examples=300)
@given(st.one_of(SIDE, SANE), st.one_of(SIDE, SANE), st.sampled_from(["0.01", "0.001", "1"]))
def test_no_book_makes_a_screening_raise_and_only_a_real_one_is_bought_from(
    bids: list[Any], asks: list[Any], tick: str
) -> None:
    """An entry needs bid < ask <= limit, both within (0, 1); all else is refused with a reason."""
    seen = shown(bids, asks, D(tick))
    made = decide(seen)
    assert made.reason
    if made.verdict is not Verdict.ENTER:
        assert (made.limit, made.stake) == (None, None)
        return
    assert seen and seen.best_bid and seen.best_ask and made.limit
    assert 0 < seen.best_bid < seen.best_ask <= made.limit <= D("0.95")


@given(st.one_of(SIDE, SANE), st.one_of(SIDE, SANE))
def test_no_book_makes_the_exit_gate_raise_and_none_sells_below_its_floor(
    bids: list[Any], asks: list[Any]
) -> None:
    seen, limits = shown(bids, asks), ExitRules()
    refused = exit_gate(seen, Price(D("0.95")), Price(D("0.95")), limits)
    if refused is not None:
        assert refused.reason
        return
    assert seen and seen.best_bid and seen.best_ask
    assert D("0.475") <= seen.best_bid < seen.best_ask


def test_levels_without_shares_do_not_stop_a_screening() -> None:
    made = decide(book(asks=levels(("0.95", "0"), ("0.95", "500"))))
    assert made.verdict is Verdict.ENTER
