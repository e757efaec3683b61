"""Whatever arrives, a parser answers or raises VenueError, never anything else."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.market import Fee
from tests.venue.scripted import CREDS, NOW, clob_market, page, trade_row
from tests.venue.wire.test_account import order_row
from tests.venue.wire.test_catalogue import clob_resolved, gamma_row
from venue.classify import Answer, Posted, error_of, post_answer
from venue.errors import VenueError
from venue.holdings import _allowance, _api_keys, _closed_only, _failed_fills
from venue.public import _geoblock
from venue.resolution import Sources, agree
from venue.wire import account, catalogue, fields, indexer

ID = "0x" + "ab" * 32
FREE = Fee()

DATA_POSITION = {
    "token_id": "1",
    "condition_id": "0xc1",
    "current_size": 12.5,
    "outcome": "Yes",
    "redeemable": False,
    "first_entry_at": 1772625600,
}
DATA_TRADE = {
    "token_id": "1",
    "condition_id": "0xc1",
    "size": 10,
    "price": 0.95,
    "timestamp": 1772625600,
    "outcome": "Yes",
    "outcome_index": 0,
    "transaction_hash": "0x1",
}
BOOK = {
    "market": "0xc1",
    "asset_id": "1",
    "timestamp": "1772625600000",
    "hash": "x",
    "bids": [{"price": "0.94", "size": "5"}],
    "asks": [{"price": "0.96", "size": "5"}],
    "tick_size": "0.01",
    "min_order_size": "5",
    "neg_risk": False,
    "last_trade_price": "0.95",
}
RESOLUTIONS = {
    "data": [
        {
            "condition_id": "0xc1",
            "status": "resolved",
            "payouts": [1_000_000, 0],
            "resolved_at": "2026-03-04T12:00:00Z",
        }
    ]
}
ANSWER = {
    "errorMsg": "",
    "orderID": ID,
    "takingAmount": "3",
    "makingAmount": "2",
    "status": "matched",
    "tradeIDs": ["t"],
    "success": True,
}
POSTED = Posted(order_id=ID, resting=False, buys=True, shares=fields.as_number(21, "n"))
CASES: dict[str, tuple[Any, Callable[[Any], Any]]] = {
    "order": (order_row(), account.open_order),
    "trades": ([trade_row()], lambda v: account.order_fills(v, "0xaa", FREE)),
    "own trades": ([trade_row()], lambda v: account.own_fills(v, CREDS.key, "0x1", FREE)),
    "cancel": ({"canceled": [ID], "not_canceled": {}}, lambda v: account.cancel_of(v, ID)),
    "page": (page(order_row()), lambda v: account.page(v, "orders")),
    "gamma page": ({"markets": [gamma_row()], "next_cursor": "x"}, catalogue.gamma_page),
    "gamma row": (gamma_row(closed=True), lambda v: catalogue.gamma_market(fields.row(v, "m"))),
    "gamma end": (
        gamma_row(closed=True, umaResolutionStatus="resolved", outcomePrices='["1","0"]'),
        lambda v: catalogue.gamma_payouts(fields.row(v, "m")),
    ),
    "clob market": (clob_market(), lambda v: catalogue.trading_facts(v, NOW)),
    "clob end": (clob_resolved(), catalogue.clob_payouts),
    "book": (BOOK, lambda v: catalogue.book(v, NOW)),
    "position": (DATA_POSITION, lambda v: indexer.position(fields.row(v, "p"))),
    "public trade": (DATA_TRADE, lambda v: indexer.public_trade(fields.row(v, "t"))),
    "resolutions": (RESOLUTIONS, lambda v: agree(Sources("0xc1", clob_resolved(), v))),
    "both ends": (clob_resolved(), lambda v: agree(Sources("0xc1", v, RESOLUTIONS))),
    "allowance": ({"balance": "1000000", "allowances": {"0xE": "5"}}, _allowance),
    "closed only": ({"closed_only": False}, _closed_only),
    "keys": ({"apiKeys": ["k"]}, _api_keys),
    "notices": ([{"type": 8, "payload": {"order_id": "0xA"}}], _failed_fills),
    "geoblock": ({"blocked": False, "country": "IE", "region": ""}, _geoblock),
    "post": (ANSWER, lambda v: post_answer(Answer(200, {}, _body(v)), POSTED)),
    "post error": (
        {"error": "order timed out", "orderID": ID, "retry_after_seconds": 2},
        lambda v: post_answer(Answer(503, {}, _body(v)), POSTED),
    ),
    "error": (
        {"error": "x", "retry_after_seconds": 3},
        lambda v: error_of(Answer(429, {}, _body(v))),
    ),
}

UNGUARDED = ("post", "post error", "error")  # the answer to a post is read on its own

_JUNK = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**30), 10**30),
    st.floats(),
    st.sampled_from(["", "abc", "-1", "1e999", "NaN", "0x", "[", "[]", '["a"]', "9" * 400, "٣"]),
    st.text(max_size=12),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
)


def _body(value: Any) -> bytes:
    return json.dumps(value, default=str).encode()


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path]
    if isinstance(value, dict):
        for key in value:
            found += _places(value[key], (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            found += _places(item, (*path, index))
    return found


def _with(value: Any, path: tuple[Any, ...], change: Callable[[Any], Any]) -> Any:
    if not path:
        return change(value)
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = _with(copy[path[0]], path[1:], change)
    return copy


def _spoil(data: st.DataObject, value: Any) -> Any:
    """Cut, retype, reorder or extend one place of the value."""
    path = data.draw(st.sampled_from(_places(value)))
    how = data.draw(st.sampled_from(["retype", "cut", "reorder", "extend"]))
    if how == "retype":
        junk = data.draw(_JUNK)
        return _with(value, path, lambda _: junk)
    if how == "cut" and path:
        return _with(value, path[:-1], lambda parent: _without(parent, path[-1]))
    if how == "reorder":
        return _with(value, path, _reversed)
    return _with(value, path, lambda v: v | {"zz": 1} if isinstance(v, dict) else v)


def _without(parent: Any, key: Any) -> Any:
    if isinstance(parent, dict):
        return {k: v for k, v in parent.items() if k != key}
    return [v for i, v in enumerate(parent) if i != key]


def _reversed(value: Any) -> Any:
    if isinstance(value, dict):
        return dict(reversed(list(value.items())))
    return value[::-1] if isinstance(value, (list, str)) else value


def _received(value: Any) -> Any:
    """The value as it arrives over the wire, exact numbers included."""
    return fields.parse(_body(value))


@pytest.mark.parametrize("name", CASES)
def test_the_unspoilt_sample_is_read(name: str) -> None:
    sample, read = CASES[name]
    read(_received(sample))


@pytest.mark.parametrize("name", CASES)
@settings(max_examples=60)
@given(data=st.data())
def test_a_spoilt_sample_raises_nothing_but_a_venue_error(name: str, data: st.DataObject) -> None:
    sample, read = CASES[name]
    spoilt = _spoil(data, _spoil(data, sample))
    try:
        received = _received(spoilt)
    except ValueError:
        return  # not JSON at all: NaN
    try:
        if name in UNGUARDED:
            read(received)
        else:  # as the transport calls it
            fields.guarded(lambda: read(received), "an answer")
    except VenueError:
        pass


@settings(max_examples=60)
@given(
    status=st.sampled_from([200, 204, 301, 400, 401, 404, 425, 429, 500, 503]),
    cut=st.integers(0, 120),
)
def test_an_answer_cut_anywhere_is_classified(status: int, cut: int) -> None:
    answer = Answer(status, {"Retry-After": "x"}, _body(ANSWER)[:cut])
    try:
        post_answer(answer, POSTED)
    except VenueError:
        pass
    assert isinstance(error_of(answer), VenueError)


@given(st.binary(max_size=60))
def test_any_bytes_are_json_or_a_value_error(raw: bytes) -> None:
    try:
        fields.parse(raw)
    except ValueError:
        pass


def test_json_of_insane_depth_is_a_value_error() -> None:
    with pytest.raises(ValueError, match="sane depth"):
        fields.parse("[" * 100_000)
