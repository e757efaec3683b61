"""ingest/fold.py"""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from domain.trigger import TouchSource
from ingest.fold import Fold
from ingest.tokens import Level, Tokens
from tests.ingest.samples import FakeSink, rules, tokens_of
from tests.venue.wire.frames import CONDITION, NO, YES, book_of, change_of, print_of
from venue.wire.market import MarketDecoder

SEEN_NS = 1_700_000_010_000 * 10**6  # our clock: some seconds after the frames


class Bench:
    """A fold with its sink; `see` decodes and folds frames of one epoch."""

    def __init__(self, source: TouchSource = TouchSource.TRADE) -> None:
        self.tokens: Tokens = tokens_of(rules(source))
        self.sink = FakeSink()
        self.fold = Fold(self.tokens, self.sink)
        self.decoder = MarketDecoder()

    def see(self, *frames: bytes, epoch: int = 1) -> None:
        """Fold frames."""
        for frame in frames:
            self.fold.apply(self.decoder.decode(frame), SEEN_NS, epoch)


def change(
    side: str, price: str, size: str, bid: str, ask: str, ms: str = "1700000000001"
) -> bytes:
    """Return a price_change of the Yes token alone."""
    leg = {"asset_id": YES, "price": price, "size": size, "side": side}
    return json.dumps(
        {
            "event_type": "price_change",
            "timestamp": ms,
            "price_changes": [leg | {"best_bid": bid, "best_ask": ask}],
        }
    ).encode()


def test_best_prices_are_max_bid_and_min_ask_in_any_order() -> None:
    """XD-6"""
    bench = Bench()
    bench.see(book_of([("0.1", "5"), ("0.7", "5"), ("0.3", "1")], [("0.99", "1"), ("0.8", "2")]))
    state = bench.tokens.by_id[YES]
    assert (state.bid, state.ask, state.synced) == (700_000, 800_000, 1)


def test_levels_are_added_changed_and_removed() -> None:
    bench = Bench()
    bench.see(book_of([("0.7", "5")], [("0.8", "2")]))
    bench.see(change("BUY", "0.71", "9", "0.71", "0.8"), change("BUY", "0.7", "0", "0.71", "0.8"))
    state = bench.tokens.by_id[YES]
    assert state.bids == {710_000: "9"} and state.bid == 710_000


def test_without_best_prices_they_come_from_the_folded_book() -> None:
    bench = Bench()
    bench.see(book_of([("0.7", "5")], []), change("BUY", "0.72", "9", "", ""))
    state = bench.tokens.by_id[YES]
    assert (state.bid, state.ask) == (720_000, 1_000_000)


def test_a_print_at_the_threshold_touches_once() -> None:
    bench = Bench()
    bench.see(print_of("0.94"), print_of("0.95", "60"), print_of("0.96"), print_of("0.97"))
    assert bench.sink.touches == [(YES, 950_000, "60")]


def test_book_snapshots_and_their_old_last_trade_never_trigger() -> None:
    """XD-1: a snapshot is a baseline, whatever it says."""
    bench = Bench()
    bench.see(book_of([("0.96", "5")], [("0.99", "1")], last_trade_price="0.97"))
    bench.see(book_of([("0.98", "5")], [("0.99", "1")], last_trade_price="0.98"))
    assert bench.sink.touches == []


def test_the_last_trade_of_the_opening_book_is_the_baseline_of_the_first_print() -> None:
    bench = Bench()
    bench.see(book_of([], [], last_trade_price="0.90"), print_of("0.95", ms="1700000000500"))
    assert bench.sink.touches == [(YES, 950_000, "60")]


def test_a_token_that_is_above_when_it_is_first_seen_is_counted_once() -> None:
    bench = Bench()
    bench.see(book_of([("0.96", "1")], [], last_trade_price="0.97"))
    bench.see(book_of([("0.96", "1")], [], last_trade_price="0.97"), epoch=2)
    assert bench.fold.above_at_first == 1
    assert not bench.sink.touches and not bench.sink.lost
    below = Bench()
    below.see(book_of([("0.90", "1")], [], last_trade_price="0.94"))
    assert below.fold.above_at_first == 0


def test_a_token_whose_first_print_of_all_is_above_is_counted_once() -> None:
    bench = Bench()
    bench.see(print_of("0.97"), print_of("0.98", ms="1700000000500"))
    assert bench.fold.above_at_first == 1 and not bench.sink.touches


