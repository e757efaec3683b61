"""Price text to integer micro-units (0.95 -> 950_000), by table: the stream's hottest step."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Final

ONE_MICRO = 1_000_000
NOT_A_PRICE = -1


def _table() -> dict[str, int]:
    """Return every price on a grid of 0.0001, with and without zeros at either end."""
    known = {"0": 0, "1": ONE_MICRO}
    for step in range(10_001):
        whole = f"{step // 10_000}.{step % 10_000:04d}"  # 0.3000
        shortest = whole.rstrip("0").rstrip(".")  # 0.3
        for text in (whole[:size] for size in range(len(shortest), len(whole) + 1)):
            if text.endswith("."):
                continue
            known[text] = known[text.removeprefix("0") or "0"] = step * 100
    return known


KNOWN: Final = _table()  # read directly where a function call would show


@lru_cache(maxsize=4096)
def _parse(text: str) -> int:
    """Parse a spelling outside the table, e.g. `0.950` or `0.00005`."""
    try:
        scaled = Decimal(text) * ONE_MICRO
    except (InvalidOperation, ValueError):
        return NOT_A_PRICE
    if not scaled.is_finite() or scaled != scaled.to_integral_value():
        return NOT_A_PRICE
    return int(scaled) if 0 <= scaled <= ONE_MICRO else NOT_A_PRICE


def price_micro(text: str) -> int:
    """Return the price in micro-units, 0 to 1_000_000, or NOT_A_PRICE; never raises."""
    known = KNOWN.get(text)
    return _parse(text) if known is None else known
