"""Our own orders, trades and cancels as the REST endpoints send them (facts 2.7, 2.8, 3.6, 3.7)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any

from domain.market import Fee
from domain.money import DUST, MICRO, ONE, ZERO, Price, Shares, Usd, price, shares, usd
from domain.orders import Fill, FillStatus, OrderStatus, Side, VenueOrder
from venue.errors import Drift
from venue.records import Cancel, CancelState
from venue.wire import fields
from venue.wire.fields import Row

# Beginnings of order statuses without their prefix, first match wins; anything else is looked up.
_ORDER_STATUSES: tuple[tuple[str, OrderStatus], ...] = (
    ("LIVE", OrderStatus.LIVE),
    ("UNMATCHED", OrderStatus.LIVE),  # documented: it rests on the book
    ("MATCHED", OrderStatus.FILLED),
    ("CANCELED_EXPIRED", OrderStatus.EXPIRED),
    ("CANCELED_ORDER COULDN'T BE FULLY FILLED", OrderStatus.KILLED),
    ("CANCELED_NO ORDERS FOUND TO MATCH", OrderStatus.KILLED),
    ("CANCELED", OrderStatus.CANCELLED),
    ("CANCELLED", OrderStatus.CANCELLED),
    ("INVALID", OrderStatus.CANCELLED),  # the venue took it off
)
_FILL_STATUSES = {
    "MATCHED_NOT_BROADCASTED": FillStatus.MATCHED,
    "MATCHED": FillStatus.MATCHED,
    "MINED": FillStatus.MINED,
    "RETRYING": FillStatus.RETRYING,
    "CONFIRMED": FillStatus.CONFIRMED,
    "FAILED": FillStatus.FAILED,
}
_FIXED_POINT = Decimal(1_000_000)


def order_status(word: str, matched: Decimal | None, original: Decimal) -> OrderStatus:
    """Return our status for the venue's word; an unknown word is UNKNOWN: look it up."""
    plain = word.upper().removeprefix("ORDER_STATUS_")
    found = next((ours for start, ours in _ORDER_STATUSES if plain.startswith(start)), None)
    if found is None:
        return OrderStatus.UNKNOWN
    part = matched or ZERO
    if found is OrderStatus.FILLED and part < original - DUST:
        return OrderStatus.PARTIAL
    if found is OrderStatus.LIVE and part > 0:
        return OrderStatus.PARTIAL
    return found


def fill_status(word: str) -> FillStatus:
    """Return our status of a trade, with or without the prefix of REST; Drift when unknown."""
    plain = word.upper().removeprefix("TRADE_STATUS_")
    if plain not in _FILL_STATUSES:
        raise Drift(f"expected a trade status, was {word!r}")
    return _FILL_STATUSES[plain]


def open_order(value: Any, expected: Shares | None = None) -> VenueOrder | None:
    """Return the order, or None for the answers that mean "not live" (null, {}, "").

    `expected` is the order's own size: a venue that sends six-decimal integers is recognised
    by it and scaled back (facts 2.7, CONFLICT).
    """
    if value is None or value in ("", {}, []):
        return None
    source = fields.row(value, "an order")
    original = fields.number(source, "original_size")
    scale = _FIXED_POINT if expected and original == expected * _FIXED_POINT else ONE
    found = fields.optional_number(source, "size_matched")
    matched = None if found is None else found / scale
    return VenueOrder(
        order_id=fields.text(source, "id").lower(),
        condition_id=fields.optional_text(source, "market") or "",
        token_id=fields.text(source, "asset_id"),
        side=side(fields.text(source, "side")),
        status=order_status(fields.text(source, "status"), matched, original / scale),
        original=_shares(original / scale),
        matched=None if matched is None else _shares(matched),
        price=_price(fields.number(source, "price")),
        created_at=fields.instant(source, "created_at"),
    )


def order_fills(value: Any, order_id: str, curve: Fee) -> list[Fill]:
    """Return the fills of one of our orders among these trades, as taker and as maker.

    A trade settled in several transactions comes as rows with one id and different
    `bucket_index`: the first keeps the id, the others get `/bucket`, so that keys never move.
    """
    wanted = order_id.lower()
    found = (
        fill
        for trade in fields.rows(value, "trades")
        for fill in _fills(trade, curve)
        if fill.order_id == wanted
    )
    return _once(found)


def own_fills(value: Any, api_key: str, wallet: str, curve: Fee) -> list[Fill]:
    """Return every fill of our own orders among these trades, whichever order it was."""
    found: list[Fill] = []
    for trade in fields.rows(value, "trades"):
        found += (fill for fill in _fills(trade, curve, (api_key, wallet)))
    return _once(found)


def cancel_of(value: Any, order_id: str) -> Cancel:
    """Return what a cancel answer says about one order; Drift when it says nothing of it."""
    source = fields.row(value, "a cancel answer")
    done = source.get("canceled")
    if isinstance(done, list) and order_id in done:
        return Cancel(order_id=order_id, cancelled=True, state=CancelState.DONE)
    kept = source.get("not_canceled")
    reason = kept.get(order_id) if isinstance(kept, dict) else None
    if not isinstance(reason, str):
        raise Drift(f"expected an answer about order {order_id}, was {fields.shown(value)}")
    return Cancel(order_id=order_id, cancelled=False, state=_kept_state(reason), reason=reason)


def page(value: Any, what: str) -> tuple[list[Row], str | None]:
    """Return the rows of a CLOB page and the next cursor, None at the end (`LTE=` or empty)."""
    source = fields.row(value, f"a page of {what}")
    cursor = fields.optional_text(source, "next_cursor")
    return fields.rows(source.get("data"), what), None if cursor == "LTE=" else cursor


