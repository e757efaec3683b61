"""Folds decoded events into the tokens, in place: the hot path of ingest.

Nothing here waits, reads a store or allocates for a price that moves nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Protocol

from domain.touch import Seen, Touch
from ingest.tokens import ONE, UNKNOWN, Tokens, TokenState
from venue.wire.market import (
    BestBidAsk,
    Book,
    Change,
    Event,
    LastTrade,
    Level,
    MarketResolved,
    NewMarket,
    PriceChange,
    TickSizeChange,
)
from venue.wire.prices import KNOWN, NOT_A_PRICE, price_micro

AHEAD_NS = 300 * 1_000_000_000  # a clock of the venue further ahead than this is no clock


class Sink(Protocol):
    """What the fold reports. Called on the reader's task: must not block."""

    def touched(self, state: TokenState, price: int, size: str, ms: int, seen_ns: int) -> None:
        """A token touched the threshold at `price`; `size` is "" when unknown."""

    def unseen(self, state: TokenState, price: int, ms: int) -> None:
        """A token was below before a gap and is above after it."""

    def level(self, state: TokenState) -> None:
        """The best bid of a token with watched levels moved or was read anew."""

    def hint(self, kind: str, condition_id: str) -> None:
        """The venue speaks of a `new_market` or a `market_resolved`."""


