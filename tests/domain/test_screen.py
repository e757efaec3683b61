"""domain/screen.py: the whole chain, and domain/context.py that it looks at"""

from datetime import timedelta
from decimal import Decimal as D
from typing import Any

import pytest

from domain.context import ScreenContext
from domain.decision import Decision, Verdict, hold
from domain.entry import OrderPlan
from domain.gates import price_now
from domain.money import Price, Usd
from domain.orders import TimeInForce
from domain.rules import TradeRules
from domain.screen import check_entry, hard, screen
from domain.trade import HaltState
from domain.trigger import TouchSource
from tests.domain.examples import (
    NOW,
    STRATEGY,
    book,
    context,
    levels,
    market,
    rules,
    score,
    trigger,
)


def decide(by: TradeRules | None = None, **changed: Any) -> Decision:
    return screen(context(**changed), by or rules(), STRATEGY)


def test_the_whole_path_enters_with_limit_stake_and_what_it_saw() -> None:
    made = decide(book=book(hash="ab"))
    assert (made.verdict, made.filter) == (Verdict.ENTER, "strategy")
    assert (made.limit, made.stake, made.score) == (D("0.95"), D(20), "0.98")
    assert made.decided_at == NOW and made.strategy == "high_prob_yes"
    assert made.values == {
        "score": "0.98",
        "entry_score": "0.97",
        "size": "60",
        "best_bid": "0.94",
        "best_ask": "0.95",
        "book_seen_at": "2026-03-01T12:00:00+00:00",
        "book_hash": "ab",
        "shares": "21.0526",
        "funds": "20",
    }


def test_a_book_without_hash_leaves_it_out() -> None:
    assert "book_hash" not in decide().values


@pytest.mark.parametrize(
    ("changed", "by", "filter"),
    [
        ({"halt": HaltState.HALTED}, {}, "halted"),
        ({"halt": HaltState.REDUCING}, {}, "halted"),
        ({"trigger": trigger(venue_time=NOW - timedelta(seconds=301))}, {}, "trade_age"),
        ({"market": None}, {}, "market_known"),
        ({"market": market(question="Rain?")}, {}, "weather"),
        ({"market": market(end_time=None)}, {}, "time_to_end"),
        ({"market": market(category="Adult")}, {}, "category"),
        ({"blocks": frozenset({"0xc0ffee"})}, {}, "blocked"),
        ({"trigger": trigger(outcome_index=1)}, {}, "outcome"),
        ({"market": market(augmented_neg_risk=True, group_title="Other")}, {}, "placeholder"),
        ({"market": market(closed=True)}, {}, "tradable"),
        ({"market": market(resolution_status="disputed")}, {}, "oracle"),
        ({"position_open": True}, {}, "position_open"),
        ({"trigger": trigger(price=D("0.94"))}, {}, "threshold"),
        ({"trigger": trigger(size=D(49))}, {}, "trade_size"),
        ({"trigger": trigger(size=None)}, {}, "trade_size"),
        ({"score": None}, {}, "score"),
        ({"book": None}, {}, "book"),
        ({"book": book("0.95", "0.95")}, {}, "book"),
        ({"book": book(seen_at=NOW - timedelta(seconds=3))}, {}, "book_age"),
        ({"book": book(None, None)}, {}, "entry_liquidity"),
        ({"book": book("0.80", "0.82")}, {}, "divergence"),
        ({"book": book("0.90", "0.95")}, {}, "confirmation"),
        ({"book": book("0.95", "0.96")}, {}, "above_cap"),
        ({}, {"entry": {"stake": "4"}}, "min_size"),
        ({"book": book(tick=D("0.96"))}, {}, "tick"),
    ],
)
def test_one_thing_wrong_is_refused_under_its_own_name(
    changed: dict[str, Any], by: dict[str, Any], filter: str
) -> None:
    """The seed's whole path with each gate violated (spec 19.1)."""
    made = decide(rules(**by), **changed)
    assert made.verdict is not Verdict.ENTER and made.filter == filter
    assert made.limit is None and made.stake is None and made.reason and made.decided_at == NOW


def test_a_halt_is_named_first_and_plainly() -> None:
    made = decide(halt=HaltState.REDUCING, market=None)
    assert made.reason == "entries are stopped: reducing" and made.values == {"halt": "reducing"}


def test_an_open_position_is_not_doubled() -> None:
    made = decide(position_open=True, score=None)
    assert made.reason == "a position on this token is open already"


def test_a_refused_entry_keeps_the_strategys_figures_beside_the_books() -> None:
    made = decide(book=book("0.95", "0.96"))
    assert (made.strategy, made.strategy_version, made.score) == ("high_prob_yes", "1", "0.98")
    assert made.values["score"] == "0.98" and made.values["best_ask"] == "0.96"


