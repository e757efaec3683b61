"""Fields of REST answers read with care: numbers exactly, times in every spelling, gaps as None."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, TypeVar

from pydantic import ValidationError

from venue.errors import Drift

Row = Mapping[str, Any]
T = TypeVar("T")

MILLIS_FROM = 10**11  # an epoch above this is in milliseconds (the year 5138 in seconds)
MAX_DIGITS = 20  # before the point; ids and allowances are longer but are never numbers to us


def parse(body: str | bytes) -> Any:
    """Parse a JSON body with exact decimals; numbers without a point stay int.

    Raises:
        ValueError: not JSON, e.g. empty or an HTML page.
    """
    try:
        return json.loads(body, parse_float=_decimal, parse_constant=_refuse_constant)
    except RecursionError as cause:
        raise ValueError("expected JSON of sane depth, was deeper") from cause


def row(value: Any, what: str) -> Row:
    """Return the value if it is an object, else raise Drift."""
    if not isinstance(value, dict):
        raise Drift(f"expected {what} as an object, was {shown(value)}")
    return value


def rows(value: Any, what: str) -> list[Row]:
    """Return the value if it is an array of objects, else raise Drift."""
    if not isinstance(value, list):
        raise Drift(f"expected {what} as an array, was {shown(value)}")
    return [row(item, f"an item of {what}") for item in value]


def text(source: Row, key: str) -> str:
    """Return a non-empty string field; Drift when it is absent, empty or of another type."""
    found = optional_text(source, key)
    if found is None:
        raise Drift(f"expected text in {key!r}, was {shown(source.get(key))}")
    return found


def optional_text(source: Row, key: str) -> str | None:
    """Return a string field, or None when absent, null or empty. Integers count as text."""
    value = source.get(key)
    if value is None or value == "":
        return None
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str):
        raise Drift(f"expected text in {key!r}, was {shown(value)}")
    return value


def number(source: Row, key: str) -> Decimal:
    """Return a finite number sent as string or number; Drift when it is absent or no number."""
    found = optional_number(source, key)
    if found is None:
        raise Drift(f"expected a number in {key!r}, was {shown(source.get(key))}")
    return found


def optional_number(source: Row, key: str) -> Decimal | None:
    """Return a finite number, or None when absent, null or an empty string."""
    value = source.get(key)
    if value is None or value == "":
        return None
    return as_number(value, key)


def as_number(value: Any, what: str) -> Decimal:
    """Return the value as an exact finite decimal; Drift when it is no number."""
    if isinstance(value, bool) or not isinstance(value, (str, int, Decimal)):
        raise Drift(f"expected a number in {what!r}, was {shown(value)}")
    try:
        found = _decimal(value) if isinstance(value, str) else Decimal(value)
    except ValueError as cause:
        raise Drift(f"expected a number in {what!r}, was {shown(value)}") from cause
    if found.adjusted() > MAX_DIGITS:
        raise Drift(f"expected a number of sane size in {what!r}, was {shown(value)}")
    return found


def flag(source: Row, key: str, default: bool = False) -> bool:
    """Return a boolean field; the default when absent or null; Drift on another type."""
    value = source.get(key)
    if value is None:
        return default
    if not isinstance(value, bool):
        raise Drift(f"expected true or false in {key!r}, was {shown(value)}")
    return value


def instant(source: Row, *keys: str) -> datetime | None:
    """Return the first time present among the keys, in UTC, or None.

    Accepts epoch seconds or milliseconds (number or digits), ISO 8601, Postgres style
    (`2026-03-19 23:20:15+00`) and a bare date (midnight UTC). Zero and "" mean absent.
    """
    for key in keys:
        value = source.get(key)
        if value not in (None, "", 0, "0"):
            return as_instant(value, key)
    return None


def as_instant(value: Any, what: str) -> datetime:
    """Return the value as an aware UTC time; Drift when it is none."""
    try:
        if isinstance(value, str) and not value.isdigit():
            parsed = datetime.fromisoformat(value)
            return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).astimezone(UTC)
        if isinstance(value, (int, str, Decimal)) and not isinstance(value, bool):
            return _from_epoch(Decimal(value))
    except (ValueError, OverflowError, OSError, InvalidOperation) as cause:
        raise Drift(f"expected a time in {what!r}, was {shown(value)}") from cause
    raise Drift(f"expected a time in {what!r}, was {shown(value)}")


def guarded(read: Callable[[], T], what: str) -> T:
    """Return what `read` returns; whatever a strange answer breaks in it becomes Drift."""
    try:
        return read()
    except (ValidationError, ArithmeticError, ValueError) as cause:
        raise Drift(f"expected {what}, was something else ({type(cause).__name__})") from cause


def encoded_list(source: Row, key: str) -> list[Any]:
    """Return an array that is sent as such or as JSON inside a string; [] when absent.

    Gamma sends `outcomes`, `outcomePrices`, `clobTokenIds` encoded, `positionIds` plain.
    """
    value = source.get(key)
    if value is None or value == "":
        return []
    if isinstance(value, str):
        try:
            value = parse(value)
        except ValueError as cause:
            raise Drift(f"expected JSON inside {key!r}, was {shown(value)}") from cause
    if not isinstance(value, list):
        raise Drift(f"expected an array in {key!r}, was {shown(value)}")
    return value


def shown(value: Any) -> str:
    """Return a short form of the value for an error text."""
    found = repr(value)
    return found if len(found) <= 80 else f"{found[:77]}..."


def _from_epoch(value: Decimal) -> datetime:
    seconds = value / 1000 if abs(value) >= MILLIS_FROM else value
    return datetime.fromtimestamp(float(seconds), UTC)


def _decimal(found: str) -> Decimal:
    try:
        value = Decimal(found)
    except InvalidOperation as cause:
        raise ValueError(f"expected a number, was {shown(found)}") from cause
    if not value.is_finite():
        raise ValueError(f"expected a finite number, was {shown(found)}")
    return value


def _refuse_constant(found: str) -> Decimal:
    raise ValueError(f"expected a finite number, was {found}")
