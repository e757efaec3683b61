"""The paper record: what play money earned, and how sure that is."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from math import sqrt

from domain.money import Usd
from domain.record import Record
from store.views import TradeLine

SURE = 1.96  # standard deviations: 95 %


class PaperRecord(Record):
    """Settled paper trades. `low` and `high` bound the true win rate with 95 % confidence.

    `needed` is the win rate at which nothing is earned: what a share cost on average, with fees.
    """

    trades: int
    wins: int
    profit: Usd
    low: float
    high: float
    needed: Decimal | None

    @property
    def shows_edge(self) -> bool:
        """Return whether even the low end of the interval earns money."""
        return self.needed is not None and Decimal(str(self.low)) > self.needed


def wilson(wins: int, trades: int) -> tuple[float, float]:
    """Return Wilson's interval of a rate; honest for few trades and for rates near 1."""
    if trades == 0:
        return 0.0, 1.0
    rate, square = wins / trades, SURE * SURE
    centre = rate + square / (2 * trades)
    spread = SURE * sqrt(rate * (1 - rate) / trades + square / (4 * trades * trades))
    scale = 1 + square / trades
    return max(0.0, (centre - spread) / scale), min(1.0, (centre + spread) / scale)


def summarise(lines: Sequence[TradeLine]) -> PaperRecord:
    """Return the record of the trades that are settled; the others say nothing yet."""
    settled = [line for line in lines if line.state == "settled" and line.profit is not None]
    wins = sum(1 for line in settled if line.profit is not None and line.profit > 0)
    low, high = wilson(wins, len(settled))
    bought = sum((line.bought for line in settled), Decimal(0))
    paid = sum((line.spent + line.fees for line in settled), Decimal(0))
    return PaperRecord(
        trades=len(settled),
        wins=wins,
        profit=Usd(sum((line.profit or Decimal(0) for line in settled), Decimal(0))),
        low=low,
        high=high,
        needed=(paid / bought).quantize(Decimal("0.0001")) if bought else None,
    )
