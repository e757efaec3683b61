"""venue/wire/prices.py"""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from venue.wire.prices import KNOWN, NOT_A_PRICE, price_micro


@pytest.mark.parametrize(
    ("text", "micro"),
    [("0.95", 950_000), (".48", 480_000), ("0.480", 480_000), ("1", 1_000_000), ("0", 0)]
    + [("1.0", 1_000_000), ("0.0", 0), ("0.000001", 1), ("0.9995", 999_500)],
)
def test_every_spelling_of_a_price_is_the_same_integer(text: str, micro: int) -> None:
    assert price_micro(text) == micro


@pytest.mark.parametrize(
    "text", ["", "NaN", "Infinity", "-0.5", "1.01", "0.0000001", "abc", "0,95", "1e400", "sNaN"]
)
def test_what_is_no_price_says_so_and_never_raises(text: str) -> None:
    """N1"""
    assert price_micro(text) == NOT_A_PRICE


@given(st.decimals(0, 1, places=6))
def test_the_integer_is_exactly_the_decimal(value: Decimal) -> None:
    """STO-M1"""
    assert Decimal(price_micro(format(value, "f"))) == value * 1_000_000


@given(st.text())
def test_no_text_makes_it_raise(text: str) -> None:
    assert price_micro(text) >= NOT_A_PRICE


@pytest.mark.parametrize("text", ["0.3", "0.30", "0.3000", ".30", "0", "1", "1.00", "0.9995"])
def test_the_spellings_of_the_stream_are_read_from_the_table(text: str) -> None:
    assert Decimal(KNOWN[text]) == Decimal(text) * 1_000_000


def test_the_table_knows_nothing_that_is_no_number() -> None:
    assert all(Decimal(micro) == Decimal(text) * 1_000_000 for text, micro in KNOWN.items())
