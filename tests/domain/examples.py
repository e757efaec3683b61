"""Examples: one market, its touch at 0.95 and a healthy book, to be bent by each test."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal as D
from typing import Any

from domain.book import Book, Level
from domain.context import ScreenContext
from domain.market import Market, Mode, Token
from domain.rules import TradeRules
from domain.score import Score
from domain.strategies.high_prob_yes import HighProbYes
from domain.trigger import TouchSource, Trigger

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
CONDITION = "0xc0ffee"
YES, NO = "111", "222"
STRATEGY = HighProbYes()


def market(**changed: Any) -> Market:
    given: dict[str, Any] = {
        "condition_id": CONDITION,
        "question": "Will the bill pass?",
        "end_time": NOW + timedelta(days=10),
        "tokens": (
            Token(token_id=YES, outcome="Yes", index=0),
            Token(token_id=NO, outcome="No", index=1),
        ),
    }
    return Market(**(given | changed))


def trigger(**changed: Any) -> Trigger:
    given: dict[str, Any] = {
        "mode": Mode.PAPER,
        "condition_id": CONDITION,
        "token_id": YES,
        "outcome": "Yes",
        "outcome_index": 0,
        "threshold": D("0.95"),
        "price": D("0.95"),
        "size": D(60),
        "source": TouchSource.TRADE,
        "venue_time": NOW,
        "seen_at": NOW,
    }
    return Trigger(**(given | changed))


def levels(*pairs: tuple[str, str]) -> tuple[Level, ...]:
    return tuple(Level(price=D(p), shares=D(n)) for p, n in pairs)


def book(bid: str | None = "0.94", ask: str | None = "0.95", **changed: Any) -> Book:
    given: dict[str, Any] = {
        "token_id": YES,
        "condition_id": CONDITION,
        "bids": levels((bid, "500")) if bid else (),
        "asks": levels((ask, "500")) if ask else (),
        "seen_at": NOW,
    }
    return Book(**(given | changed))


def score(value: str = "0.98", **changed: Any) -> Score:
    given: dict[str, Any] = {"value": D(value), "version": "model-1", "at": NOW}
    return Score(**(given | changed))


def context(**changed: Any) -> ScreenContext:
    given: dict[str, Any] = {
        "trigger": trigger(),
        "market": market(),
        "now": NOW,
        "book": book(),
        "score": score(),
    }
    return ScreenContext(**(given | changed))


def rules(**groups: dict[str, Any]) -> TradeRules:
    """Return default rules with some changed, e.g. rules(entry={"stake": 30})."""
    return TradeRules.model_validate(groups)
