"""venue/wire/market.py"""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.venue.wire.frames import NO, SAMPLES, YES, book_of, change_of, print_of
from venue.wire.market import BestBidAsk, Book, LastTrade, MarketDecoder, PriceChange


def test_a_print_is_decoded_with_its_texts_untouched() -> None:
    (event,) = MarketDecoder().decode(print_of("0.950", "219.217767"))
    assert isinstance(event, LastTrade)
    assert (event.price, event.size, event.asset_id) == ("0.950", "219.217767", YES)


def test_the_opening_array_and_later_objects_are_both_read() -> None:
    decoder = MarketDecoder()
    (book,) = decoder.decode(book_of([("0.1", "5")], []))
    (change,) = decoder.decode(change_of())
    assert isinstance(book, Book) and book.bids[0].price == "0.1"
    assert isinstance(change, PriceChange) and change.price_changes[1].asset_id == NO


@pytest.mark.parametrize("price", [0.95, "0.95", ".95"], ids=["number", "text", "bare"])
def test_numbers_and_texts_are_the_same_to_us(price: object) -> None:
    (event,) = MarketDecoder().decode(print_of(price, 60, 1700000000000))
    assert isinstance(event, LastTrade)
    assert (event.price.lstrip("0"), event.size, event.timestamp) == (".95", "60", "1700000000000")


def test_a_print_without_size_has_an_unknown_size() -> None:
    """STR-M1"""
    (event,) = MarketDecoder().decode(print_of(size=None))
    assert isinstance(event, LastTrade) and event.size == ""


def test_an_empty_side_of_the_top_is_kept_as_empty() -> None:
    frame = {"event_type": "best_bid_ask", "asset_id": YES, "timestamp": "1"}
    (event,) = MarketDecoder().decode(json.dumps(frame | {"best_bid": "", "best_ask": ""}))
    assert isinstance(event, BestBidAsk) and event.best_bid == ""


def test_unknown_kinds_are_counted_and_never_fatal() -> None:
    """W4"""
    decoder = MarketDecoder()
    assert decoder.decode(b'{"event_type":"moon_phase","asset_id":"1"}') == []
    assert decoder.unknown == {"moon_phase": 1}


def test_one_bad_object_does_not_cost_its_neighbours() -> None:
    good, decoder = json.loads(print_of()), MarketDecoder()
    bad = {"event_type": "last_trade_price", "price": "0.9"}
    events = decoder.decode(json.dumps([bad, good, {"event_type": "x"}]))
    assert [type(e) for e in events] == [LastTrade]
    assert decoder.malformed == {"last_trade_price": 1}
    assert decoder.unknown == {"x": 1}


@pytest.mark.parametrize(
    "frame", [b"", b"PONG", b"\xff\xfe", b"[1,2]", b"null", b'"x"', b"[" * 5000]
)
def test_a_malformed_frame_is_counted_and_skipped(frame: bytes) -> None:
    decoder = MarketDecoder()
    assert decoder.decode(frame) == []
    assert sum(decoder.malformed.values()) == 1


def test_the_number_of_counted_kinds_is_bounded() -> None:
    decoder = MarketDecoder()
    for i in range(300):
        decoder.decode(json.dumps({"event_type": f"kind{i}"}))
    assert len(decoder.unknown) <= 101 and sum(decoder.unknown.values()) == 300


@pytest.mark.parametrize(
    "name", ["book_initial_dump", "last_trade_price", "other_events", "price_change"]
)
def test_recorded_frames_are_read_whole(name: str) -> None:
    path = SAMPLES / f"ws_market_{name}.json"
    if not path.exists():
        pytest.skip(f"no recorded frames at {SAMPLES}")
    decoder, frame = MarketDecoder(), path.read_bytes()
    expected = json.loads(frame)
    assert len(decoder.decode(frame)) == (len(expected) if isinstance(expected, list) else 1)
    assert not decoder.malformed and not decoder.unknown


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(
    st.sampled_from([print_of(), change_of(), book_of([("0.1", "5")], [("0.9", "1")])]),
    st.data(),
)
def test_cut_and_retyped_frames_never_raise(frame: bytes, data: st.DataObject) -> None:
    decoder = MarketDecoder()
    decoder.decode(frame[: data.draw(st.integers(0, len(frame)))])
    value = json.loads(frame)
    target = value[0] if isinstance(value, list) else value
    target[data.draw(st.sampled_from(sorted(target)))] = data.draw(_JSON)
    decoder.decode(json.dumps(value))
