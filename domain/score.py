"""Score: what a model says a market is worth, and when to believe it (spec 8, Q2).

A missing, stale or unnamed score is never replaced by a guess: the strategy answers HOLD.
Providers that need the network or a table are activities; the pure ones are here.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Protocol

from pydantic import Field

from domain.book import Book
from domain.market import Market, Mode
from domain.money import ONE, ZERO, Price, Usd
from domain.record import Record, Utc
from domain.rules import ScoreRules

PAPER_ONLY = frozenset({"market", "heuristic"})  # they know nothing that the price does not
MARKET_VERSION = "market-mid-1"
HEURISTIC_VERSION = "heuristic-1"
AHEAD = timedelta(minutes=1)  # a later date is of a clock that is wrong (C1)


class Score(Record):
    """The probability that the outcome wins, by the model `version`, as of `at`."""

    value: Decimal = Field(ge=0, le=1)
    version: str
    at: Utc


class ScoreRequest(Record):
    """What a provider may look at."""

    token_id: str
    market: Market
    book: Book | None = None
    liquidity: Usd | None = None
    now: Utc


class ScoreProvider(Protocol):
    """The port. None is a good answer: there is no score."""

    @property
    def name(self) -> str: ...

    async def score(self, request: ScoreRequest) -> Score | None: ...


def allowed(provider: str, mode: Mode) -> bool:
    """Return whether this provider may decide in this mode: paper-only ones never live."""
    return mode is Mode.PAPER or provider not in PAPER_ONLY


def why_unusable(score: Score | None, rules: ScoreRules, now: datetime) -> str | None:
    """Return why the score counts as missing, in plain words, or None when it is good."""
    if score is None:
        return "no score"
    if not score.version:
        return "score without a model version"
    if rules.versions and score.version not in rules.versions:
        return f"score of unknown version {score.version}"
    age = now - score.at
    if age < -AHEAD:
        return f"score is from the future: {int(-age.total_seconds())} s ahead"
    if age > rules.max_age:
        return f"score is stale: {int(age.total_seconds())} s old"
    return None


def market_score(request: ScoreRequest) -> Score | None:
    """Return the book's own midpoint (paper only): mechanics without a model.

    None unless the book has both sides and is not crossed.
    """
    book = request.book
    if book is None or book.crossed or book.mid is None:
        return None
    return Score(value=book.mid, version=MARKET_VERSION, at=book.seen_at)


def heuristic_score(request: ScoreRequest) -> Score | None:
    """Return the old bot's weighted heuristic (paper only), or None without a midpoint.

    By construction it is at most 0.95 at a price of 0.95 (spec 8): entries at 0.97 cannot
    come from it.
    """
    book = request.book
    if book is None or book.crossed or book.mid is None:
        return None
    parts = (
        (Decimal("0.35"), _by_price(book.mid)),
        (Decimal("0.20"), _by_liquidity(request.liquidity)),
        (Decimal("0.15"), _by_time(request.market.end_time, request.now)),
        (Decimal("0.15"), _by_spread(book.spread_ratio)),
        (Decimal("0.15"), _by_category(request.market)),
    )
    value = sum((weight * part for weight, part in parts), ZERO)
    return Score(value=min(value, ONE), version=HEURISTIC_VERSION, at=request.now)


def _by_price(mid: Price) -> Decimal:
    """0.90 at 0.95 rising to 0.98 at 0.99 and on; below 0.95 the price less 0.05."""
    if mid < Decimal("0.95"):
        return max(mid - Decimal("0.05"), ZERO)
    return min(Decimal("0.90") + (mid - Decimal("0.95")) * 2, ONE)


def _by_liquidity(liquidity: Usd | None) -> Decimal:
    """0.5 when unknown or nothing, rising to 1.0 at 100,000 dollars."""
    known = ZERO if liquidity is None else max(liquidity, ZERO)
    return Decimal("0.5") + min(known / 100_000, ONE) / 2


def _by_time(end: datetime | None, now: datetime) -> Decimal:
    if end is None:
        return Decimal("0.6")
    left = end - now
    if left < timedelta(hours=6):
        return Decimal("0.5")
    if left < timedelta(days=1):
        return Decimal("0.7")
    return ONE if left <= timedelta(days=7) else Decimal("0.9")


def _by_spread(ratio: Decimal | None) -> Decimal:
    """1.0 up to 1 % of the ask, falling to 0 at 11 %; 0.6 when unknown."""
    if ratio is None:
        return Decimal("0.6")
    return max(ONE - max(ratio - Decimal("0.01"), ZERO) * 10, ZERO)


_CATEGORY = {
    "politics": Decimal("0.9"),
    "science": Decimal("0.9"),
    "economics": Decimal("0.85"),
    "crypto": Decimal("0.8"),
    "technology": Decimal("0.8"),
    "sports": Decimal("0.75"),
}


def _by_category(market: Market) -> Decimal:
    """The best known one of category and tags; 0.7 for any other."""
    names = (market.category or "", *market.tags)
    return max(_CATEGORY.get(name.lower(), Decimal("0.7")) for name in names)
