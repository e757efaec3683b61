"""Money, prices and shares: six-place decimals, and every rounding rule by name."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal
from typing import NewType

Usd = NewType("Usd", Decimal)
Price = NewType("Price", Decimal)
Shares = NewType("Shares", Decimal)

MICRO = Decimal("0.000001")
ZERO = Decimal(0)
ONE = Decimal(1)


def usd(value: str | int | Decimal) -> Usd:
    """Return the amount in US dollars (pUSD) with six places, half to even."""
    return Usd(Decimal(value).quantize(MICRO, ROUND_HALF_EVEN))


def price(value: str | int | Decimal) -> Price:
    """Return the price of one share in dollars, 0 to 1, with six places."""
    return Price(Decimal(value).quantize(MICRO, ROUND_HALF_EVEN))


def shares(value: str | int | Decimal) -> Shares:
    """Return the number of shares with six places."""
    return Shares(Decimal(value).quantize(MICRO, ROUND_HALF_EVEN))
