"""Measure nautilus_trader's Polymarket adapter: run by bench/ingest.py under another interpreter.

Its own decoder and parsers, its order book, one quote for each change, as its data client does
without the rest of its engine. Prints one line of JSON: frames per second of CPU by step.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
from nautilus_trader.adapters.polymarket.common.symbol import get_polymarket_instrument_id
from nautilus_trader.adapters.polymarket.schemas.book import (
    PolymarketBookSnapshot,
    PolymarketQuotes,
    PolymarketTickSizeChange,
    PolymarketTrade,
)
from nautilus_trader.model.book import OrderBook
from nautilus_trader.model.currencies import USDC_POS
from nautilus_trader.model.data import QuoteTick
from nautilus_trader.model.enums import AssetClass, BookType
from nautilus_trader.model.identifiers import Symbol
from nautilus_trader.model.instruments import BinaryOption
from nautilus_trader.model.objects import Price, Quantity

DECODE = msgspec.json.Decoder(
    list[PolymarketBookSnapshot]
    | PolymarketBookSnapshot
    | PolymarketQuotes
    | PolymarketTrade
    | PolymarketTickSizeChange
).decode


class Adapter:
    """Books and last quotes of every instrument."""

    def __init__(self) -> None:
        self.instruments: dict[str, Any] = {}
        self.books: dict[str, Any] = {}
        self.quotes: dict[str, Any] = {}

    def instrument(self, market: str, token: str) -> Any:
        """Return the instrument of a token, made at its first use."""
        found = self.instruments.get(token)
        if found is None:
            found = self.instruments[token] = BinaryOption(
                instrument_id=get_polymarket_instrument_id(market, token),
                raw_symbol=Symbol(token),
                asset_class=AssetClass.ALTERNATIVE,
                currency=USDC_POS,
                price_increment=Price.from_str("0.001"),
                price_precision=3,
                size_increment=Quantity.from_str("0.000001"),
                size_precision=6,
                activation_ns=0,
                expiration_ns=0,
                ts_event=0,
                ts_init=0,
            )
            self.books[token] = OrderBook(found.id, book_type=BookType.L2_MBP)
        return found

    def take(self, frame: bytes) -> None:
        """Decode and apply one frame."""
        event = DECODE(frame)
        if isinstance(event, PolymarketQuotes):
            for change in event.price_changes:
                one = PolymarketQuotes(event.market, [change], event.timestamp)
                instrument = self.instrument(event.market, change.asset_id)
                self.books[change.asset_id].apply(one.parse_to_deltas(instrument, 0))
                self.quote(change.asset_id, instrument)
        elif isinstance(event, PolymarketBookSnapshot):
            instrument = self.instrument(event.market, event.asset_id)
            deltas = event.parse_to_snapshot(instrument, 0)
            if deltas is not None:
                book = self.books[event.asset_id] = OrderBook(instrument.id, BookType.L2_MBP)
                book.apply_deltas(deltas)
                self.quote(event.asset_id, instrument)
        elif isinstance(event, PolymarketTrade):
            event.parse_to_trade_tick(self.instrument(event.market, event.asset_id), 0)

    def quote(self, token: str, instrument: Any) -> None:
        """Make the quote of a book that has both sides."""
        book = self.books[token]
        bid, ask = book.best_bid_price(), book.best_ask_price()
        if bid is not None and ask is not None:
            self.quotes[token] = QuoteTick(
                instrument_id=instrument.id,
                bid_price=bid,
                ask_price=ask,
                bid_size=book.best_bid_size(),
                ask_size=book.best_ask_size(),
                ts_event=0,
                ts_init=0,
            )


def rate(step: Callable[[bytes], object], frames: list[bytes]) -> float:
    """Return frames per second of CPU."""
    began = time.process_time()
    for frame in frames:
        step(frame)
    return len(frames) / (time.process_time() - began)


def main() -> None:
    """Measure the frames of a file."""
    frames = Path(sys.argv[1]).read_bytes().split(b"\n")
    rounds = int(sys.argv[2])
    adapter = Adapter()
    decode = max(rate(DECODE, frames) for _ in range(rounds))
    whole = max(rate(adapter.take, frames) for _ in range(min(rounds, 2)))
    print(
        json.dumps(
            {
                "nautilus_trader: decode": decode,
                "nautilus_trader: decode, deltas, book, quote": whole,
            }
        )
    )


if __name__ == "__main__":
    main()
