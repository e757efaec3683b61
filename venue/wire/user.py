"""Frames of the private user channel, reduced to what wakes a trade.

Fills are never booked from here: a frame only says which order to ask about (facts 4.4).
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import msgspec

from domain.orders import FillStatus
from venue.wire.tolerant import Malformed, convert, objects, text_json


class _Maker(msgspec.Struct):
    order_id: str
    owner: str = ""


class _Trade(msgspec.Struct):
    id: str
    status: str
    taker_order_id: str = ""
    owner: str = ""
    trade_owner: str = ""
    trader_side: str = ""
    maker_orders: list[_Maker] = []


class _Order(msgspec.Struct):
    id: str
    status: str = ""
    type: str = ""
    size_matched: str = ""


class UserEvent(msgspec.Struct, frozen=True):
    """News about our orders. `kind` is `order` or `trade`; `trade_id` empty for orders.

    `status` of a trade is a FillStatus value, or the venue's word in lower case if unknown;
    of an order what happened to it: placement, update, cancellation, or its status.
    """

    kind: str
    order_ids: tuple[str, ...]
    trade_id: str = ""
    status: str = ""
    final: bool = False  # no later news of this trade id can come


def trade_status(word: str) -> str:
    """Return the trade status in our spelling: `TRADE_STATUS_MINED` and `MINED` are one."""
    return word.strip().removeprefix("TRADE_STATUS_").lower()


def _our_orders(trade: _Trade, api_key: str) -> tuple[str, ...]:
    """Return which orders of the match are ours; all of them when no owner is told.

    As a maker we appear in `maker_orders`, several times perhaps; the taker is a stranger.
    """
    makers = [m.order_id for m in trade.maker_orders if m.owner in ("", api_key)]
    owner = trade.trade_owner or trade.owner
    taker = trade.taker_order_id
    ours = (
        [taker] if taker and trade.trader_side.upper() != "MAKER" and owner in ("", api_key) else []
    )
    return tuple(dict.fromkeys(order for order in ours + makers if order))


class UserDecoder:
    """Decodes user frames; counts the unreadable by kind and never raises."""

    def __init__(self, api_key: str) -> None:
        self._api_key = api_key
        self.unknown: Counter[str] = Counter()
        self.malformed: Counter[str] = Counter()

    def decode(self, frame: bytes | str) -> list[UserEvent]:
        """Return the news of one frame; empty when nothing is readable."""
        try:
            found = objects(text_json(frame))
        except Malformed:
            self.malformed[""] += 1
            return []
        return [event for item in found if (event := self._event(item)) is not None]

    def _event(self, item: dict[str, Any]) -> UserEvent | None:
        kind = _kind(item)
        try:
            if kind == "trade":
                return self._trade(convert(item, _Trade))
            if kind == "order":
                return _order(convert(item, _Order))
        except Malformed:
            self.malformed[kind] += 1
            return None
        self.unknown[kind[:40] if len(self.unknown) < 100 else "other"] += 1
        return None

    def _trade(self, trade: _Trade) -> UserEvent:
        status = trade_status(trade.status)
        final = status in (FillStatus.CONFIRMED, FillStatus.FAILED)
        return UserEvent("trade", _our_orders(trade, self._api_key), trade.id, status, final)


def _order(order: _Order) -> UserEvent:
    return UserEvent("order", (order.id,), "", (order.type or order.status).lower()[:100])


def _kind(item: dict[str, Any]) -> str:
    """Return the event kind; frames without `event_type` exist and are told by their fields."""
    told = item.get("event_type")
    if isinstance(told, str) and told:
        return told.lower()
    if "maker_orders" in item or "taker_order_id" in item:
        return "trade"
    return "order" if "original_size" in item else ""
