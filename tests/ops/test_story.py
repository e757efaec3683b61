"""ops/story.py and the pure parts of ops/cli/explain.py"""

from datetime import UTC, datetime, timedelta
from decimal import Decimal as D

import pytest

from domain.decision import Decision, DecisionStage, Verdict, hold
from domain.market import Mode
from domain.money import Price, Usd
from domain.rules import TradeRules
from ops.cli.exits import CliError
from ops.cli.explain import parse_time, rules_in_force
from ops.story import Line, of_decision, of_lost, of_trade, tell
from store.decisions import DecisionRow
from store.touches import LostTouch, TouchKind
from store.views import TradeLine

NOW = datetime(2026, 3, 1, 14, 2, 3, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def decided(decision: Decision) -> DecisionRow:
    return DecisionRow(
        mode=Mode.PAPER,
        condition_id="0xa",
        token_id="1",
        threshold=Price(D("0.95")),
        stage=DecisionStage.SCREENING,
        decision=decision,
        at=NOW,
    )


def test_a_refusal_says_the_answer_the_reason_the_rule_and_the_figures() -> None:
    refused = hold("above_cap", "above cap: best ask 0.98, limit 0.95", best_ask=D("0.98"))
    line = of_decision(decided(refused))
    assert line.at == NOW and line.text == (
        "screening: hold: not now, because above cap: best ask 0.98, limit 0.95;"
        " rule above_cap; best_ask 0.98"
    )


def test_an_entry_says_limit_stake_strategy_and_score() -> None:
    bought = Decision(
        verdict=Verdict.ENTER,
        reason="score 0.98 reaches 0.97",
        filter="strategy",
        limit=Price(D("0.950000")),
        stake=Usd(D(20)),
        strategy="high_prob_yes",
        strategy_version="1",
        score="0.98",
    )
    said = of_decision(decided(bought)).text
    assert "enter: buy, because score 0.98 reaches 0.97" in said
    assert "at most 0.95 a share for 20 USD" in said
    assert said.endswith("strategy high_prob_yes 1, score 0.98")
    unsure = bought.model_copy(update={"score": None})
    assert of_decision(decided(unsure)).text.endswith("strategy high_prob_yes 1")


def test_a_lost_touch_is_told() -> None:
    touch = LostTouch(
        mode=Mode.PAPER, condition_id="0xa", token_id="1", threshold=Price(D("0.95")),
        kind=TouchKind.MISSED, seen_at=NOW, reason="Temporal was away",
    )  # fmt: skip
    assert of_lost(touch).text == "touch missed: Temporal was away"


def trade(**changed: object) -> TradeLine:
    given: dict[str, object] = {
        "workflow_id": "0xa:0.95", "run_id": "r", "mode": Mode.PAPER, "condition_id": "0xa",
        "token_id": "1", "question": "Will it?", "outcome": "Yes", "threshold": D("0.950000"),
        "touched": D("0.960000"), "seen_at": NOW, "state": "settled", "reason": "",
        "bought": D(20), "shares": D(0), "cost": D(0), "spent": D(19), "entry_price": D("0.95"),
        "fees": D(0), "payout": D(1), "profit": D("1.000000"), "closed_at": NOW + 9 * MINUTE,
        "orders": 1, "fills": 1,
    }  # fmt: skip
    return TradeLine.model_validate(given | changed)


def test_a_trade_is_told_from_touch_to_profit() -> None:
    order = {
        "leg": "entry", "order_id": "0x123456789abcdef", "side": "BUY", "shares": D("21.0526"),
        "limit": D("0.950000"), "status": "filled", "venue_text": "matched",
        "evidence": "trades add up", "created_at": NOW + MINUTE,
    }  # fmt: skip
    fill = {
        "side": "BUY", "shares": D("21.0526"), "price": D("0.95"), "fee": D("0.04"),
        "status": "confirmed", "matched_at": NOW + 2 * MINUTE,
    }  # fmt: skip
    sale = {
        "shares": D(5),
        "kind": "sale",
        "profit": None,
        "reason": "stop",
        "at": NOW + 3 * MINUTE,
    }
    lines = of_trade(trade(), {"orders": [order], "fills": [fill], "exits": [sale]})
    assert [line.text for line in lines] == [
        "Yes touched 0.96 (threshold 0.95)",
        "entry order 0x123456789a…: BUY 21.0526 at 0.95 or better, filled: matched (trades add up)",
        "BUY of 21.0526 filled at 0.95, fee 0.04, confirmed",
        "5 shares left by sale: profit unknown stop",
        "over (settled, each share paid 1): profit 1 USD after fees",
    ]
    quiet = {**order, "venue_text": "", "evidence": ""}
    assert of_trade(trade(closed_at=None), {"orders": [quiet]})[-1].text.endswith("better, filled")
    assert of_trade(trade(payout=None), {})[-1].text.startswith("over (settled): profit")
    gain = of_trade(trade(), {"exits": [{**sale, "profit": D("0.5")}]})
    assert gain[1].text == "5 shares left by sale: profit 0.5 USD stop"


def test_the_story_is_in_order_and_around_a_time() -> None:
    lines = [Line(at=NOW + n * MINUTE, text=str(n)) for n in (30, 0, 10)]
    assert [line.text for line in tell(lines)] == ["0", "10", "30"]
    assert [line.text for line in tell(lines, NOW)] == ["0", "10"]
    assert [line.text for line in tell(lines, NOW + 60 * MINUTE)] == ["30"]
    assert tell([], NOW) == []


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("14:02", NOW.replace(second=3)),
        ("14:02:01", NOW.replace(second=1)),
        ("14:03", NOW + MINUTE - timedelta(days=1)),
        ("2026-03-01T14:02:03", NOW),
        ("2026-03-01T15:02:03+01:00", NOW),
    ],
)
def test_a_time_is_iso_or_the_last_time_of_day(text: str, at: datetime) -> None:
    assert abs(parse_time(text, NOW) - at) <= timedelta(seconds=3)


@pytest.mark.parametrize("text", ["noon", "25:00", "2026-13-01T00:00"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(CliError, match=f"--at: expected an ISO time .* was {text}"):
        parse_time(text, NOW)


def test_the_rules_in_force_show_the_settings_they_name() -> None:
    rows = {row["rule"]: row["in force"] for row in rules_in_force(TradeRules())}
    assert rows["trade_age"] == "trigger.max_age = 0:05:00"
    assert rows["category"] == "filters.excluded_categories = Weather, Adult"
    assert rows["confirmation"] == "filters.max_bid_gap = 0.02" and rows["weather"] == ""
