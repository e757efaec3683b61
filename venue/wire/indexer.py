"""Answers of the Data API, version 2 (facts 5.2, 5.3): doubles, hence never for accounting."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from domain.money import ONE, ZERO, Price, price, shares, usd
from venue.errors import Drift
from venue.records import PaidOut, Print, VenuePosition
from venue.wire import fields
from venue.wire.fields import Row

_MICRO_PAYOUT = Decimal(1_000_000)
FINAL = "resolved"
REDEEM = "REDEEM"
CONTESTED = frozenset({"challenged", "disputed", "arbitration"})


def page(value: Any, what: str) -> tuple[list[Row], str | None]:
    """Return the rows of one page and the next cursor, None on the last."""
    source = fields.row(value, f"a page of {what}")
    paging = fields.row(source.get("pagination") or {}, "pagination")
    more = fields.flag(paging, "has_more")
    cursor = fields.optional_text(paging, "next_cursor")
    if more and cursor is None:
        raise Drift(f"expected a cursor after a page of {what} that has more, was none")
    return fields.rows(source.get("data"), what), cursor if more else None


def position(source: Row) -> VenuePosition:
    """Return one position; `current_size` is what is held now."""
    return VenuePosition(
        token_id=fields.text(source, "token_id"),
        condition_id=fields.text(source, "condition_id").lower(),
        shares=shares(_not_negative(fields.number(source, "current_size"))),
        outcome=fields.optional_text(source, "outcome") or "",
        redeemable=fields.flag(source, "redeemable"),
        opened_at=fields.instant(source, "first_entry_at"),
    )


def redemption(source: Row) -> PaidOut | None:
    """Return one REDEEM row of the activity, None for a row of another kind (facts 5.2)."""
    if fields.optional_text(source, "type") != REDEEM:
        return None
    return PaidOut(
        token_id=fields.text(source, "token_id"),
        shares=shares(_not_negative(fields.number(source, "size"))),
        usd=usd(_not_negative(fields.number(source, "usdc_size"))),
    )


def public_trade(source: Row) -> Print:
    """Return one public trade; size absent means unknown (STR-M1)."""
    at = fields.instant(source, "timestamp")
    if at is None:
        raise Drift("expected a time in 'timestamp', was none")
    size = fields.optional_number(source, "size")
    paid = fields.number(source, "price")
    if not ZERO <= paid <= ONE:
        raise Drift(f"expected a price from 0 to 1, was {paid}")
    return Print(
        condition_id=fields.text(source, "condition_id").lower(),
        token_id=fields.text(source, "token_id"),
        price=price(paid),
        size=None if size is None else shares(_not_negative(size)),
        venue_time=at,
        outcome=fields.optional_text(source, "outcome") or "",
        outcome_index=int(fields.optional_number(source, "outcome_index") or 0),
        tx=fields.optional_text(source, "transaction_hash") or "",
    )


def payouts(source: Row, token_ids: tuple[str, ...]) -> dict[str, Price] | None:
    """Return what each token pays, or None while the oracle's answer is not final.

    `payouts` are micro-dollars by outcome index: `token_ids` must be in that order.
    """
    if fields.optional_text(source, "status") != FINAL:
        return None
    found = [
        fields.as_number(p, "payouts") / _MICRO_PAYOUT
        for p in fields.encoded_list(source, "payouts")
    ]
    if len(found) != len(token_ids):
        raise Drift(f"expected {len(token_ids)} payouts, was {len(found)}")
    if any(not ZERO <= p <= ONE for p in found) or sum(found) != ONE:
        raise Drift(f"expected payouts that add up to 1, was {fields.shown(found)}")
    return {token: price(p) for token, p in zip(token_ids, found, strict=True)}


def contested(source: Row) -> bool:
    """Return whether the answer is under dispute now."""
    return fields.optional_text(source, "status") in CONTESTED


def _not_negative(value: Decimal) -> Decimal:
    if value < 0:
        raise Drift(f"expected a size of at least 0, was {value}")
    return value
