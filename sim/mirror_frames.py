"""Upstream frames as events of our books; what cannot be read is skipped, never fatal."""

from __future__ import annotations

import json
from typing import Any

from sim import tape
from sim.engine import Engine
from sim.market import SimMarket
from sim.playback import book_event, changes_event, print_event, tick_event
from sim.units import micro


def apply(engine: Engine, text: str | bytes) -> int:
    """Apply one upstream frame (object or array); return how many events were understood."""
    try:
        found = json.loads(text)
    except ValueError:
        return 0
    frames = found if isinstance(found, list) else [found]
    return sum(_apply_one(engine, frame) for frame in frames if isinstance(frame, dict))


def _apply_one(engine: Engine, frame: dict[str, Any]) -> int:
    handler = _HANDLERS.get(str(frame.get("event_type")))
    if handler is None:
        return 0
    try:
        handler(engine, frame)
    except (KeyError, TypeError, ValueError):
        return 0
    return 1


def _market(engine: Engine, token: str) -> tuple[SimMarket, int]:
    market = engine.exchange.by_token[token]
    if market.closed:
        raise KeyError(token)
    return market, market.outcome_of(token)


def _book(engine: Engine, frame: dict[str, Any]) -> None:
    market, outcome = _market(engine, frame["asset_id"])
    if outcome == 0:  # the second outcome's book is the mirror image of the first's
        book_event(engine, market, _side(frame["bids"]), _side(frame["asks"]), engine.now())


def _side(levels: list[dict[str, str]]) -> list[tape.Level]:
    return [(micro(level["price"]), micro(level["size"])) for level in levels]


def _price_change(engine: Engine, frame: dict[str, Any]) -> None:
    changes: dict[str, list[tape.Change]] = {}
    for entry in frame["price_changes"]:
        market, outcome = _market(engine, entry["asset_id"])
        if outcome == 0:
            side = "B" if entry["side"] == "BUY" else "A"
            change = (side, micro(entry["price"]), micro(entry["size"]))
            changes.setdefault(market.condition_id, []).append(change)
    for condition, found in changes.items():
        changes_event(engine, engine.exchange.markets[condition], found, engine.now())


def _last_trade(engine: Engine, frame: dict[str, Any]) -> None:
    market, outcome = _market(engine, frame["asset_id"])
    size = micro(frame.get("size") or "0")
    event = tape.Print(0, 0, micro(frame["price"]), size, str(frame["side"]), outcome)
    print_event(engine, market, event, engine.now())


def _tick(engine: Engine, frame: dict[str, Any]) -> None:
    market, _ = _market(engine, frame["asset_id"])
    tick_event(engine, market, micro(frame["new_tick_size"]), engine.now())


_HANDLERS = {
    "book": _book,
    "price_change": _price_change,
    "last_trade_price": _last_trade,
    "tick_size_change": _tick,
}