def test_the_first_print_of_a_market_that_never_traded_can_touch() -> None:
    """Its book says "" for the last trade (facts 4.2): no price is below every threshold."""
    bench = Bench()
    bench.see(book_of([("0.9", "5")], [("0.97", "5")], last_trade_price=""))
    bench.see(book_of([("0.9", "5")], [("0.97", "5")], last_trade_price=""), epoch=2)
    bench.see(print_of("0.96", ms="1700000000500"), epoch=2)
    assert bench.sink.touches == [(YES, 960_000, "60")] and bench.fold.above_at_first == 0


def test_a_market_that_traded_keeps_its_price_when_a_book_does_not_tell_it() -> None:
    bench = Bench()
    bench.see(print_of("0.97"))
    bench.see(book_of([], [], last_trade_price=""), epoch=2)
    bench.see(print_of("0.98", ms="1700000000500"), epoch=2)
    assert not bench.sink.touches


def test_bids_that_were_pulled_and_came_back_are_no_touch_where_quotes_trigger() -> None:
    bench = Bench(TouchSource.QUOTE)
    bench.see(book_of([("0.97", "5")], []), change("BUY", "0.97", "0", "0", "1"))
    bench.see(change("BUY", "0.97", "5", "0.97", "1"))
    assert not bench.sink.touches
    bench.see(book_of([], []), epoch=2)
    bench.see(change("BUY", "0.97", "5", "0.97", "1"), epoch=2)
    assert not bench.sink.touches and not bench.sink.lost


def test_a_book_from_the_future_does_not_mute_its_token() -> None:
    """In microseconds instead of milliseconds, say: all prints would come from before it."""
    bench = Bench()
    bench.see(book_of([], [], last_trade_price="0.90", timestamp="1700000000000000"))
    assert bench.fold.odd == {"book": 1}
    bench.see(print_of("0.94"), print_of("0.96", ms="1700000000500"))
    assert bench.sink.touches == [(YES, 960_000, "60")]


def test_above_after_a_reconnect_and_below_before_it_is_unseen_and_no_touch() -> None:
    """W3"""
    bench = Bench()
    bench.see(print_of("0.90"))
    bench.see(book_of([], [], last_trade_price="0.97", timestamp="1700000009000"), epoch=2)
    assert bench.sink.touches == [] and bench.sink.lost == [(YES, 970_000)]


def test_prints_do_not_trigger_where_quotes_do_and_the_reverse() -> None:
    quotes, prints = Bench(TouchSource.QUOTE), Bench(TouchSource.TRADE)
    for bench in (quotes, prints):
        bench.see(book_of([("0.90", "5")], [("0.92", "1")], last_trade_price="0.90"))
    quotes.see(print_of("0.96", ms="1700000000500"))
    prints.see(change("BUY", "0.96", "5", "0.96", "0.97"))
    assert quotes.sink.touches == [] and prints.sink.touches == []


def test_a_best_bid_that_rises_to_the_threshold_touches_where_quotes_trigger() -> None:
    bench = Bench(TouchSource.QUOTE)
    bench.see(book_of([("0.90", "5")], [("0.92", "1")]))
    bench.see(
        change("BUY", "0.95", "5", "0.95", "0.97"), change("BUY", "0.96", "5", "0.96", "0.97")
    )
    assert bench.sink.touches == [(YES, 950_000, "")]


def test_best_bid_ask_moves_the_top_and_may_touch() -> None:
    bench = Bench(TouchSource.QUOTE)
    top = {"event_type": "best_bid_ask", "asset_id": YES, "timestamp": "1700000000000"}
    bench.see(json.dumps(top | {"best_bid": "0.4", "best_ask": "0.5"}).encode())
    bench.see(json.dumps(top | {"best_bid": "", "best_ask": "0.5"}).encode())
    bench.see(json.dumps(top | {"best_bid": "0.95", "best_ask": ""}).encode())
    state = bench.tokens.by_id[YES]
    assert (state.bid, state.ask) == (950_000, 1_000_000)
    assert bench.sink.touches == [(YES, 950_000, "")]


def test_an_outcome_that_is_not_bought_never_touches() -> None:
    """XD-5, Q5: otherwise No would take the id of the market."""
    bench = Bench()
    bench.see(print_of("0.90", asset_id=NO), print_of("0.99", asset_id=NO))
    assert bench.sink.touches == [] and NO not in bench.tokens.wanted()


