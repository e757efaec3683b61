"""store/pool.py: nothing loses exactness on its way to the database and back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.money import MICRO
from store.pool import decode_time, encode_decimal, encode_json, encode_time
from store.touches import Tape
from tests.store.examples import NOW

MICROS = st.integers(-(10**19), 10**19).map(lambda n: Decimal(n) * MICRO)
TIMES = st.datetimes(
    min_value=datetime(1990, 1, 1),  # noqa: DTZ001 - hypothesis adds the zone itself
    max_value=datetime(2100, 1, 1),  # noqa: DTZ001  # wants a time without a zone
    timezones=st.just(UTC),
)


@given(MICROS)
def test_six_places_survive_unchanged(value: Decimal) -> None:
    """STO-M1"""
    assert Decimal(encode_decimal(value)) == value


@given(TIMES)
def test_times_survive_unchanged(value: datetime) -> None:
    """STO-M2, G7"""
    assert decode_time(encode_time(value)) == value


@pytest.mark.parametrize(
    "value", [0.5, Decimal("NaN"), Decimal("Infinity"), Decimal("0.1234567"), "1"]
)
def test_what_is_not_exact_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match="expected"):
        encode_decimal(value)


def test_a_naive_time_is_refused() -> None:
    with pytest.raises(ValueError, match="aware"):
        encode_time(datetime(2026, 1, 1))  # noqa: DTZ001 - the point of the test


def test_json_knows_decimals_and_times_and_nothing_else() -> None:
    assert encode_json({"a": Decimal("0.10"), "b": NOW}) == (
        '{"a": "0.10", "b": "2026-11-22T12:00:00+00:00"}'
    )
    with pytest.raises(TypeError, match="was set"):
        encode_json({1})
    with pytest.raises(ValueError, match="not JSON compliant"):
        encode_json(float("nan"))


async def test_the_database_returns_what_it_was_given(pool: asyncpg.Pool[Any]) -> None:
    value = Decimal("12345678901234.567891")
    at = datetime(2026, 11, 22, 13, 0, 0, 123456, tzinfo=timezone(timedelta(hours=2)))
    row = await pool.fetchrow("SELECT $1::numeric, $2::timestamptz, $3::jsonb", value, at, {"a": 1})
    assert row and tuple(row) == (value, at, {"a": 1})
    assert row[1].utcoffset() == timedelta(0)
    assert await pool.fetchval("SELECT 0.95::numeric(20,6) = $1", Decimal("0.95"))


async def test_watermarks_never_go_back_in_any_zone(pool: asyncpg.Pool[Any]) -> None:
    """STO-M2: 14:00+02:00 is noon, and does not beat 12:30 Z."""
    tape = Tape(pool)
    assert await tape.watermark("tape", "0xc1") is None
    half = NOW + timedelta(minutes=30)
    assert await tape.advance("tape", "0xc1", half) == half
    noon = datetime(2026, 11, 22, 14, 0, tzinfo=timezone(timedelta(hours=2)))
    assert await tape.advance("tape", "0xc1", noon) == half
    assert await tape.watermark("tape", "0xc1") == half
