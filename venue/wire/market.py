"""Frames of the public market channel, only the fields somebody reads.

Source: facts 4.3; docs.polymarket.com/market-data/websocket, read 2026-11-22.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

import msgspec

from venue.wire.tolerant import Malformed, convert, objects, text_json

_TAG = "event_type"


class Level(msgspec.Struct, gc=False):
    """One price level; texts as sent. Use `price_micro` and `domain.money.shares`."""

    price: str
    size: str


class Book(msgspec.Struct, tag_field=_TAG, tag="book", gc=False):
    """A whole book of one token: sent after subscribing and when a trade touches the book."""

    asset_id: str
    timestamp: str
    bids: list[Level]
    asks: list[Level]
    market: str = ""
    last_trade_price: str = ""  # of unknown age: a baseline, never a trigger (XD-1)


class Change(msgspec.Struct, gc=False):
    """New aggregate size at one level of one token; "0" removes the level."""

    asset_id: str
    price: str
    size: str
    side: str
    best_bid: str = ""  # "0" when the side is empty
    best_ask: str = ""  # "1" when the side is empty


class PriceChange(msgspec.Struct, tag_field=_TAG, tag="price_change", gc=False):
    """Level changes, usually of both tokens of one market (mirrored)."""

    timestamp: str
    price_changes: list[Change]
    market: str = ""


class LastTrade(msgspec.Struct, tag_field=_TAG, tag="last_trade_price", gc=False):
    """One print. `side` is the taker's; `size` may be absent (G3)."""

    asset_id: str
    price: str
    timestamp: str
    size: str = ""
    side: str = ""
    market: str = ""
    transaction_hash: str = ""


class BestBidAsk(msgspec.Struct, tag_field=_TAG, tag="best_bid_ask", gc=False):
    """New top of one book; "" when a side is empty."""

    asset_id: str
    best_bid: str
    best_ask: str
    timestamp: str
    market: str = ""


class TickSizeChange(msgspec.Struct, tag_field=_TAG, tag="tick_size_change", gc=False):
    """The price grid of one token changed; its book must be read anew."""

    asset_id: str
    new_tick_size: str
    timestamp: str = ""
    market: str = ""


class NewMarket(msgspec.Struct, tag_field=_TAG, tag="new_market", gc=False):
    """A market was created; broadcast to every subscriber, whatever he asked for."""

    market: str
    assets_ids: list[str]
    timestamp: str = ""


class MarketResolved(msgspec.Struct, tag_field=_TAG, tag="market_resolved", gc=False):
    """A market was resolved; sometimes never sent, so it is only a hint."""

    market: str
    assets_ids: list[str] = []
    winning_asset_id: str = ""
    timestamp: str = ""


Event: TypeAlias = (
    Book | PriceChange | LastTrade | BestBidAsk | TickSizeChange | NewMarket | MarketResolved
)
BROADCAST = frozenset({NewMarket, MarketResolved})  # go to everybody (facts 4.2)
KINDS: dict[str, Any] = {
    "book": Book,
    "price_change": PriceChange,
    "last_trade_price": LastTrade,
    "best_bid_ask": BestBidAsk,
    "tick_size_change": TickSizeChange,
    "new_market": NewMarket,
    "market_resolved": MarketResolved,
}


class MarketDecoder:
    """Decodes frames and counts what it cannot read; nothing on the wire makes it raise.

    `unknown` counts event kinds we do not know, `malformed` objects that are not what their
    kind promises, by kind ("" when even that is unreadable).
    """

    def __init__(self) -> None:
        self.unknown: Counter[str] = Counter()
        self.malformed: Counter[str] = Counter()
        self._decode = msgspec.json.Decoder(Event | list[Event]).decode

    def decode(self, frame: bytes | str) -> Sequence[Event]:
        """Return the events of one frame, oldest first; empty when nothing is readable."""
        try:
            event = self._decode(frame)
        except (msgspec.MsgspecError, UnicodeError):
            return self._forgiving(frame)
        return event if type(event) is list else (event,)

    def _forgiving(self, frame: bytes | str) -> list[Event]:
        try:
            found = objects(text_json(frame))
        except Malformed:
            self.malformed[""] += 1
            return []
        return list(self._readable(found))

    def _readable(self, found: list[dict[str, Any]]) -> Iterable[Event]:
        for item in found:
            name = item.get(_TAG)
            kind = KINDS.get(name) if isinstance(name, str) else None
            if kind is None:
                self.unknown[str(name)[:40] if len(self.unknown) < 100 else "other"] += 1
                continue
            try:
                yield convert(item, kind)
            except Malformed:
                self.malformed[str(name)] += 1
