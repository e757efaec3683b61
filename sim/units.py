"""Millionths: the sim's only numbers for money, prices and shares."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache

ONE = 1_000_000
FEE_STEP = 10  # fees have five places (facts 3.5)


@lru_cache(maxsize=1 << 16)  # books are made of few prices and round sizes
def text(value: int) -> str:
    """Return millionths as the venue prints them: no trailing zeros, 0.57 or 10."""
    sign, whole, part = "-" if value < 0 else "", abs(value) // ONE, abs(value) % ONE
    return f"{sign}{whole}.{part:06d}".rstrip("0").rstrip(".") if part else f"{sign}{whole}"


def micro(value: str | int | Decimal) -> int:
    """Return a decimal number as millionths.

    Raises:
        ValueError: the text is not a finite number with at most six places.
    """
    try:
        scaled = Decimal(value) * ONE
    except ArithmeticError as cause:
        raise ValueError(f"expected a decimal number, was {value!r}") from cause
    if not scaled.is_finite() or scaled != scaled.to_integral_value():
        raise ValueError(f"expected at most six decimal places, was {value!r}")
    return int(scaled)


def dollars(size: int, price: int) -> int:
    """Return what shares cost at a price; the exchange drops what is below a millionth (3.3)."""
    return size * price // ONE


def taker_fee(size: int, price: int, rate: Decimal, exponent: int = 1) -> int:
    """Return the taker's fee in millionths of a dollar, rounded to five places (facts 3.5)."""
    p = Decimal(price) / ONE
    fee = Decimal(size) / ONE * rate * (p * (1 - p)) ** exponent
    return int(fee.quantize(Decimal("0.00001"), ROUND_HALF_UP) * ONE)
