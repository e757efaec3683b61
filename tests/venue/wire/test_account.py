"""Our orders, trades and cancels, in every spelling the venue uses."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from domain.market import Fee
from domain.money import shares
from domain.orders import FillStatus, OrderStatus, Side
from tests.venue.scripted import ADDRESS, CREDS, NO, YES, trade_row
from venue.errors import Drift
from venue.wire import account

FREE = Fee()
CURVE = Fee(rate=Decimal("0.05"))


def order_row(**changes: Any) -> dict[str, Any]:
    base: dict[str, Any] = {
        "id": "0xAA",
        "status": "LIVE",
        "market": "0xc1",
        "asset_id": YES,
        "side": "BUY",
        "original_size": "10",
        "size_matched": "0",
        "price": "0.57",
        "created_at": 1772625600,
    }
    return base | changes


@pytest.mark.parametrize("nothing", [None, "", {}, []])
def test_the_answers_that_mean_not_live_are_no_order(nothing: Any) -> None:
    assert account.open_order(nothing) is None


@pytest.mark.parametrize(
    ("word", "matched", "status"),
    [
        ("LIVE", "0", OrderStatus.LIVE),
        ("ORDER_STATUS_LIVE", "0", OrderStatus.LIVE),
        ("live", "4", OrderStatus.PARTIAL),
        ("UNMATCHED", "0", OrderStatus.LIVE),
        ("MATCHED", "10", OrderStatus.FILLED),
        ("MATCHED", "9.995", OrderStatus.FILLED),
        ("ORDER_STATUS_MATCHED", "4", OrderStatus.PARTIAL),
        ("CANCELED", "4", OrderStatus.CANCELLED),
        ("CANCELED_MARKET_RESOLVED", "0", OrderStatus.CANCELLED),
        ("CANCELED_EXPIRED_ORDER", "0", OrderStatus.EXPIRED),
        ("INVALID", "0", OrderStatus.CANCELLED),
        (
            "CANCELED_order couldn't be fully filled. FOK orders are fully filled or killed.",
            "",
            OrderStatus.KILLED,
        ),
        ("DELAYED", "0", OrderStatus.UNKNOWN),
        ("SOMETHING_NEW", "0", OrderStatus.UNKNOWN),
    ],
)
def test_order_status_with_and_without_prefix(word: str, matched: str, status: OrderStatus) -> None:
    found = account.open_order(order_row(status=word, size_matched=matched))
    assert found is not None
    assert found.status is status


def test_an_order_is_read_whole() -> None:
    found = account.open_order(order_row(size_matched=""))
    assert found is not None
    assert (found.order_id, found.matched, found.side) == ("0xaa", None, Side.BUY)
    assert found.created_at == datetime(2026, 3, 4, 12, 0, tzinfo=UTC)


def test_six_decimal_integers_are_scaled_when_our_own_size_shows_them() -> None:
    row = order_row(original_size="10000000", size_matched="4000000")
    scaled = account.open_order(row, expected=shares(10))
    assert scaled is not None
    assert (scaled.original, scaled.matched) == (Decimal(10), Decimal(4))
    plain = account.open_order(row)
    assert plain is not None
    assert plain.original == Decimal(10_000_000)


def test_a_taker_fill_carries_the_fee_of_the_curve() -> None:
    (fill,) = account.order_fills([trade_row()], "0xAA", CURVE)
    assert (fill.trade_id, fill.order_id, fill.maker) == ("trade-1", "0xaa", False)
    assert (fill.shares, fill.price, fill.fee) == (Decimal(10), Decimal("0.9"), Decimal("0.045"))
    assert fill.status is FillStatus.CONFIRMED


def test_a_fee_named_by_the_venue_wins_over_the_curve() -> None:
    (fill,) = account.order_fills([trade_row(fee="0.5")], "0xaa", CURVE)
    assert fill.fee == Decimal("0.5")


def test_a_maker_fill_is_found_by_order_id_and_pays_no_fee() -> None:
    (fill,) = account.order_fills([trade_row()], "0xbb", CURVE)
    assert (fill.maker, fill.side, fill.fee) == (True, Side.SELL, Decimal(0))
    both = Fee(rate=Decimal("0.05"), taker_only=False)
    (paid,) = account.order_fills([trade_row()], "0xbb", both)
    assert paid.fee == Decimal("0.045")


def test_a_mint_leg_of_the_other_token_counts_as_one_minus_its_price() -> None:
    legs = [
        {"order_id": "0xb1", "matched_amount": "6", "price": "0.9", "asset_id": YES},
        {"order_id": "0xb2", "matched_amount": "4", "price": "0.05", "asset_id": NO},
    ]
    row = trade_row(maker_orders=legs, price="0.95")
    (taker,) = account.order_fills([row], "0xaa", FREE)
    assert taker.price == Decimal("0.92")
    (same,) = account.order_fills([row], "0xb1", FREE)
    (other,) = account.order_fills([row], "0xb2", FREE)
    assert (same.side, other.side, other.token_id) == (Side.SELL, Side.BUY, NO)


def test_maker_legs_that_do_not_add_up_leave_the_trades_own_price() -> None:
    (fill,) = account.order_fills([trade_row(size="12")], "0xaa", FREE)
    assert fill.price == Decimal("0.9")
    (bare,) = account.order_fills([trade_row(maker_orders=None)], "0xaa", FREE)
    assert bare.price == Decimal("0.9")


def test_a_split_trade_keeps_its_first_key_and_numbers_the_others() -> None:
    """XD-10: keys never move when a later part appears."""
    rows = [trade_row(), trade_row(bucket_index=1, size="3"), trade_row(bucket_index="2")]
    fills = account.order_fills(rows, "0xaa", FREE)
    assert [f.trade_id for f in fills] == ["trade-1", "trade-1/1", "trade-1/2"]


def test_a_row_repeated_by_overlapping_pages_counts_once_with_its_last_status() -> None:
    """XD-10."""
    rows = [trade_row(status="MATCHED"), trade_row(status="MINED")]
    (fill,) = account.order_fills(rows, "0xaa", FREE)
    assert fill.status is FillStatus.MINED


def test_two_sizes_under_one_key_are_drift_because_either_would_be_a_guess() -> None:
    with pytest.raises(Drift, match="expected one size"):
        account.order_fills([trade_row(), trade_row(size="3")], "0xaa", FREE)


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("TRADE_STATUS_MATCHED_NOT_BROADCASTED", FillStatus.MATCHED),
        ("MATCHED", FillStatus.MATCHED),
        ("trade_status_retrying", FillStatus.RETRYING),
        ("FAILED", FillStatus.FAILED),
    ],
)
def test_trade_status_with_and_without_prefix(word: str, status: FillStatus) -> None:
    assert account.fill_status(word) is status


def test_an_unknown_trade_status_is_drift() -> None:
    with pytest.raises(Drift, match="expected a trade status"):
        account.order_fills([trade_row(status="TELEPORTED")], "0xaa", FREE)


def test_own_fills_are_found_as_taker_and_in_a_strangers_trade() -> None:
    ours = trade_row()
    strangers = trade_row(
        id="trade-2",
        taker_order_id="0xcc",
        owner="stranger",
        maker_address="0x" + "99" * 20,
        trader_side="MAKER",
        maker_orders=[
            {
                "order_id": "0xdd",
                "owner": CREDS.key,
                "maker_address": ADDRESS,
                "matched_amount": "4",
                "price": "0.9",
                "asset_id": YES,
                "side": "SELL",
            }
        ],
    )
    fills = account.own_fills([ours, strangers], CREDS.key, ADDRESS.lower(), FREE)
    assert [(f.order_id, f.maker) for f in fills] == [("0xaa", False), ("0xdd", True)]


def test_as_maker_the_top_of_the_row_is_not_our_order_even_under_our_name() -> None:
    row = trade_row(trader_side="MAKER")
    assert account.own_fills([row], CREDS.key, ADDRESS, FREE) == []


def test_the_end_of_pages_is_recognised_in_every_form() -> None:
    for cursor in ("LTE=", "", None):
        assert account.page({"data": [], "next_cursor": cursor}, "orders")[1] is None
    assert account.page({"data": [], "next_cursor": "MTA="}, "orders")[1] == "MTA="


@pytest.mark.parametrize(
    "broken",
    [
        {"size": "-1"},
        {"price": "1.5"},
        {"price": "abc"},
        {"match_time": ""},
        {"side": "HOLD"},
        {"taker_order_id": None},
        {"maker_orders": "none"},
        {"size": True},
        {"size": "1e99"},
    ],
)
def test_a_trade_with_a_broken_field_is_drift(broken: dict[str, Any]) -> None:
    row = trade_row(maker_orders=[]) | broken
    with pytest.raises(Drift):
        account.order_fills([row], "0xaa", FREE)
