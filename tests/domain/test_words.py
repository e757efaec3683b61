"""The small words: domain/record.py, trigger.py, market.py, rules.py, orders.py"""

import pathlib
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal as D

import pytest
from pydantic import ValidationError

from domain.book import Book
from domain.market import Market
from domain.money import Price
from domain.orders import Side
from domain.rules import TradeRules
from domain.trigger import trade_id
from tests.domain.examples import NOW, YES, market, trigger


def test_g7_times_are_aware_and_in_utc() -> None:
    for at in (datetime(2026, 1, 1), NOW.astimezone(timezone(timedelta(hours=2)))):  # noqa: DTZ001  # wants a time without a zone
        with pytest.raises(ValidationError, match="expected an aware UTC time, was"):
            trigger(venue_time=at)
    assert trigger(venue_time=NOW).venue_time.tzinfo is UTC


@pytest.mark.parametrize("lost", ["condition_id", "token_id", "outcome"])
def test_cor_m3_empty_ids_never_become_a_trigger(lost: str) -> None:
    with pytest.raises(ValidationError):
        trigger(**{lost: ""})


@pytest.mark.parametrize("price", ["NaN", "Infinity", "abc", None])
def test_cor_m3_malformed_prices_never_become_a_trigger(price: object) -> None:
    with pytest.raises(ValidationError):
        trigger(price=price)


@pytest.mark.parametrize(
    ("threshold", "text"), [("0.95", "0.95"), ("0.950000", "0.95"), ("0.9", "0.9"), ("0.1", "0.1")]
)
def test_g2_the_workflow_id_names_condition_and_threshold_only(threshold: str, text: str) -> None:
    """Several tokens of one market share it: the second start is refused."""
    assert trade_id("0xc", Price(D(threshold))) == f"0xc:{text}"
    yes, no = trigger(threshold=D(threshold)), trigger(threshold=D(threshold), token_id="222")
    assert yes.workflow_id == no.workflow_id == f"0xc0ffee:{text}"


def test_a_market_knows_its_tokens() -> None:
    known = market().token(YES)
    assert known is not None and known.outcome == "Yes" and market().token("9") is None


@pytest.mark.parametrize("word", ["buy", "Buy", "sell", "LONG", ""])
def test_exe_l1_a_side_is_exactly_buy_or_sell(word: str) -> None:
    with pytest.raises(ValueError, match="is not a valid Side"):
        Side(word)


def test_a_misspelt_rule_is_an_error() -> None:
    with pytest.raises(ValidationError, match="max_pric"):
        TradeRules.model_validate({"entry": {"max_pric": "0.95"}})


@pytest.mark.parametrize("entry", [{"stake": 0}, {"max_price": 1}, {"max_price": 0}])
def test_rules_out_of_range_are_errors(entry: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        TradeRules.model_validate({"entry": entry})


@pytest.mark.parametrize("threshold", ["0", "1", "1.5", "-0.95"])
def test_a_threshold_lies_between_nothing_and_certainty(threshold: str) -> None:
    with pytest.raises(ValidationError):
        TradeRules.model_validate({"trigger": {"threshold": threshold}})


@pytest.mark.parametrize(
    "group",
    [
        {"strategy": {"entry_score": "1.01"}},
        {"strategy": {"watch_score": "-0.01"}},
        {"entry": {"attempts": 0}},
        {"entry": {"attempts": 6}},
        {"risk": {"max_positions": -1}},
        {"exits": {"capital_cost": "-0.01"}},
        {"reconcile": {"misses": 1}},
    ],
)
def test_rules_beyond_their_bounds_are_errors(group: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        TradeRules.model_validate(group)


def test_rules_at_their_bounds_are_good() -> None:
    TradeRules.model_validate(
        {
            "strategy": {"entry_score": 1, "watch_score": 0},
            "entry": {"attempts": 5},
            "risk": {"max_positions": 0},
            "exits": {"capital_cost": 0},
        }
    )


def test_a_market_of_which_little_is_known_is_an_ordinary_one() -> None:
    bare = Market(condition_id="0xc", question="?", tokens=())
    assert bare.model_dump(exclude={"condition_id", "question", "tokens"}) == {
        "slug": "",
        "group_title": "",
        "category": None,
        "tags": (),
        "event_id": None,
        "end_time": None,
        "tick": D("0.01"),
        "min_size": D(5),
        "fee": {"rate": D(0), "exponent": 1, "taker_only": True},
        "neg_risk": False,
        "augmented_neg_risk": False,
        "protocol": "v1",
        "active": True,
        "closed": False,
        "accepting_orders": True,
        "resolution_status": None,
    }


def test_a_book_of_which_little_is_known_has_the_usual_grid() -> None:
    bare = Book(token_id="1", condition_id="0xc", seen_at=NOW)
    assert (bare.tick, bare.min_size, bare.neg_risk) == (D("0.01"), D(5), False)


def test_q1_threshold_limit_and_cap_are_three_settings() -> None:
    rules = TradeRules()
    assert rules.trigger.threshold == D("0.95") and rules.entry.max_price == D("0.95")
    assert rules.entry.stake == 20 and rules.filters.max_divergence == D("0.10")


def test_records_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        market().question = "another"  # type: ignore[misc]  # must be refused
    assert isinstance(market(), Market)


def test_no_float_touches_money() -> None:
    """Neither a float literal nor float() is written anywhere in the domain (STO-M1)."""
    for path in pathlib.Path("domain").rglob("*.py"):
        for number, line in enumerate(path.read_text().splitlines(), 1):
            assert "float" not in line, f"{path}:{number} mentions float"