def test_levels_are_compared_when_the_bid_moves_or_a_book_comes() -> None:
    bench = Bench()
    bench.tokens.by_id[YES].levels = (Level("w", 990_000, True),)
    bench.see(book_of([("0.9", "5")], []), change("BUY", "0.91", "1", "0.91", "1"))
    bench.see(change("BUY", "0.5", "1", "0.91", "1"))
    assert bench.sink.levels == [(YES, 900_000), (YES, 910_000)]


def test_a_new_tick_size_drops_the_book() -> None:
    """W4"""
    bench = Bench()
    bench.see(book_of([("0.9", "5")], []))
    tick = {"event_type": "tick_size_change", "asset_id": YES, "new_tick_size": "0.001"}
    bench.see(json.dumps(tick).encode())
    state = bench.tokens.by_id[YES]
    assert state.bids == {} and state.synced != 1


def test_what_is_said_of_markets_is_a_hint() -> None:
    bench = Bench()
    for kind in ("new_market", "market_resolved"):
        bench.see(
            json.dumps({"event_type": kind, "market": CONDITION, "assets_ids": [YES]}).encode()
        )
    assert bench.sink.hints == [("new_market", CONDITION), ("market_resolved", CONDITION)]


def test_nonsense_prices_and_times_are_counted_and_change_nothing() -> None:
    """N1, COR-M3"""
    bench = Bench()
    bench.see(print_of("NaN"), print_of("0.9", ms="soon"), change("BUY", "2", "1", "0.9", "1"))
    bench.see(change("BUY", "0.5", "1", "0.9", "1", ms=""), book_of([("x", "1")], []))
    bench.see(book_of([], [], timestamp="never"))
    top = {"event_type": "best_bid_ask", "asset_id": YES, "best_bid": "-1", "best_ask": "1"}
    bench.see(json.dumps(top | {"timestamp": "1"}).encode())
    assert bench.fold.odd == {
        "last_trade_price": 2,
        "price_change": 2,
        "book": 2,
        "best_bid_ask": 1,
    }
    assert bench.sink.touches == []


def test_frames_of_tokens_we_do_not_know_are_passed_over() -> None:
    bench = Bench()
    bench.see(print_of(asset_id="1"), book_of([], [], token="1"), change_of().replace(b"7", b"1"))
    tick = {"event_type": "tick_size_change", "asset_id": "1", "new_tick_size": "0.001"}
    bench.see(json.dumps(tick).encode())
    top = {"event_type": "best_bid_ask", "asset_id": "1", "best_bid": "0.1", "best_ask": "1"}
    bench.see(json.dumps(top | {"timestamp": "1"}).encode())
    assert bench.tokens.by_id[YES].bid == -1 and not bench.fold.odd


_TEXT = st.sampled_from(["0", "1", "0.5", "0.95", "", "NaN", "-1", "1e9", "x", "0.0000001"])
_FRAME: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {
        "event_type": st.sampled_from(["price_change", "last_trade_price", "book", "best_bid_ask"]),
        "asset_id": st.sampled_from([YES, NO, "1"]),
        "price": _TEXT,
        "size": _TEXT,
        "best_bid": _TEXT,
        "best_ask": _TEXT,
        "timestamp": st.sampled_from(["1700000000000", "0", "", "x", "-5", "9" * 30]),
        "bids": st.lists(st.fixed_dictionaries({"price": _TEXT, "size": _TEXT}), max_size=3),
        "asks": st.lists(st.fixed_dictionaries({"price": _TEXT, "size": _TEXT}), max_size=3),
        "price_changes": st.lists(
            st.fixed_dictionaries(
                {
                    "asset_id": st.sampled_from([YES, NO]),
                    "price": _TEXT,
                    "size": _TEXT,
                    "side": st.sampled_from(["BUY", "SELL", ""]),
                    "best_bid": _TEXT,
                    "best_ask": _TEXT,
                }
            ),
            max_size=3,
        ),
    }
)


@given(st.lists(st.tuples(_FRAME, st.integers(1, 3)), max_size=8), st.sampled_from(TouchSource))
def test_no_frame_makes_the_fold_raise(
    frames: list[tuple[dict[str, Any], int]], source: TouchSource
) -> None:
    """N1"""
    bench = Bench(source)
    for frame, epoch in frames:
        bench.see(json.dumps(frame).encode(), epoch=epoch)
    assert len(bench.sink.touches) <= 1