def test_a_watched_market_needs_no_book() -> None:
    assert decide(book=None, score=score("0.92")).verdict is Verdict.WATCH


def test_hard_is_the_part_that_needs_neither_book_nor_score() -> None:
    bare = context(book=None, score=None)
    assert hard(bare, rules()) is None
    halted = hard(bare.model_copy(update={"halt": HaltState.HALTED}), rules())
    assert halted and halted.filter == "halted"


# the check at the moment of entry


def entry(by: TradeRules | None = None, **changed: Any) -> OrderPlan | Decision:
    decision = decide()
    return check_entry(context(**changed), by or rules(), decision)


def test_q1_a_touch_at_098_with_an_ask_at_095_buys_at_the_cap() -> None:
    seen = {"trigger": trigger(price=D("0.98")), "book": book("0.94", "0.95")}
    by = rules(filters={"max_bid_gap": "0.05"})
    made = screen(context(**seen), by, STRATEGY)
    assert made.verdict is Verdict.ENTER and made.limit == D("0.95")


def test_q1_a_touch_at_098_with_an_ask_above_the_cap_is_recorded_as_above_cap() -> None:
    made = decide(trigger=trigger(price=D("0.98")), book=book("0.97", "0.98"))
    assert made.filter == "above_cap" and made.reason == "above cap: best ask 0.98, limit 0.95"


def test_the_plan_is_the_order_of_the_decision() -> None:
    plan = entry()
    assert isinstance(plan, OrderPlan) and plan.shares == D("21.0526") and plan.limit == D("0.95")


def test_no_strategy_and_no_person_can_lift_the_hard_cap() -> None:
    greedy = decide().model_copy(update={"limit": Price(D("0.99")), "stake": Usd(D(50))})
    high = context(trigger=trigger(price=D("0.99")), book=book("0.98", "0.99"))
    refused = check_entry(high, rules(), greedy)
    assert isinstance(refused, Decision) and refused.filter == "above_cap"
    lower = check_entry(context(), rules(), greedy)
    assert isinstance(lower, OrderPlan) and lower.limit == D("0.95") and lower.notional == 50


def test_the_limit_is_on_the_books_grid() -> None:
    seen = book("0.943", "0.946", tick=D("0.001"))
    made = decide(book=seen, trigger=trigger(price=D("0.9507")))
    assert made.limit == D("0.95")
    fine = decide(rules(entry={"max_price": "0.98"}), book=seen, trigger=trigger(price=D("0.9507")))
    assert fine.limit == D("0.950")


def test_cor_m1_cor_m2_after_a_delay_the_book_is_too_old_for_the_check() -> None:
    refused = entry(now=NOW + timedelta(minutes=2))
    assert isinstance(refused, Decision) and refused.filter == "book_age"


@pytest.mark.parametrize("lost", ["limit", "stake"])
def test_a_decision_without_limit_or_stake_makes_no_order(lost: str) -> None:
    made = check_entry(context(), rules(), decide().model_copy(update={lost: None}))
    assert isinstance(made, Decision) and made.filter == "book"


def test_without_book_or_market_there_is_no_order() -> None:
    for gone in ("book", "market"):
        made = entry(**{gone: None})
        assert isinstance(made, Decision) and made.reason == "the book could not be read"


def test_a_grid_without_a_price_low_enough_makes_no_order() -> None:
    made = entry(book=book(tick=D("0.96")))
    assert isinstance(made, Decision)
    assert made.reason == "no price of the 0.96 grid is at or below 0.95"


def test_resting_style_plans_an_exact_order_below_the_ask() -> None:
    by = rules(entry={"style": "rest"})
    made = screen(context(book=book("0.94", "0.97")), by, STRATEGY)
    assert made.verdict is Verdict.ENTER and made.values["shares"] == "21.05"
    plan = check_entry(context(book=book("0.94", "0.97")), by, made)
    assert isinstance(plan, OrderPlan) and plan.amounts.maker == D("19.9975")
    assert TimeInForce.GTD in TimeInForce


def test_a_stake_too_small_names_its_figures() -> None:
    made = decide(rules(entry={"stake": "4"}))
    assert made.values["stake"] == "4" and made.values["limit"] == "0.95"
    assert made.reason == "4 dollars buy 4.2105 shares, the market wants 5"


# XD-7: a promotion goes through the whole of screening again, with what is fresh then


def later(hours: int, **changed: Any) -> ScreenContext:
    at = NOW + timedelta(hours=hours)
    fresh = {
        "now": at,
        "trigger": trigger(venue_time=at),
        "book": book(seen_at=at),
        "score": score(at=at),
    }
    return context(**(fresh | changed))


