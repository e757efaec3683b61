"""The venue's book hash: SHA-1 of the book's own JSON with an empty hash (facts 2.3)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any


def book_hash(book: Mapping[str, Any]) -> str:
    """Return the hash of a REST book as received; key order is part of the input.

    The socket's book frame carries the same hash although it lacks min_order_size and neg_risk:
    use `book_body` to hash one.
    """
    text = json.dumps({**book, "hash": ""}, separators=(",", ":"))
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()


def book_body(
    *,
    market: str,
    asset_id: str,
    timestamp: str,
    bids: Sequence[tuple[str, str]],
    asks: Sequence[tuple[str, str]],
    min_order_size: str,
    tick_size: str,
    neg_risk: bool,
    last_trade_price: str,
    version: str | None = None,
) -> dict[str, Any]:
    """Return the REST book with its hash. Bids ascending, asks descending: best of both last."""
    body: dict[str, Any] = {
        "market": market,
        "asset_id": asset_id,
        "timestamp": timestamp,
        "hash": "",
        "bids": [{"price": price, "size": size} for price, size in bids],
        "asks": [{"price": price, "size": size} for price, size in asks],
        "min_order_size": min_order_size,
        "tick_size": tick_size,
        "neg_risk": neg_risk,
        "last_trade_price": last_trade_price,
    }
    if version is not None:
        body["version"] = version
    body["hash"] = book_hash(body)
    return body
