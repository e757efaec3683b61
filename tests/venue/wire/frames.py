"""Frames of invented markets, in the venue's shapes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

SAMPLES = Path(__file__).parents[4] / "shared" / "facts" / "samples"
YES, NO = "7" * 77, "8" * 77
CONDITION = "0x" + "c" * 64


def print_of(
    price: Any = "0.95", size: Any = "60", ms: Any = "1700000000000", **more: Any
) -> bytes:
    """Return a last_trade_price frame."""
    return json.dumps(
        {
            "event_type": "last_trade_price",
            "asset_id": YES,
            "market": CONDITION,
            "price": price,
            "size": size,
            "side": "BUY",
            "timestamp": ms,
            "transaction_hash": "0xabc",
        }
        | more
    ).encode()


def change_of(bid: str = "0.90", ask: str = "0.92", ms: str = "1700000000000") -> bytes:
    """Return a price_change frame with both mirrored legs."""
    leg = {"asset_id": YES, "price": bid, "size": "10", "side": "BUY", "hash": "h"}
    return json.dumps(
        {
            "event_type": "price_change",
            "market": CONDITION,
            "timestamp": ms,
            "price_changes": [
                leg | {"best_bid": bid, "best_ask": ask},
                leg | {"asset_id": NO, "side": "SELL", "best_bid": "0", "best_ask": "1"},
            ],
        }
    ).encode()


def book_of(
    bids: list[tuple[str, str]], asks: list[tuple[str, str]], token: str = YES, **more: Any
) -> bytes:
    """Return the array that opens a subscription, with its closing newline."""
    return (
        json.dumps(
            [
                {
                    "event_type": "book",
                    "asset_id": token,
                    "market": CONDITION,
                    "timestamp": "1700000000000",
                    "hash": "h",
                    "bids": [{"price": p, "size": s} for p, s in bids],
                    "asks": [{"price": p, "size": s} for p, s in asks],
                }
                | more
            ]
        )
        + "\n"
    ).encode()
