"""high_prob_yes: buy Yes at its first touch when the print was large and the model is sure.

Spec 6.2 with the resolutions of spec 20; rows of the table by number:

| # | price | print size | score | answer |
|---|---|---|---|---|
| 0 | any | any | any | IGNORE when the outcome is not bought (Q5) |
| 1 | below threshold | any | any | HOLD |
| 2 | touched | known, below 50 | any | IGNORE, filter trade_size |
| 3 | touched | unknown | any | HOLD "size unknown" (STR-M1) |
| 4 | touched | 50 and up | none, stale, unnamed | HOLD, filter score (Q2) |
| 5 | touched | 50 and up | 0.97 and up | ENTER at min(touch, cap), stake in dollars |
| 6 | touched | 50 and up | 0.90 to below 0.97 | WATCH |
| 7 | touched | 50 and up | below 0.90 | HOLD |
"""

from __future__ import annotations

from enum import StrEnum

from domain.decision import Decision, enter, hold, ignore, watch
from domain.money import Shares, plain
from domain.strategy import StrategyContext


class SizeCheck(StrEnum):
    """Unknown is its own outcome, never "too small" (STR-M1)."""

    OK = "ok"
    TOO_SMALL = "too_small"
    UNKNOWN = "unknown"


def check_size(size: Shares | None, minimum: Shares) -> SizeCheck:
    """Return how the size of the print compares; the minimum itself is enough."""
    if size is None or size.is_nan():
        return SizeCheck.UNKNOWN
    return SizeCheck.OK if size >= minimum else SizeCheck.TOO_SMALL


class HighProbYes:
    """The default strategy."""

    name = "high_prob_yes"
    version = "1"

    def evaluate(self, context: StrategyContext) -> Decision:
        """Return the answer of the table above."""
        return self._price(context) or self._size(context) or self._score(context)

    def _price(self, context: StrategyContext) -> Decision | None:
        """Rows 0 and 1."""
        if context.outcome_index not in context.rules.outcome_indexes:
            return ignore("outcome", f"outcome {context.outcome} is not bought")
        if context.price < context.threshold:
            price, threshold = plain(context.price), plain(context.threshold)
            reason = f"price {price} is below the threshold {threshold}"
            return hold("threshold", reason, price=context.price, threshold=context.threshold)
        return None

    def _size(self, context: StrategyContext) -> Decision | None:
        """Rows 2 and 3."""
        if not context.rules.size_filter:
            return None
        size, least = context.trade_size, context.rules.min_trade_size
        checked = check_size(size, least)
        if size is None or checked is SizeCheck.UNKNOWN:
            return hold("trade_size", "size unknown", min_trade_size=least)
        if checked is SizeCheck.TOO_SMALL:
            reason = f"trade of {plain(size)} shares is below {plain(least)}"
            return ignore("trade_size", reason, size=size, min_trade_size=least)
        return None

    def _score(self, context: StrategyContext) -> Decision:
        """Rows 4 to 7."""
        wanted, floor = context.entry_score, context.rules.watch_score
        if context.score is None:
            return hold("score", context.score_problem or "no score", entry_score=wanted)
        score = context.score.value
        figures = {"score": score, "entry_score": wanted, "size": context.trade_size}
        if score >= wanted:
            reason = f"score {plain(score)} reaches {plain(wanted)}"
            return enter(reason, context.worst_price, context.stake, **figures)
        if score >= floor:
            reason = f"score {plain(score)} is between {plain(floor)} and {plain(wanted)}"
            return watch(reason, **figures)
        reason = f"score {plain(score)} is below {plain(floor)}"
        return hold("score", reason, watch_score=floor, **figures)