class Fold:
    """Keeps book, top and touch of every token of `tokens`; `odd` counts what made no sense."""

    def __init__(self, tokens: Tokens, sink: Sink) -> None:
        """Report to `sink`."""
        self._tokens, self._sink = tokens, sink
        self._states = tokens.watched
        self._quotes = tokens.quotes
        self.odd: Counter[str] = Counter()
        self.above_at_first = 0  # tokens whose first price of all was above: nobody saw them cross
        self.near = ONE + 1  # prints at or above this price are kept in `kept`
        self.kept: list[tuple[TokenState, int, LastTrade]] = []
        self._by_kind: dict[type, Callable[..., None]] = {
            PriceChange: self._changes,
            LastTrade: self._print,
            Book: self._book,
            BestBidAsk: self._best,
            TickSizeChange: self._tick,
            NewMarket: lambda event, *_: sink.hint("new_market", event.market),
            MarketResolved: lambda event, *_: sink.hint("market_resolved", event.market),
        }

    def apply(self, events: Sequence[Event], seen_ns: int, epoch: int) -> None:
        """Fold the events of one frame, received at `seen_ns` in this epoch."""
        by_kind = self._by_kind
        for event in events:
            by_kind[type(event)](event, seen_ns, epoch)

    def _changes(self, event: PriceChange, seen_ns: int, epoch: int) -> None:
        known_state, known_price = self._states.get, KNOWN.get
        quotes, ms = self._quotes, self._ms(event.timestamp, seen_ns)
        for change in event.price_changes:
            state = known_state(change.asset_id)
            if state is None:
                continue
            price = known_price(change.price)
            bid, ask = known_price(change.best_bid), known_price(change.best_ask)
            if price is None or bid is None or ask is None or ms < 0:
                self._odd_change(state, change, ms, seen_ns, epoch)
                continue
            side = state.bids if change.side == "BUY" else state.asks
            if change.size == "0":
                side.pop(price, None)
            else:
                side[price] = change.size
            state.venue_ms = ms
            state.ask = ask
            if quotes or state.levels:
                self._top(state, bid, ms, seen_ns, epoch)
            else:
                state.bid = bid

    def _odd_change(
        self, state: TokenState, change: Change, ms: int, seen_ns: int, epoch: int
    ) -> None:
        """Fold in a change with a rare spelling, or without best prices; count nonsense."""
        price = price_micro(change.price)
        if price == NOT_A_PRICE or ms < 0:
            self.odd["price_change"] += 1
            return
        side = state.bids if change.side == "BUY" else state.asks
        side[price] = change.size
        if change.size == "0":
            del side[price]
        bid, ask = price_micro(change.best_bid), price_micro(change.best_ask)
        if NOT_A_PRICE in (bid, ask):
            bid, ask = max(state.bids, default=0), min(state.asks, default=ONE)
        state.venue_ms, state.ask = ms, ask
        self._top(state, bid, ms, seen_ns, epoch)

    def _best(self, event: BestBidAsk, seen_ns: int, epoch: int) -> None:
        state, ms = self._states.get(event.asset_id), self._ms(event.timestamp, seen_ns)
        if state is None:
            return
        bid = price_micro(event.best_bid) if event.best_bid else 0
        ask = price_micro(event.best_ask) if event.best_ask else ONE
        if NOT_A_PRICE in (bid, ask) or ms < 0:
            self.odd["best_bid_ask"] += 1
            return
        state.ask, state.venue_ms = ask, max(ms, state.venue_ms)
        self._top(state, bid, ms, seen_ns, epoch)

    def _top(self, state: TokenState, bid: int, ms: int, seen_ns: int, epoch: int) -> None:
        """Take a best bid: a touch where quotes trigger, and a price for the levels if it moved."""
        moved, state.bid = bid != state.bid, bid
        if self._quotes and bid and state.touch is not None:  # no bid is no price
            self._meaning(state, state.touch.observe(bid, ms, epoch), bid, "", ms, seen_ns)
        if moved and state.levels:
            self._sink.level(state)

    def _print(self, event: LastTrade, seen_ns: int, epoch: int) -> None:
        state, ms = self._states.get(event.asset_id), self._ms(event.timestamp, seen_ns)
        if state is None:
            return
        price = price_micro(event.price)
        if price == NOT_A_PRICE or ms < 0:
            self.odd["last_trade_price"] += 1
            return
        state.last_trade = price
        if price >= self.near:
            self.kept.append((state, ms, event))
        state.venue_ms = max(ms, state.venue_ms)
        touch = state.touch
        if not self._quotes and touch is not None:
            self._first(touch, price)
            self._meaning(state, touch.observe(price, ms, epoch), price, event.size, ms, seen_ns)

    def _meaning(
        self, state: TokenState, seen: Seen, price: int, size: str, ms: int, seen_ns: int
    ) -> None:
        if seen is Seen.QUIET:
            return
        if seen is Seen.TOUCH:
            self._sink.touched(state, price, size, ms, seen_ns)
        else:
            self._sink.unseen(state, price, ms)

    def _book(self, event: Book, seen_ns: int, epoch: int) -> None:
        state, ms = self._states.get(event.asset_id), self._ms(event.timestamp, seen_ns)
        if state is None:
            return
        if ms < 0:
            self.odd["book"] += 1
            return
        state.bids, state.asks = self._side(event.bids), self._side(event.asks)
        state.bid, state.ask = max(state.bids, default=0), min(state.asks, default=ONE)
        state.venue_ms, state.synced = ms, epoch
        touch = state.touch
        if touch is not None and touch.epoch != epoch:
            price = self._opening(event, state.bid, touch)
            if price != NOT_A_PRICE:
                self._first(touch, price)
                self._meaning(state, touch.baseline(price, ms, epoch), price, "", ms, seen_ns)
        if state.levels:
            self._sink.level(state)

    def _first(self, touch: Touch, price: int) -> None:
        """Count a token whose first price of all is above: nobody saw it cross."""
        self.above_at_first += touch.epoch < 0 and price >= touch.threshold and not touch.fired

    def _opening(self, event: Book, bid: int, touch: Touch) -> int:
        """Return the price at which a book opens an epoch, or NOT_A_PRICE.

        A market that never traded says "" (facts 4.2): below every threshold, so that its first
        print can touch. No bid is no price: a side that was pulled moves nothing.
        """
        if self._quotes:
            return bid or NOT_A_PRICE
        if event.last_trade_price == "" and touch.last <= 0:
            return 0
        return price_micro(event.last_trade_price)

    def _side(self, levels: list[Level]) -> dict[int, str]:
        """Return price -> size; levels without a price or without shares are left out."""
        side = {price_micro(level.price): level.size for level in levels if level.size != "0"}
        if side.pop(NOT_A_PRICE, None) is not None:
            self.odd["book"] += 1
        return side

    def _tick(self, event: TickSizeChange, *_: int) -> None:
        """Drop the book: its prices belong to the old grid (facts 4.6)."""
        state = self._states.get(event.asset_id)
        if state is not None:
            state.bids, state.asks, state.synced = {}, {}, UNKNOWN

    def _ms(self, timestamp: str, seen_ns: int) -> int:
        """Return the venue's milliseconds, or UNKNOWN: one from the future would mute a token."""
        try:
            ms = int(timestamp)
        except ValueError:
            return UNKNOWN
        return ms if ms * 1_000_000 < seen_ns + AHEAD_NS else UNKNOWN
