"""Private reads: whole lists or an error, fills of one order, money in dollars."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest

from domain.money import shares
from tests.venue.scripted import (
    ADDRESS,
    CONDITION,
    CREDS,
    NOW,
    YES,
    Script,
    clob_market,
    page,
    trade_row,
)
from tests.venue.wire.test_account import order_row
from venue.errors import Drift, NotReady, RefusalKind, Refused, Unknown
from venue.holdings import ALLOWANCE_CAP, Holdings
from venue.public import PublicVenue

ORDER = "GET clob/data/order/0xaa"
ORDERS = "GET clob/data/orders"
TRADES = "GET clob/data/trades"
BALANCE = "GET clob/balance-allowance"
UPDATE = "GET clob/balance-allowance/update"
POSITIONS = "GET data/v2/positions"
FACTS = f"GET clob/clob-markets/{CONDITION}"
V2_TOKEN = str((1 << 249) + (77 << 110) + 1)


def holdings(script: Script) -> Holdings:
    transport = script.transport()
    public = PublicVenue(transport, now=lambda: NOW)
    return Holdings(transport, public, wallet=ADDRESS, signature_type=2, key=CREDS.key)


def position(token: str, size: Any, **changes: Any) -> dict[str, Any]:
    return {"token_id": token, "condition_id": CONDITION, "current_size": size} | changes


def data_page(*rows: Any, cursor: str | None = None) -> dict[str, Any]:
    return {"data": list(rows), "pagination": {"has_more": bool(cursor), "next_cursor": cursor}}


@pytest.mark.parametrize(
    "reply",
    [
        httpx.Response(404, json={"error": "Order not found"}),
        httpx.Response(200, content=b""),
        httpx.Response(200, content=b"null"),
        httpx.Response(200, content=b"{}"),
        httpx.Response(200, content=b'""'),
    ],
)
async def test_every_form_of_not_live_is_none(reply: httpx.Response) -> None:
    assert await holdings(Script().on(ORDER, reply)).order("0xaa") is None


async def test_a_page_that_is_no_answer_is_not_taken_for_absence() -> None:
    with pytest.raises(Unknown):
        await holdings(Script().on(ORDER, httpx.Response(404, text="<html>"))).order("0xaa")


async def test_a_live_order_is_read_with_signed_headers() -> None:
    script = Script().on(ORDER, order_row())
    found = await holdings(script).order("0xaa", shares(10))
    assert found is not None
    assert script.requests[0].headers["POLY_API_KEY"] == CREDS.key


async def test_open_orders_are_all_pages() -> None:
    script = Script().on(ORDERS, page(order_row(), cursor="MTA="), page(order_row(id="0xBB")))
    assert [o.order_id for o in await holdings(script).open_orders()] == ["0xaa", "0xbb"]
    assert script.asked(ORDERS)[1].url.params["next_cursor"] == "MTA="


async def test_a_page_that_fails_spoils_the_whole_list() -> None:
    second = httpx.Response(503, json={"error": "x"})
    with pytest.raises(NotReady):
        await holdings(Script().on(ORDERS, page(order_row(), cursor="MTA="), second)).open_orders()


async def test_a_cursor_that_repeats_is_drift() -> None:
    with pytest.raises(Drift, match="repeated"):
        await holdings(Script().on(ORDERS, page(cursor="MTA="))).open_orders()


async def test_the_fills_of_one_order_carry_the_fee_of_its_market() -> None:
    script = Script().on(FACTS, clob_market()).on(TRADES, page(trade_row()))
    (fill,) = await holdings(script).fills("0xaa", CONDITION)
    assert fill.fee == Decimal("0.045")
    assert script.asked(TRADES)[0].url.params["market"] == CONDITION


async def test_recent_fills_overlap_and_come_in_the_order_of_matching() -> None:
    late = trade_row(id="trade-2", match_time="1772625700")
    script = Script().on(FACTS, clob_market()).on(TRADES, page(late, trade_row()))
    fills = await holdings(script).fills_since(NOW)
    assert [f.trade_id for f in fills] == ["trade-1", "trade-2"]
    assert script.asked(TRADES)[0].url.params["after"] == str(int(NOW.timestamp()) - 60)
    assert fills[1].matched_at - fills[0].matched_at == timedelta(seconds=100)


async def test_the_balance_is_refreshed_before_it_is_read() -> None:
    """G4."""
    balance = {"balance": "1234567", "allowances": {"0xE1": "9" * 78, "0xE2": "0"}}
    script = Script().on(UPDATE, httpx.Response(200, content=b"")).on(BALANCE, balance)
    own = holdings(script)
    assert await own.balance() == Decimal("1.234567")
    assert [r.url.path for r in script.requests] == [
        "/balance-allowance/update",
        "/balance-allowance",
    ]
    assert dict(script.requests[1].url.params) == {
        "asset_type": "COLLATERAL",
        "signature_type": "2",
    }
    found = await own.allowance()
    assert found.allowances == {"0xe1": ALLOWANCE_CAP, "0xe2": Decimal(0)}
    assert len(script.requests) == 3


@pytest.mark.parametrize(("token", "kind"), [(YES, "CONDITIONAL"), (V2_TOKEN, "CONDITIONAL-V2")])
async def test_shares_are_asked_for_by_the_kind_of_token(token: str, kind: str) -> None:
    script = Script().on(UPDATE, {}).on(BALANCE, {"balance": "21052600"})
    assert await holdings(script).shares(token) == Decimal("21.0526")
    assert script.asked(BALANCE)[0].url.params["asset_type"] == kind


@pytest.mark.parametrize("balance", [None, "", "1.5", "-1", 2.5, "9" * 90])
async def test_a_balance_that_is_no_base_unit_is_drift(balance: Any) -> None:
    with pytest.raises(Drift):
        await holdings(Script().on(BALANCE, {"balance": balance})).balance(refresh=False)


async def test_positions_are_gathered_over_statuses_and_pages_dust_included() -> None:
    script = Script().on(
        POSITIONS,
        data_page(position("1", 0.05), cursor="C"),
        data_page(position("2", 0)),
        data_page(position("3", 7, redeemable=True)),
        data_page(position("3", 7, redeemable=True)),
    )
    found = await holdings(script).positions()
    assert [(p.token_id, p.shares, p.redeemable) for p in found] == [
        ("1", Decimal("0.05"), False),
        ("3", Decimal(7), True),
    ]
    assert script.requests[0].url.params["filter_amount"] == "0"


async def test_an_empty_first_page_is_an_answer_and_an_error_is_not() -> None:
    assert await holdings(Script().on(POSITIONS, data_page())).positions() == []
    error = {"error": "x", "code": "y", "retryable": True}
    with pytest.raises(Unknown):
        await holdings(Script().on(POSITIONS, error, status=500)).positions()


async def test_closed_only_and_keys_and_failed_fills() -> None:
    notice = {"type": 8, "payload": {"order_id": "0xAA"}}
    script = (
        Script()
        .on("GET clob/auth/ban-status/closed-only", {"closed_only": True})
        .on("GET clob/auth/api-keys", {"apiKeys": [CREDS.key]})
        .on("GET clob/notifications", [notice, {"type": 2, "payload": {"order_id": "0xBB"}}])
    )
    own = holdings(script)
    assert await own.closed_only()
    assert await own.api_keys() == [CREDS.key]
    assert await own.failed_fills() == ["0xaa"]


async def test_a_closed_only_answer_without_the_word_is_drift_and_never_open() -> None:
    with pytest.raises(Drift):
        await holdings(Script().on("GET clob/auth/ban-status/closed-only", {})).closed_only()


async def test_a_wrong_key_is_refused_by_kind() -> None:
    reply = {"error": "Unauthorized/Invalid api key"}
    with pytest.raises(Refused) as caught:
        await holdings(Script().on("GET clob/auth/api-keys", reply, status=401)).api_keys()
    assert caught.value.kind is RefusalKind.AUTH
