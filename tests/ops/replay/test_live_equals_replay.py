"""Live and replay decide alike: ingest's own fold and pipeline against the replay, same tape.

The tape is told twice: to the replay as events, and to ingest as the frames that the venue would
have sent, changes mirrored to both tokens.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal as D
from pathlib import Path
from typing import Any

import pytest

from domain.book import Book
from domain.context import ScreenContext
from domain.decision import Verdict
from domain.market import Market, Mode
from domain.money import Usd, from_micros, plain
from domain.rules import TradeRules
from domain.score import ScoreRequest
from domain.screen import screen
from domain.strategies.high_prob_yes import HighProbYes
from domain.trigger import Trigger
from ingest.fold import Fold
from ingest.levels import Levels as WatchLevels
from ingest.memory import Memory
from ingest.pipeline import Pipeline
from ingest.signals import Signals
from ingest.tokens import Tokens
from ops.replay.account import Purse
from ops.replay.books import ONE, MarketBook
from ops.replay.engine import Replay
from ops.replay.events import Event, Levels, Resolved, Ticked, Traded, moment, open_tape
from ops.replay.scores import Scores, assumed, scores_of
from settings.load import load_settings
from tests.ingest.samples import FakeJournal, FakeTrades
from tests.ops.replay.recordings import book, market, resolved, traded
from venue.wire.market import Change, LastTrade, PriceChange

Answer = tuple[datetime, str, str, str, str, dict[str, str]]


class Live:
    """What ingest, screening and the end of a run do, with a clock in the hand."""

    def __init__(self, markets: tuple[Market, ...], rules: TradeRules, scores: Scores) -> None:
        self.rules, self.scores = rules, scores
        self.tokens = Tokens(rules.trigger, rules.strategy)
        self.books = {m.condition_id: MarketBook(m, 1, ()) for m in markets}
        for each in markets:
            self.tokens.put(each, taken=False)
        self.memory, self.time = Memory(), moment(0)
        watched = WatchLevels(self.tokens, Signals(FakeTrades()))
        self.pipeline = Pipeline(
            Mode.PAPER,
            rules,
            self.tokens,
            self.memory,
            self,
            FakeJournal(),
            watched,
            lambda kind, condition: None,
            lambda: self.time,
        )
        self.fold = Fold(self.tokens, self.pipeline)
        self.answers: list[Answer] = []

    def offer(self, trigger: Trigger) -> None:
        """Screen as the trade does; rest the id when it did not enter."""
        seen = self.books[trigger.condition_id]
        at_hand = seen.book(trigger.outcome_index, self.time)
        request = ScoreRequest(
            token_id=trigger.token_id, market=seen.market, book=at_hand, now=self.time
        )
        decision = screen(
            ScreenContext(
                trigger=trigger,
                market=seen.market,
                now=self.time,
                book=at_hand,
                score=self.scores(request),
            ),
            self.rules,
            HighProbYes(),
        )
        values = (decision.verdict.value, decision.filter, decision.reason, decision.values)
        self.answers.append((trigger.venue_time, trigger.token_id, *values))
        if decision.verdict is not Verdict.ENTER:
            self.memory.rest(trigger.workflow_id, self.time + self.rules.trigger.retry_after)

    def tell(self, event: Event) -> None:
        """Send the frame of one event."""
        self.time = max(self.time, moment(event.at_ms))
        self.pipeline.rearm(self.memory.over(self.time))
        seen, stamp = self.books[event.condition_id], str(event.at_ms)
        match event:
            case Levels(bids=bids, asks=asks, whole=whole):
                seen.change(bids, asks, whole)
                legs = [change for i in (0, 1) for change in _legs(seen, i, event)]
                frame: Any = PriceChange(stamp, legs, event.condition_id)
            case Traded(token_id=token, price=price, size=size):
                shown = "" if size is None else plain(from_micros(size))
                frame = LastTrade(
                    asset_id=token, price=_text(price), size=shown, side="BUY", timestamp=stamp
                )
            case Ticked(tick=tick):
                seen.tick = type(seen.tick)(from_micros(tick))
                return
            case _:
                return
        self.fold.apply([frame], event.at_ms * 1_000_000, 0)


def _legs(seen: MarketBook, index: int, event: Levels) -> list[Change]:
    """Return the changes as one token sees them, with its best prices."""
    token = seen.market.tokens[index].token_id
    bid, ask = seen.best_bid(index), ONE - seen.best_bid(1 - index)
    sides = ((event.bids, "BUY"), (event.asks, "SELL"))
    told = [(price, size, side) for levels, side in sides for price, size in levels]
    if index == 1:
        other = {"BUY": "SELL", "SELL": "BUY"}
        told = [(ONE - price, size, other[side]) for price, size, side in told]
    return [
        Change(
            asset_id=token,
            price=_text(price),
            size=plain(from_micros(size)),
            side=side,
            best_bid=_text(bid),
            best_ask=_text(ask),
        )
        for price, size, side in told
    ]


def _text(price: int) -> str:
    return plain(from_micros(price))


def both(
    markets: tuple[Market, ...], events: list[Event], rules: TradeRules, scores: Scores
) -> tuple[list[Answer], list[Answer]]:
    """Return the decisions of live and of the replay."""
    live = Live(markets, rules, scores)
    plenty = Purse(Usd(D(1_000_000)))
    replay = Replay(markets, rules, HighProbYes(), scores, plenty, timedelta(0))
    for event in events:
        live.tell(event)
        replay.feed(event)
    replayed = [
        (d.at, d.token_id, d.decision.verdict.value, d.decision.filter, d.decision.reason,
         d.decision.values)
        for d in replay.decisions
    ]  # fmt: skip
    return live.answers, replayed


def test_on_the_recording_live_and_replay_decide_alike() -> None:
    settings = load_settings([], {}, Path("/"))
    tape = open_tape(Path("data/tapes/btc15m.jsonl.zst"))
    events: list[Event] = [e for e in tape.events if not isinstance(e, Resolved)]
    live, replayed = both(tape.markets, events, settings.rules, scores_of(settings.score))
    assert len(replayed) == 18 and live == replayed


@pytest.mark.parametrize("size", [60, 49, None])
@pytest.mark.parametrize("ask", [95, 96, 70])
def test_on_prints_live_and_replay_decide_alike(size: int | None, ask: int) -> None:
    rules = TradeRules.model_validate({"risk": {"max_per_market": 25}})
    events: list[Event] = [
        book(0, 94, 95),
        traded(1, 94),
        book(2, ask - 1, ask),
        traded(3, 95, size=size),
        traded(4, 96, size=size),
        traded(310, 95),
        traded(311, 94),
        book(312, 94, 95),
        traded(620, 96, size=size),
        resolved(700, 1, 0),
    ]
    live, replayed = both((market(),), events, rules, assumed(D("0.98")))
    assert replayed and live == replayed


def test_the_books_of_both_are_one_type() -> None:
    assert isinstance(MarketBook(market(), 1, ()).book(0, moment(0)), Book)