def side(word: str) -> Side:
    """Return the side of an order; Drift when the word is unknown."""
    if word.upper() not in (Side.BUY, Side.SELL):
        raise Drift(f"expected BUY or SELL, was {word!r}")
    return Side(word.upper())


def _kept_state(reason: str) -> CancelState:
    words = reason.lower()
    if "not found" in words:
        return CancelState.ABSENT
    if "already" in words:
        return CancelState.ENDED
    return CancelState.KEPT


def _fills(trade: Row, curve: Fee, own: tuple[str, str] | None = None) -> Iterator[Fill]:
    """Yield the legs of one trade, only ours when `own` names our API key and wallet."""
    key = _trade_key(trade)
    status = fill_status(fields.text(trade, "status"))
    matched_at = fields.instant(trade, "match_time", "matchtime", "timestamp")
    if matched_at is None:
        raise Drift(f"expected a match time in trade {key}, was none")
    legs = fields.rows(trade.get("maker_orders") or [], "maker orders")
    if own is None or _is_own(trade, own, taker=True):
        yield _taker_fill(trade, legs, key, status, matched_at, curve)
    for leg in legs:
        if own is None or _is_own(leg, own, taker=False):
            yield _maker_fill(trade, leg, key, status, matched_at, curve)


def _is_own(source: Row, own: tuple[str, str], *, taker: bool) -> bool:
    """Whether a leg is ours. A trade row names our key as owner even where we only made."""
    api_key, wallet = own
    if taker and str(source.get("trader_side", "TAKER")).upper() != "TAKER":
        return False
    owner, maker = source.get("owner"), str(source.get("maker_address") or "")
    return owner == api_key or maker.lower() == wallet.lower()


def _taker_fill(
    trade: Row, legs: list[Row], key: str, status: FillStatus, at: datetime, curve: Fee
) -> Fill:
    token = fields.text(trade, "asset_id")
    size = _shares(fields.number(trade, "size"))
    paid = _mean_price(legs, token, size) or _price(fields.number(trade, "price"))
    return Fill(
        trade_id=key,
        order_id=fields.text(trade, "taker_order_id").lower(),
        token_id=token,
        side=side(fields.text(trade, "side")),
        price=paid,
        shares=size,
        fee=_fee(trade, size, paid, curve, maker=False),
        status=status,
        matched_at=at,
    )


def _maker_fill(
    trade: Row, leg: Row, key: str, status: FillStatus, at: datetime, curve: Fee
) -> Fill:
    size = _shares(fields.number(leg, "matched_amount"))
    paid = _price(fields.number(leg, "price"))
    return Fill(
        trade_id=key,
        order_id=fields.text(leg, "order_id").lower(),
        token_id=fields.text(leg, "asset_id"),
        side=_maker_side(trade, leg),
        price=paid,
        shares=size,
        fee=_fee(leg, size, paid, curve, maker=True),
        status=status,
        matched_at=at,
        maker=True,
    )


def _maker_side(trade: Row, leg: Row) -> Side:
    """The leg's own word, else: same token trades against the taker, the other token with it."""
    word = fields.optional_text(leg, "side")
    if word is not None:
        return side(word)
    taker = side(fields.text(trade, "side"))
    if leg.get("asset_id") != trade.get("asset_id"):
        return taker
    return Side.SELL if taker is Side.BUY else Side.BUY


def _mean_price(legs: list[Row], token: str, size: Shares) -> Price | None:
    """Return what the taker paid per share by the maker legs, None when they do not add up.

    The other outcome's leg at p is a price of 1 - p for us (mint and merge, facts 3.3).
    """
    total, cost = ZERO, ZERO
    for leg in legs:
        amount, at = fields.number(leg, "matched_amount"), fields.number(leg, "price")
        total += amount
        cost += amount * (at if leg.get("asset_id") == token else ONE - at)
    if not size or abs(total - size) > MICRO * len(legs):
        return None
    return _price(cost / total)


def _fee(source: Row, size: Shares, paid: Price, curve: Fee, *, maker: bool) -> Usd:
    """Return the fee the venue names, else the market's curve; the bps figure is not the fee."""
    named = fields.optional_number(source, "fee")
    return curve.charge(size, paid, maker=maker) if named is None else usd(named)


def _trade_key(trade: Row) -> str:
    base = fields.text(trade, "id")
    bucket = int(fields.optional_number(trade, "bucket_index") or 0)
    return f"{base}/{bucket}" if bucket else base


def _once(fills: Iterable[Fill]) -> list[Fill]:
    """Keep one fill per (trade, order), the last reported; overlapping pages repeat rows.

    Raises:
        Drift: two rows of one key differ in size, so that adding or dropping one is a guess.
    """
    kept: dict[tuple[str, str], Fill] = {}
    for fill in fills:
        key = (fill.trade_id, fill.order_id)
        before = kept.get(key)
        if before is not None and before.shares != fill.shares:
            raise Drift(
                f"expected one size for trade {fill.trade_id}, "
                f"was {before.shares} and {fill.shares}"
            )
        kept[key] = fill
    return list(kept.values())


def _shares(value: Decimal) -> Shares:
    if value < 0:
        raise Drift(f"expected a size of at least 0, was {value}")
    return shares(value)


def _price(value: Decimal) -> Price:
    if not ZERO <= value <= ONE:
        raise Drift(f"expected a price from 0 to 1, was {value}")
    return price(value)
