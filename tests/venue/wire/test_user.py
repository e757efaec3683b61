"""venue/wire/user.py"""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.venue.wire.frames import SAMPLES
from venue.wire.user import UserDecoder

US, THEM = "key-ours", "key-theirs"


def trade(**more: Any) -> dict[str, Any]:
    """Return a trade event in which we are the taker."""
    return {
        "event_type": "trade",
        "id": "t1",
        "status": "MATCHED",
        "taker_order_id": "0xaa",
        "trade_owner": US,
        "trader_side": "TAKER",
        "maker_orders": [{"order_id": "0xbb", "owner": THEM}],
    } | more


def decode(*items: dict[str, Any]) -> list[tuple[str, ...]]:
    """Return the order ids of every event decoded."""
    return [e.order_ids for e in UserDecoder(US).decode(json.dumps(list(items)))]


def test_as_taker_only_our_own_order_is_named() -> None:
    assert decode(trade()) == [("0xaa",)]


def test_as_maker_all_our_legs_are_named_and_the_stranger_is_not() -> None:
    makers = [{"order_id": "0x1", "owner": US}, {"order_id": "0x2", "owner": US}]
    event = trade(trade_owner=THEM, trader_side="MAKER", maker_orders=makers)
    assert decode(event) == [("0x1", "0x2")]


def test_without_owners_every_order_of_the_match_is_asked_for() -> None:
    event = trade(trade_owner="", maker_orders=[{"order_id": "0x1"}], trader_side="")
    assert decode(event) == [("0xaa", "0x1")]


@pytest.mark.parametrize("word", ["CONFIRMED", "TRADE_STATUS_CONFIRMED", "confirmed"])
def test_both_spellings_of_a_status_are_one(word: str) -> None:
    (event,) = UserDecoder(US).decode(json.dumps(trade(status=word)))
    assert (event.status, event.final) == ("confirmed", True)


def test_a_killed_order_with_empty_texts_is_news() -> None:
    """The official SDK drops this frame in silence (facts 0.1 item 6)."""
    killed = {"event_type": "order", "id": "0xaa", "size_matched": "", "created_at": ""}
    (event,) = UserDecoder(US).decode(
        json.dumps(
            killed | {"type": "CANCELLATION", "status": "CANCELED_order killed", "price": 0.6}
        )
    )
    assert (event.kind, event.order_ids) == ("order", ("0xaa",))
    assert event.status == "cancellation"


def test_events_without_event_type_are_told_by_their_fields() -> None:
    nameless = trade()
    del nameless["event_type"]
    order = {"id": "0xcc", "original_size": "5", "status": "LIVE", "created_at": 1791241700123}
    assert decode(nameless, order) == [("0xaa",), ("0xcc",)]


def test_the_unreadable_is_counted() -> None:
    decoder = UserDecoder(US)
    assert decoder.decode(b"PONG") == []
    assert decoder.decode(b'{"event_type":"trade"}') == []
    assert decoder.decode(b'{"event_type":"notice"}') == []
    assert decoder.malformed == {"": 1, "trade": 1} and decoder.unknown == {"notice": 1}


@pytest.mark.parametrize(
    "name", ["order_fok_killed_RAW_DROPPED_BY_SDK", "order_lifecycle", "trade_lifecycle"]
)
def test_recorded_frames_are_read_whole(name: str) -> None:
    path = SAMPLES / f"ws_user_{name}.json"
    if not path.exists():
        pytest.skip(f"no recorded frames at {SAMPLES}")
    decoder, frame = UserDecoder("9180014b-33c8-9240-a14b-bdca11c0a465"), path.read_bytes()
    expected = json.loads(frame)
    events = decoder.decode(frame)
    assert len(events) == (len(expected) if isinstance(expected, list) else 1)
    ours = "0x32961c48ddac87ed3582f8e02097cd0eff4fcf80460306bd44b3710438dfa64c"
    assert {e.order_ids for e in events} == {(ours,)}


@given(
    st.binary(max_size=200) | st.text(max_size=200).map(lambda t: json.dumps({"id": t}).encode())
)
def test_no_bytes_make_it_raise(frame: bytes) -> None:
    UserDecoder(US).decode(frame)
