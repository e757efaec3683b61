"""Every recorded sample is read by the parser it belongs to, and survives being spoilt."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.market import Fee
from domain.orders import OrderStatus
from tests.venue.wire.test_fuzz import _body, _received, _spoil
from venue.classify import Answer, Posted, post_answer
from venue.errors import VenueError
from venue.holdings import _allowance, _api_keys, _closed_only
from venue.wire import account, catalogue, fields, indexer, subscribe
from venue.wire.eip712 import OrderFields, domain_of, order_id
from venue.wire.market import MarketDecoder
from venue.wire.user import UserDecoder

SAMPLES = Path(__file__).parents[4] / "shared" / "facts" / "samples"
ORDER = "0x32961c48ddac87ed3582f8e02097cd0eff4fcf80460306bd44b3710438dfa64c"
OTHER = "0x8b878404bd92dea2bfea9975c9fcd816ec70a57ae431cb20d67bb773744aaef3"
KEY = "9180014b-33c8-9240-a14b-bdca11c0a465"
WALLET = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
NOW = datetime(2026, 10, 5, tzinfo=UTC)
POSTED = Posted(order_id=ORDER, resting=False, buys=True, shares=fields.as_number(15, "n"))

Read = Callable[[Any], Any]


def _frames(value: Any) -> Any:
    return MarketDecoder().decode(_body(value)), UserDecoder(KEY).decode(_body(value))


def _post(case: Any) -> Any:
    # no body at all, or one of another place between us and the venue, proves nothing either
    raw = _body(case["body"]) if isinstance(case, dict) and "body" in case else _body(case)
    status = case.get("http") if isinstance(case, dict) else 200
    return post_answer(Answer(status if isinstance(status, int) else 200, {}, raw), POSTED)


def _rows(read: Callable[[fields.Row], Any]) -> Read:
    return lambda value: [read(row) for row in indexer.page(value, "rows")[0]]


def _trades(value: Any) -> Any:
    rows, _ = account.page(value, "trades")
    return account.order_fills(rows, ORDER, Fee()), account.own_fills(rows, KEY, WALLET, Fee())


READERS: dict[str, Read] = {
    "data_v2_activity_rows.json": lambda v: [
        (indexer.redemption(row), indexer.public_trade(row)) for row in fields.rows(v, "rows")
    ],
    "data_v2_positions_page.json": _rows(indexer.position),
    "data_v2_resolutions.json": _rows(lambda row: indexer.payouts(row, ("1", "2"))),
    "data_v2_trades_page.json": _rows(indexer.public_trade),
    "gamma_market_resolved.json": lambda v: catalogue.gamma_payouts(fields.row(v, "m")),
    "gamma_market_v1.json": lambda v: catalogue.gamma_market(fields.row(v, "m")),
    "gamma_markets_keyset_page.json": catalogue.gamma_page,
    "rest_book_v1.json": lambda v: catalogue.book(v, NOW),
    "rest_book_v2_empty.json": lambda v: catalogue.book(v, NOW),
    "rest_clob_legacy_market_resolved.json": catalogue.clob_payouts,
    "rest_clob_market_v1.json": lambda v: catalogue.trading_facts(v, NOW),
    "rest_clob_market_v2.json": lambda v: catalogue.trading_facts(v, NOW),
    "rest_data_order_by_id.json": account.open_order,
    "rest_data_orders_page.json": lambda v: [
        account.open_order(row) for row in account.page(v, "orders")[0]
    ],
    "rest_data_trades_page.json": _trades,
    "rest_post_order_responses.json": lambda v: (
        [_post(case) for case in v] if isinstance(v, list) else _post(v)
    ),
    "rest_cancel_responses.json": lambda v: [
        account.cancel_of(fields.row(case, "a case").get("body"), ORDER)
        for case in fields.rows(v, "cases")
    ],
    "ws_market_book_initial_dump.json": _frames,
    "ws_market_last_trade_price.json": _frames,
    "ws_market_other_events.json": _frames,
    "ws_market_price_change.json": _frames,
    "ws_user_order_fok_killed_RAW_DROPPED_BY_SDK.json": _frames,
    "ws_user_order_lifecycle.json": _frames,
    "ws_user_trade_lifecycle.json": _frames,
}
ON_THEIR_OWN = {
    "gamma_market_v2_docs_fragment.json",  # a part of a row
    "rest_account_misc.json",  # many small answers
    "rest_post_order_request.json",  # ours to send
    "ws_client_frames.json",  # ours to send
    "vectors_eip712_hmac.json",  # tests/venue/test_signing.py
}
recorded = pytest.mark.skipif(
    not SAMPLES.exists(), reason="the recorded samples are not on this machine"
)


def sample(name: str) -> Any:
    return fields.parse((SAMPLES / name).read_text())


@recorded
def test_no_recorded_sample_is_left_unread() -> None:
    assert {path.name for path in SAMPLES.glob("*.json")} == READERS.keys() | ON_THEIR_OWN


@recorded
@pytest.mark.parametrize("name", READERS)
def test_a_recorded_sample_is_read(name: str) -> None:
    assert READERS[name](sample(name)) is not None


@recorded
@pytest.mark.parametrize("name", READERS)
@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_a_spoilt_recording_raises_nothing_but_a_venue_error(
    name: str, data: st.DataObject
) -> None:
    """Cut, retyped, reordered, unknown keys: twice in each example."""
    whole = json.loads((SAMPLES / name).read_text())
    spoilt = _spoil(data, _spoil(data, whole))
    try:
        received = _received(spoilt)
    except ValueError:
        return  # not JSON at all: NaN
    try:
        fields.guarded(lambda: READERS[name](received), "an answer")
    except VenueError:
        return


@recorded
def test_recorded_orders_and_trades_say_what_happened() -> None:
    order = account.open_order(sample("rest_data_order_by_id.json"))
    assert order is not None
    assert (order.order_id, order.status) == (ORDER, OrderStatus.PARTIAL)
    assert order.matched == 4
    assert account.open_order(sample("rest_data_orders_page.json")["data"][0]) == order
    ours, also = _trades(sample("rest_data_trades_page.json"))
    assert {fill.order_id for fill in ours} == {ORDER} and len(ours) == len(also) == 2


@recorded
def test_recorded_cancels_name_each_order_and_its_reason() -> None:
    both = sample("rest_cancel_responses.json")[1]["body"]
    assert account.cancel_of(both, ORDER).cancelled
    kept = account.cancel_of(both, OTHER)
    assert (kept.cancelled, kept.reason) == (False, "already canceled or matched")


@recorded
def test_recorded_small_answers_are_read() -> None:
    small = sample("rest_account_misc.json")
    found = _allowance(small["GET /balance-allowance?asset_type=COLLATERAL&signature_type=0"])
    assert found.balance == 1000 and len(found.allowances) == 3
    assert _closed_only(small["GET /auth/ban-status/closed-only"]) is False
    assert _api_keys(small["GET /auth/api-keys"]) == [KEY]


@recorded
def test_a_recorded_v2_row_trades_its_position_ids() -> None:
    whole = sample("gamma_market_v1.json") | sample("gamma_market_v2_docs_fragment.json")
    market = catalogue.gamma_market(whole)
    assert market.protocol == "v2"
    assert [token.token_id for token in market.tokens] == whole["positionIds"]


@recorded
def test_we_say_on_the_sockets_what_the_venues_own_clients_say() -> None:
    said = sample("ws_client_frames.json")
    tokens = said["market_initial"]["assets_ids"]
    assert json.loads(subscribe.market_first(tokens)) == said["market_initial"]
    more = said["market_subscribe_more"]
    assert json.loads(subscribe.market_more(more["assets_ids"])) == more
    less = said["market_unsubscribe"]
    assert json.loads(subscribe.market_less(less["assets_ids"])) == less
    auth = said["user_initial_all"]["auth"]
    first = subscribe.user_first(auth["apiKey"], auth["secret"], auth["passphrase"])
    assert json.loads(first) == said["user_initial_all"]


@recorded
def test_the_recorded_request_has_the_recorded_order_id() -> None:
    order = sample("rest_post_order_request.json")["order"]
    signed = OrderFields(
        salt=int(order["salt"]),
        maker=order["maker"],
        signer=order["signer"],
        token_id=int(order["tokenId"]),
        maker_amount=int(order["makerAmount"]),
        taker_amount=int(order["takerAmount"]),
        side=order["side"],
        signature_type=int(order["signatureType"]),
        timestamp=int(order["timestamp"]),
    )
    assert order_id(signed, domain_of(signed.token_id, neg_risk=False)) == ORDER
