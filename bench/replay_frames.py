"""Replays recorded frames of the public market channel that are no tape of ours.

    python -m bench.replay_frames FRAMES.jsonl.zst [--score 0.98] [--delay 100]

One line is `{"seq", "exchange_ts_ms", "frame"}` with the frame as the venue sent it; a file
`tokens.json` beside it pairs the tokens of each market. Such a recording starts without whole
books and knows neither the end of a market nor its tick: both are assumed and said so here.
"""

from __future__ import annotations

import argparse
import io
import json
from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any

import zstandard

from domain.market import Market, Token
from domain.money import micros
from domain.rules import TradeRules
from domain.strategies.high_prob_yes import HighProbYes
from ops.cli.replay import summary
from ops.replay.account import Purse
from ops.replay.engine import Replay
from ops.replay.events import Event, Levels, Recording, Traded, moment
from ops.replay.report import ReplayReport, build
from ops.replay.scores import assumed

UNKNOWN_DEPTH = 5_000_000  # shares at a best price whose size was never told: the least tradable
ASSUMED_LIFE = timedelta(hours=12)
ONE = 1_000_000
Change = tuple[int, int]


def recording(path: Path) -> Recording:
    """Return the frames of a recording as events of a replay."""
    pairs = json.loads((path.parent / "tokens.json").read_text())["pairs_inferred"]
    begins = moment(next(_lines(path))["exchange_ts_ms"])
    markets = tuple(
        Market(
            condition_id=f"0x{number:064x}",
            question=f"Market {number} of the recording",
            tags=("Sports",),
            end_time=begins + ASSUMED_LIFE,
            tokens=(
                Token(token_id=first, outcome="first", index=0),
                Token(token_id=second, outcome="second", index=1),
            ),
        )
        for number, (first, second) in enumerate(pairs)
    )
    return Recording(path.name, "", markets, _events(path, markets))


class Sides:
    """What is known of a book that is only told by its changes and its best prices."""

    def __init__(self) -> None:
        self.bids: dict[int, int] = {}
        self.asks: dict[int, int] = {}

    def change(self, leg: dict[str, str]) -> tuple[tuple[Change, ...], tuple[Change, ...]]:
        """Return the levels that this leg changes, so that the best ones are as it says."""
        told = (_micro(leg["price"]), _micro(leg["size"]))
        buys = leg["side"] == "BUY"
        best_bid, best_ask = _micro(leg["best_bid"]), _micro(leg["best_ask"])
        bids = _agree(self.bids, told if buys else None, best_bid, best_bid > 0, max)
        asks = _agree(self.asks, None if buys else told, best_ask, best_ask < ONE, min)
        return bids, asks


def _agree(
    side: dict[int, int],
    told: Change | None,
    best: int,
    exists: bool,
    pick: Callable[[dict[int, int]], int],
) -> tuple[Change, ...]:
    """Take one told level in, and make `best` the best level of this side."""
    changes = [] if told is None else [told]
    if told is not None:
        side[told[0]] = told[1]
        if not told[1]:
            del side[told[0]]
    while side and (top := pick(side)) != best and pick({top: 0, best: 0}) == top:
        del side[top]
        changes.append((top, 0))
    if exists and best not in side:
        side[best] = UNKNOWN_DEPTH
        changes.append((best, UNKNOWN_DEPTH))
    return tuple(changes)


def _events(path: Path, markets: tuple[Market, ...]) -> Iterator[Event]:
    of_token = {token.token_id: (m, token.index) for m in markets for token in m.tokens}
    books: dict[str, Sides] = defaultdict(Sides)
    for line in _lines(path):
        frame, at = line["frame"], int(line["exchange_ts_ms"])
        if frame["event_type"] == "last_trade_price":
            market, _ = of_token[frame["asset_id"]]
            size, price = _micro(frame["size"]), _micro(frame["price"])
            yield Traded(at, market.condition_id, frame["asset_id"], price, size)
            continue
        for leg in frame["price_changes"]:
            market, index = of_token[leg["asset_id"]]
            if index == 0:  # the other leg is its mirror image
                bids, asks = books[market.condition_id].change(leg)
                yield Levels(at, market.condition_id, bids, asks)


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    with path.open("rb") as file:
        stream = zstandard.ZstdDecompressor().stream_reader(file)
        for line in io.TextIOWrapper(stream, encoding="utf-8"):
            yield json.loads(line)


@lru_cache(maxsize=100_000)
def _micro(text: str) -> int:
    return micros(Decimal(text))


def run(played: Recording, rules: TradeRules, score: Decimal, delay_ms: int = 100) -> ReplayReport:
    """Return the report of the recording, with the model's score assumed."""
    strategy = HighProbYes()
    purse, delay = Purse(rules.risk.max_total), timedelta(milliseconds=delay_ms)
    replay = Replay(played.markets, rules, strategy, assumed(score), purse, delay)
    for event in played.events:
        replay.feed(event)
    replay.finish()
    return build(played, replay, strategy.name, strategy.version, delay_ms, purse.balance)


def main() -> None:
    """Print every decision and the summary."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("frames", type=Path)
    parser.add_argument("--score", type=Decimal, default=Decimal("0.98"))
    parser.add_argument("--delay", type=int, default=100)
    given = parser.parse_args()
    rules = TradeRules.model_validate({"strategy": {"outcome_indexes": (0, 1)}})
    report = run(recording(given.frames), rules, given.score, given.delay)
    for made in report.decisions:
        decision = made.decision
        print(f"{made.at:%H:%M:%S.%f}  {made.outcome} at {made.price.normalize():f}")
        print(f"    {decision.verdict}, {decision.filter}: {decision.reason}")
    print("\n".join(summary(report)))


if __name__ == "__main__":
    main()
