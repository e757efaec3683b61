"""Small recordings, written as one line per event; prices in cents, sizes in shares."""

from collections.abc import Iterable
from datetime import timedelta
from decimal import Decimal as D
from typing import Any

from domain.market import Fee, Market, Token
from domain.money import Usd
from domain.rules import TradeRules
from domain.strategies.high_prob_yes import HighProbYes
from ops.replay.account import Purse
from ops.replay.engine import Replay
from ops.replay.events import Event, Levels, Oracle, Recording, Resolved, Ticked, Traded, moment
from ops.replay.report import ReplayReport, build
from ops.replay.scores import Scores, assumed

START = 1_790_000_000_000
UP, DOWN, CONDITION = "111", "222", "0xa"
CENT, SHARE = 10_000, 1_000_000


def market(condition: str = CONDITION, **changed: Any) -> Market:
    given: dict[str, Any] = {
        "condition_id": condition,
        "question": f"Will {condition} happen?",
        "end_time": moment(START) + timedelta(days=30),
        "tokens": (
            Token(
                token_id=UP if condition == CONDITION else f"{condition}1", outcome="Yes", index=0
            ),
            Token(
                token_id=DOWN if condition == CONDITION else f"{condition}2", outcome="No", index=1
            ),
        ),
        "fee": Fee(rate=D("0.04")),
    }
    return Market(**(given | changed))


def book(
    second: float, bid: int | None, ask: int | None, size: int = 500, condition: str = CONDITION
) -> Levels:
    return Levels(
        START + int(second * 1000),
        condition,
        () if bid is None else ((bid * CENT, size * SHARE),),
        () if ask is None else ((ask * CENT, size * SHARE),),
        whole=True,
    )


def traded(second: float, cents: int, size: int | None = 60, token: str = UP) -> Traded:
    condition = CONDITION if token in (UP, DOWN) else token[:-1]
    shares = None if size is None else size * SHARE
    return Traded(START + int(second * 1000), condition, token, cents * CENT, shares)


def resolved(second: float, *payouts: int, condition: str = CONDITION) -> Resolved:
    return Resolved(START + int(second * 1000), condition, tuple(p * SHARE for p in payouts))


def ticked(second: float, tick: int) -> Ticked:
    return Ticked(START + int(second * 1000), CONDITION, tick)


def oracle(second: float, status: str) -> Oracle:
    return Oracle(START + int(second * 1000), CONDITION, status)


def play(
    events: Iterable[Event],
    rules: dict[str, Any] | None = None,
    scores: Scores | None = None,
    markets: tuple[Market, ...] = (),
    delay_ms: int = 0,
    balance: str = "1000",
) -> ReplayReport:
    """Return the report of these events; the model says 0.98 unless told."""
    of = markets or (market(),)
    by = TradeRules.model_validate({"risk": {"max_per_market": 25}} | (rules or {}))
    purse, strategy = Purse(Usd(D(balance))), HighProbYes()
    delay = timedelta(milliseconds=delay_ms)
    replay = Replay(of, by, strategy, scores or assumed(D("0.98")), purse, delay)
    for event in events:
        replay.feed(event)
    replay.finish()
    recording = Recording("a test", "", of, iter(()))
    return build(recording, replay, strategy.name, strategy.version, delay_ms, purse.balance)


def answers(report: ReplayReport) -> list[tuple[str, str]]:
    """Return verdict and rule of every decision."""
    return [(d.decision.verdict.value, d.decision.filter) for d in report.decisions]
