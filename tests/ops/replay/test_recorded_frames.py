"""bench/replay_frames.py: a real match, where prints at 0.95 and above mean nothing.

The recording lies beside the repository; without it the test skips.
"""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal as D
from pathlib import Path
from typing import Any

import pytest

from bench.replay_frames import Sides, recording, run
from domain.rules import TradeRules
from ops.replay.events import Event, Recording, Traded
from ops.replay.report import ReplayReport

FRAMES = Path(__file__).parents[4] / "shared/tapes/nhl_20260607/frames_dev.jsonl.zst"

Replayed = Callable[..., ReplayReport]


@pytest.fixture(scope="module")
def match() -> tuple[Recording, list[Event]]:
    if not FRAMES.exists():
        pytest.skip(f"the recording {FRAMES.name} is not here")
    played = recording(FRAMES)
    return played, list(played.events)


@pytest.fixture
def replayed(match: tuple[Recording, list[Event]]) -> Replayed:
    played, events = match

    def replay(**groups: Any) -> ReplayReport:
        groups["strategy"] = {"outcome_indexes": (0, 1)} | groups.get("strategy", {})
        again = replace(played, events=iter(events))
        return run(again, TradeRules.model_validate(groups), D("0.98"))

    return replay


def said(report: ReplayReport) -> list[tuple[str, str, str]]:
    return [(f"{d.price:.2f}", d.decision.filter, d.decision.reason) for d in report.decisions]


def test_no_false_touch_of_the_match_is_bought_and_each_has_its_reason(
    match: tuple[Recording, list[Event]], replayed: Replayed
) -> None:
    """Five prints stand at 0.95 or above; all those tokens fell below 0.80 within minutes."""
    high = [e for e in match[1] if isinstance(e, Traded) and e.price >= 950_000]
    assert [(e.price // 10_000, (e.size or 0) // 1_000_000) for e in high] == [
        (98, 100), (95, 806), (95, 25), (95, 1170), (96, 6),
    ]  # fmt: skip
    report = replayed()
    assert report.trades == () and report.profit_usd == 0
    assert said(report) == [
        ("0.95", "confirmation", "the book does not confirm the touch at 0.95: best bid 0.92"),
        ("0.95", "trade_size", "trade of 25 shares is below 50"),
        ("0.96", "trade_size", "trade of 6 shares is below 50"),
    ]  # the 0.98 opened its token's history (nobody saw it move), the 1170 came within the rest


def test_without_size_and_rest_the_book_alone_refuses_every_one_of_them(replayed: Replayed) -> None:
    report = replayed(strategy={"size_filter": False}, trigger={"retry_after": 1})
    assert report.trades == ()
    assert [row[:2] for row in said(report)] == [
        ("0.95", "confirmation"),
        ("0.95", "confirmation"),
        ("0.95", "above_cap"),
        ("0.96", "above_cap"),
    ]


def test_without_the_confirmation_the_sweep_would_have_been_bought(replayed: Replayed) -> None:
    """Why the rule exists: G5's ten cents alone let this one pass."""
    report = replayed(filters={"max_bid_gap": None})
    (trade,) = report.trades
    assert trade.touched == D("0.95") and trade.unrealised is not None and trade.unrealised < -3


def leg(side: str, price: str, size: str, bid: str, ask: str) -> dict[str, str]:
    return {"side": side, "price": price, "size": size, "best_bid": bid, "best_ask": ask}


def test_a_book_told_by_its_changes_agrees_with_the_best_prices_told() -> None:
    sides = Sides()
    assert sides.change(leg("BUY", "0.31", "198", "0.35", "0.39")) == (
        ((310_000, 198_000_000), (350_000, 5_000_000)),
        ((390_000, 5_000_000),),
    )
    assert sides.change(leg("BUY", "0.31", "0", "0.33", "0.38")) == (
        ((310_000, 0), (350_000, 0), (330_000, 5_000_000)),
        ((380_000, 5_000_000),),
    )
    assert sides.change(leg("SELL", "0.38", "0", "0", "1")) == (
        ((330_000, 0),),
        ((380_000, 0), (390_000, 0)),
    )
    assert sides.bids == sides.asks == {}
