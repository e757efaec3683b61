"""domain/score.py"""

from datetime import timedelta
from decimal import Decimal as D
from typing import Any

import pytest
from pydantic import ValidationError

from domain.book import Book
from domain.market import Mode
from domain.money import Usd
from domain.rules import ScoreRules
from domain.score import (
    ScoreRequest,
    allowed,
    heuristic_score,
    market_score,
    why_unusable,
)
from tests.domain.examples import NOW, book, levels, market, rules, score

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def request(
    seen: Book | None = None, liquidity: str | None = "100000", **of_market: Any
) -> ScoreRequest:
    of_market = {"category": "politics", "end_time": NOW + 3 * DAY} | of_market
    dollars = None if liquidity is None else Usd(D(liquidity))
    given = market(**of_market)
    return ScoreRequest(token_id="111", market=given, book=seen, liquidity=dollars, now=NOW)


def around(mid: str, spread: str = "0") -> Book:
    """Return a book with this midpoint and almost no spread."""
    gap = D(spread) or D("0.000002")
    bid, ask = D(mid) - gap / 2, D(mid) + gap / 2
    return book(bids=levels((str(bid), "9")), asks=levels((str(ask), "9")))


def test_q2_a_missing_score_is_unusable() -> None:
    assert why_unusable(None, rules().score, NOW) == "no score"


def test_q2_a_score_without_version_is_unusable() -> None:
    assert why_unusable(score(version=""), rules().score, NOW) == "score without a model version"


def test_q2_a_score_of_a_version_not_accepted_is_unusable() -> None:
    by = rules(score={"versions": ["model-2"]}).score
    assert why_unusable(score(), by, NOW) == "score of unknown version model-1"
    assert why_unusable(score(version="model-2"), by, NOW) is None


def test_q2_an_old_score_is_unusable_just_beyond_its_age() -> None:
    assert why_unusable(score(at=NOW - HOUR), rules().score, NOW) is None
    later = NOW + timedelta(seconds=1)
    assert why_unusable(score(at=NOW - HOUR), rules().score, later) == "score is stale: 3601 s old"


@pytest.mark.parametrize("value", ["-0.01", "1.01", "NaN", "Infinity"])
def test_a_score_is_a_probability(value: str) -> None:
    with pytest.raises(ValidationError):
        score(value)


@pytest.mark.parametrize("value", ["0", "1"])
def test_certain_scores_are_scores(value: str) -> None:
    assert score(value).value == D(value)


def test_paper_only_providers_never_decide_live() -> None:
    for provider in ("market", "heuristic"):
        assert allowed(provider, Mode.PAPER) and not allowed(provider, Mode.LIVE)
    for provider in ("http", "table", "none", "calibrated"):
        assert allowed(provider, Mode.PAPER) and allowed(provider, Mode.LIVE)


def test_the_market_score_is_the_books_midpoint() -> None:
    made = market_score(request(book("0.94", "0.96")))
    assert made and made.value == D("0.95") and made.at == NOW and made.version == "market-mid-1"


@pytest.mark.parametrize(
    "seen", [None, book(None, "0.95"), book("0.94", None), book("0.96", "0.95")]
)
def test_without_a_real_book_there_is_no_score(seen: Book | None) -> None:
    assert market_score(request(seen)) is None
    assert heuristic_score(request(seen)) is None


@pytest.mark.parametrize(
    ("mid", "best"), [("0.95", "0.950"), ("0.98", "0.971"), ("0.99", "0.978"), ("0.94", "0.9465")]
)
def test_the_heuristic_cannot_reach_its_entry_score_at_the_cap(mid: str, best: str) -> None:
    made = heuristic_score(request(around(mid)))
    assert made and made.value == D(best) and made.version == "heuristic-1" and made.at == NOW


def test_the_heuristic_is_at_most_082_where_little_is_known() -> None:
    made = heuristic_score(request(around("0.99", "0.02"), liquidity=None, end_time=None))
    assert made and made.value < D("0.82")


@pytest.mark.parametrize(
    ("left", "part"),
    [
        (None, "0.6"),
        (6 * HOUR - timedelta(seconds=1), "0.5"),
        (6 * HOUR, "0.7"),
        (DAY - timedelta(seconds=1), "0.7"),
        (DAY, "1"),
        (7 * DAY, "1"),
        (7 * DAY + timedelta(seconds=1), "0.9"),
        (100 * DAY, "0.9"),
    ],
)
def test_the_heuristic_weighs_time(left: timedelta | None, part: str) -> None:
    end = None if left is None else NOW + left
    made = heuristic_score(request(around("0.95"), end_time=end))
    assert made and made.value == D("0.8") + D("0.15") * D(part)


@pytest.mark.parametrize(
    ("dollars", "part"),
    [(None, "0.5"), ("-5", "0.5"), ("0", "0.5"), ("50000", "0.75"), ("100000", "1"), ("9e9", "1")],
)
def test_the_heuristic_weighs_liquidity(dollars: str | None, part: str) -> None:
    made = heuristic_score(request(around("0.95"), liquidity=dollars))
    assert made and made.value == D("0.75") + D("0.2") * D(part)


@pytest.mark.parametrize(
    ("category", "tags", "part"),
    [
        ("Science", (), "0.9"),
        ("economics", (), "0.85"),
        ("Crypto", (), "0.8"),
        ("technology", (), "0.8"),
        ("sports", (), "0.75"),
        ("entertainment", (), "0.7"),
        (None, (), "0.7"),
        (None, ("sports", "politics"), "0.9"),
        ("Politics", ("x",), "0.9"),
    ],
)
def test_the_heuristic_weighs_category(category: str, tags: tuple[str, ...], part: str) -> None:
    made = heuristic_score(request(around("0.95"), category=category, tags=tags))
    assert made and made.value == D("0.815") + D("0.15") * D(part)


def test_the_heuristic_weighs_the_spread() -> None:
    wide = heuristic_score(request(book("0.855", "0.95")))  # mid 0.9025, spread 10 %
    assert wide and wide.value == D("0.35") * D("0.8525") + D("0.485") + D("0.15") * D("0.1")
    gone = heuristic_score(request(book("0.5", "0.95")))
    assert gone and gone.value == D("0.35") * D("0.675") + D("0.485")
    tight = heuristic_score(request(book("0.9801", "0.99")))  # exactly 1 %
    assert tight and tight.value == D("0.35") * (D("0.90") + D("0.0701")) + D("0.635")


def test_the_heuristic_without_an_ask_price_takes_the_spread_as_unknown() -> None:
    made = heuristic_score(request(book(bids=levels(("-0.1", "1")), asks=levels(("0", "1")))))
    assert made and made.value == D("0.485") + D("0.09")


def test_a_score_from_the_future_is_of_a_wrong_clock_and_unusable() -> None:
    for ahead, usable in ((timedelta(seconds=30), True), (timedelta(hours=1), False)):
        assert (why_unusable(score(at=NOW + ahead), ScoreRules(), NOW) is None) is usable
