"""Money, prices and shares: six-place decimals, and every rounding rule by name."""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from typing import NewType

Usd = NewType("Usd", Decimal)
Price = NewType("Price", Decimal)
Shares = NewType("Shares", Decimal)

MICRO = Decimal("0.000001")
CENT = Decimal("0.01")
ZERO = Decimal(0)
ONE = Decimal(1)
TICKS = tuple(
    Price(Decimal(t)) for t in ("0.1", "0.01", "0.005", "0.0025", "0.001", "0.0001")
)  # all that the venue uses (facts 3.2)
DUST = Shares(Decimal("0.01"))  # a fill may drift from its order by this much (facts 3.3)
MIN_NOTIONAL = Usd(ONE)  # of a marketable BUY (facts 3.2)
TAKER_STEP = Decimal("0.0001")  # marketable orders: taker amount at most four places (facts 3.2)
FEE_STEP = Decimal("0.00001")  # fees are rounded to five places, below that they are zero (3.5)


def usd(value: str | int | Decimal) -> Usd:
    """Return the amount in US dollars (pUSD) with six places, half to even."""
    return Usd(Decimal(value).quantize(MICRO, ROUND_HALF_EVEN))


def price(value: str | int | Decimal) -> Price:
    """Return the price of one share in dollars, 0 to 1, with six places."""
    return Price(Decimal(value).quantize(MICRO, ROUND_HALF_EVEN))


def shares(value: str | int | Decimal) -> Shares:
    """Return the number of shares with six places."""
    return Shares(Decimal(value).quantize(MICRO, ROUND_HALF_EVEN))


def micros(value: Decimal) -> int:
    """Return the amount in integer micro-units, e.g. 0.95 -> 950000; a seventh place is cut."""
    return int((value / MICRO).to_integral_value(ROUND_FLOOR))


def from_micros(value: int) -> Decimal:
    """Return integer micro-units as a six-place decimal, e.g. 950000 -> 0.950000."""
    return Decimal(value) * MICRO


def plain(value: Decimal) -> str:
    """Return the exact number without needless zeros or exponent, e.g. 0.950000 -> 0.95."""
    return f"{value.normalize():f}"


def floor_to(value: Decimal, step: Decimal) -> Decimal:
    """Return the largest multiple of `step` that is not above `value`."""
    return (value / step).to_integral_value(ROUND_FLOOR) * step


def ceil_to(value: Decimal, step: Decimal) -> Decimal:
    """Return the smallest multiple of `step` that is not below `value`."""
    return (value / step).to_integral_value(ROUND_CEILING) * step


def on_tick(value: Decimal, tick: Decimal) -> bool:
    """Return whether the price is tradable: a multiple of the tick within [tick, 1 - tick]."""
    return tick <= value <= ONE - tick and value % tick == 0


def fee(count: Decimal, at: Decimal, rate: Decimal, exponent: int = 1) -> Usd:
    """Return the taker fee in dollars for `count` shares at price `at` (facts 3.5).

    The curve is shares * rate * (p * (1 - p)) ** exponent, rounded half up to five places.
    """
    raw = count * rate * (at * (ONE - at)) ** exponent
    return Usd(raw.quantize(FEE_STEP, ROUND_HALF_UP))


def moved(at: Decimal, count: Decimal) -> Usd:
    """Return the dollars that a match of `count` shares at price `at` moves.

    The exchange divides integers and drops the rest, so a seventh place never moves.
    """
    return Usd((at * count).quantize(MICRO, ROUND_FLOOR))