def test_xd7_a_watched_market_enters_once_its_fresh_score_is_high_enough() -> None:
    at = NOW + timedelta(hours=1)
    first = screen(context(score=score("0.92")), rules(), STRATEGY)
    second = screen(later(1, score=score("0.92", at=at)), rules(), STRATEGY)
    third = screen(later(2), rules(), STRATEGY)
    assert [first.verdict, second.verdict, third.verdict] == [
        Verdict.WATCH,
        Verdict.WATCH,
        Verdict.ENTER,
    ]


def watched(bid: str | None, ask: str | None, touched: str, by: TradeRules) -> Decision:
    """Return the decision of the watchlist an hour after a touch."""
    at = NOW + timedelta(hours=1)
    seen = book(bid, ask, seen_at=at)
    fresh = trigger(price=price_now(seen, TouchSource.TRADE, by.filters), venue_time=at)
    changed = {"trigger": fresh, "book": seen, "first_price": D(touched)}
    return screen(later(1, **changed), by, STRATEGY)


def test_xd7_a_watched_market_is_bought_by_the_rules_as_they_come() -> None:
    made = watched("0.94", "0.95", "0.95", rules())
    assert (made.verdict, made.limit) == (Verdict.ENTER, D("0.95"))


def test_xd7_a_watched_market_is_never_bought_above_its_touch() -> None:
    by = rules(entry={"max_price": "0.98"})
    assert watched("0.96", "0.97", "0.97", by).limit == D("0.97")
    assert watched("0.96", "0.97", "0.96", by).filter == "above_cap"


@pytest.mark.parametrize("ask", ["0.95", None])
def test_xd7_a_lone_offer_is_no_price_of_now(ask: str | None) -> None:
    assert watched("0.90", ask, "0.95", rules()).filter == "threshold"


def test_xd7_without_a_bound_on_the_gap_or_for_a_quote_the_bid_is_the_price_of_now() -> None:
    free = rules(filters={"max_bid_gap": None}).filters
    assert price_now(book(), TouchSource.TRADE, free) == D("0.94")
    assert price_now(book(), TouchSource.QUOTE, rules().filters) == D("0.94")
    assert price_now(book(None, "0.95"), TouchSource.TRADE, rules().filters) == 0


def test_q14_what_a_person_approves_is_bought_at_the_lower_of_both_caps() -> None:
    seen = {"trigger": trigger(price=D("0.98")), "book": book("0.96", "0.97")}
    caps: dict[str, Any] = {"entry": {"max_price": "0.98"}}
    assert decide(rules(**caps), **seen).limit == D("0.98")
    asked = {"required": "always", "max_price": "0.96"}
    assert decide(rules(**caps, approval=asked), **seen).filter == "above_cap"
    near = {"max_bid_gap": "0.05"}
    cheaper = seen | {"book": book("0.95", "0.96")}
    assert decide(rules(**caps, filters=near, approval=asked), **cheaper).limit == D("0.96")
    small = {"required": "above", "above": 20, "max_price": "0.96"}  # the stake is 20: nobody asks
    assert decide(rules(**caps, approval=small), **seen).limit == D("0.98")


def test_xd7_hours_to_the_end_are_counted_anew_each_time() -> None:
    made = screen(later(10 * 24 - 5), rules(), STRATEGY)
    assert made.filter == "time_to_end" and made.values["hours_left"] == "5.00"


@pytest.mark.parametrize(
    ("changed", "filter"),
    [
        ({"score": score()}, "score"),  # of five hours ago: stale
        ({"blocks": frozenset({"0xc0ffee"})}, "blocked"),
        ({"halt": HaltState.HALTED}, "halted"),
        ({"book": book("0.60", "0.62", seen_at=NOW + timedelta(hours=5))}, "divergence"),
        ({"trigger": trigger(price=D("0.90"), venue_time=NOW + timedelta(hours=5))}, "threshold"),
    ],
)
def test_xd7_a_promotion_skips_no_check(changed: dict[str, Any], filter: str) -> None:
    assert screen(later(5, **changed), rules(), STRATEGY).filter == filter


def test_the_same_context_always_gives_the_same_decision() -> None:
    seen = context(book=book(asks=levels(("0.97", "5"), ("0.95", "5"))))
    assert screen(seen, rules(), STRATEGY) == screen(seen, rules(), STRATEGY)
    again = ScreenContext.model_validate_json(seen.model_dump_json())
    assert screen(again, rules(), STRATEGY) == screen(seen, rules(), STRATEGY)


def test_a_hold_is_not_for_good() -> None:
    assert not hold("score", "no score").for_good
