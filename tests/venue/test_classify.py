"""Every answer of the catalogue (facts 2.10) is mapped, and nothing unreadable proves anything."""

from __future__ import annotations

import json
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from domain.orders import Landing, OrderStatus
from venue.classify import Answer, Posted, error_of, post_answer
from venue.errors import Drift, NotReady, RefusalKind, Refused, Unknown

ID = "0x" + "ab" * 32
FAK = Posted(order_id=ID, resting=False, buys=True, shares=Decimal("21.0526"))
GTC = Posted(order_id=ID, resting=True, buys=True, shares=Decimal(21))
SELL = Posted(order_id=ID, resting=False, buys=False, shares=Decimal(20))
PAYLOADS = Path(__file__).parents[1] / "payloads" / "rest"
SAMPLES = Path(__file__).parents[3] / "shared" / "facts" / "samples"

LANDED, KILLED, REFUSED, NOT_READY, UNKNOWN = (
    Landing.LANDED,
    Landing.KILLED,
    Landing.REFUSED,
    Landing.NOT_READY,
    Landing.UNKNOWN,
)
K = RefusalKind
EXPECTED: dict[str, tuple[Landing, RefusalKind | None]] = {
    "resting": (LANDED, None),
    "matched": (LANDED, None),
    "matched_null_hashes": (LANDED, None),
    "matched_in_base_units": (LANDED, None),
    "delayed": (LANDED, None),
    "unmatched": (LANDED, None),
    "unknown_status": (LANDED, None),
    "empty_id": (UNKNOWN, None),
    "empty_id_with_text": (NOT_READY, None),
    "null_fields": (UNKNOWN, None),
    "fak_killed": (KILLED, None),
    "fok_killed": (KILLED, None),
    "duplicated": (LANDED, None),
    "tick": (REFUSED, K.TICK),
    "min_size": (REFUSED, K.SIZE),
    "crosses": (REFUSED, K.CROSSES),
    "funds": (REFUSED, K.FUNDS),
    "version": (REFUSED, K.VERSION),
    "signature": (REFUSED, K.SIGNATURE),
    "owner": (REFUSED, K.IDENTITY),
    "signer": (REFUSED, K.IDENTITY),
    "closed_only": (REFUSED, K.CLOSED_ONLY),
    "banned": (REFUSED, K.BANNED),
    "rounding": (REFUSED, K.ROUNDING),
    "notional": (REFUSED, K.NOTIONAL),
    "expiration": (REFUSED, K.EXPIRATION),
    "on_chain": (REFUSED, K.ENDED),
    "market_young": (NOT_READY, K.MARKET),
    "match_delayed": (UNKNOWN, None),
    "unheard_of": (UNKNOWN, None),
    "payload": (REFUSED, K.PAYLOAD),
    "api_key": (REFUSED, K.AUTH),
    "geo_json": (REFUSED, K.BLOCKED),
    "no_book": (REFUSED, K.MARKET),
    "restarting": (NOT_READY, None),
    "throttled": (NOT_READY, None),
    "engine": (UNKNOWN, None),
    "engine_with_mode_words": (UNKNOWN, None),
    "post_only": (NOT_READY, None),
    "cancel_only": (NOT_READY, None),
    "disabled": (NOT_READY, None),
    "balancer": (UNKNOWN, None),
    "gateway": (UNKNOWN, None),
}


def cases() -> list[dict[str, Any]]:
    text = (PAYLOADS / "post_answers.json").read_text().replace("$ID", ID)
    return list(json.loads(text))


def answer(case: dict[str, Any]) -> Answer:
    return Answer(case["http"], case.get("headers", {}), json.dumps(case["body"]).encode())


def named(name: str) -> Answer:
    return answer(next(case for case in cases() if case["case"] == name))


def test_every_payload_has_an_expectation_and_the_reverse() -> None:
    assert {case["case"] for case in cases()} == set(EXPECTED)


@pytest.mark.parametrize("case", cases(), ids=lambda case: str(case["case"]))
def test_an_answer_to_a_post_proves_what_the_table_says(case: dict[str, Any]) -> None:
    found = post_answer(answer(case), FAK)
    landing, kind = EXPECTED[case["case"]]
    assert (found.landing, found.kind) == (landing, kind)
    assert found.attempt is found.landing


@pytest.mark.parametrize("case", cases(), ids=lambda case: str(case["case"]))
def test_a_repeat_proves_nothing_about_an_earlier_unanswered_post_unless_it_landed(
    case: dict[str, Any],
) -> None:
    first = post_answer(answer(case), FAK)
    repeat = post_answer(answer(case), FAK, earlier_unanswered=True)
    assert repeat.attempt is first.landing
    assert repeat.landing is (LANDED if first.landing is LANDED else UNKNOWN)
    if repeat.landing is UNKNOWN:
        assert repeat.matched is None


def test_duplicated_proves_that_the_venue_knows_the_order() -> None:
    found = post_answer(named("duplicated"), FAK, earlier_unanswered=True)
    assert (found.landing, found.duplicated, found.matched) == (LANDED, True, None)


def test_an_answer_about_another_order_is_drift() -> None:
    other = Posted(order_id="0x" + "cd" * 32, resting=False, buys=True, shares=Decimal(5))
    for name in ("resting", "fak_killed", "duplicated"):
        with pytest.raises(Drift, match="expected an answer about order"):
            post_answer(named(name), other)


def test_an_error_text_beside_our_id_is_read_as_a_refusal() -> None:
    body = {"errorMsg": "invalid signature", "orderID": ID, "success": False}
    found = post_answer(Answer(200, {}, json.dumps(body).encode()), FAK)
    assert (found.landing, found.kind) == (REFUSED, K.SIGNATURE)
    unknown = {"errorMsg": "never heard of", "orderID": ""}
    assert post_answer(Answer(200, {}, json.dumps(unknown).encode()), FAK).landing is UNKNOWN


@pytest.mark.parametrize("status", [400, 404, 408, 409, 422, 499])
def test_a_sentence_that_nobody_has_met_proves_nothing_of_an_order(status: int) -> None:
    """Facts 13: only a validation text is a refusal; "is being processed" may mean accepted."""
    found = post_answer(Answer(status, {}, b'{"error":"order is being processed"}'), FAK)
    assert (found.landing, found.attempt) == (UNKNOWN, UNKNOWN)


@pytest.mark.parametrize(("status", "kind"), [(401, K.AUTH), (403, K.BLOCKED)])
def test_who_is_turned_away_at_the_door_has_placed_nothing(status: int, kind: RefusalKind) -> None:
    found = post_answer(Answer(status, {}, b'{"error":"go away"}'), FAK)
    assert (found.landing, found.kind) == (REFUSED, kind)


def test_a_redirect_with_json_proves_nothing() -> None:
    assert post_answer(Answer(302, {}, b'{"error":"moved"}'), FAK).landing is UNKNOWN


def test_live_settles_the_status_of_a_resting_order_only() -> None:
    assert post_answer(named("resting"), GTC).status is OrderStatus.LIVE
    fak = post_answer(named("resting"), FAK)
    assert (fak.status, fak.matched) == (None, None)


def test_matched_shares_are_what_a_buy_takes_and_a_sell_gives() -> None:
    assert post_answer(named("matched"), FAK).matched == Decimal("21.276595")
    assert post_answer(named("matched"), SELL).matched == Decimal("19.999999")
    assert post_answer(named("matched"), FAK).trade_ids == ("t-1", "t-2")
    assert post_answer(named("resting"), GTC).matched == 0


def test_six_decimal_integers_are_recognised_by_the_orders_own_size() -> None:
    assert post_answer(named("matched_in_base_units"), FAK).matched == Decimal("21.276595")


@pytest.mark.parametrize("name", ["delayed", "unmatched", "unknown_status", "duplicated", "engine"])
def test_an_answer_that_does_not_say_leaves_the_matched_shares_unknown(name: str) -> None:
    assert post_answer(named(name), FAK).matched is None


@pytest.mark.parametrize("name", ["fak_killed", "funds"])
def test_a_killed_or_refused_order_has_matched_nothing(name: str) -> None:
    assert post_answer(named(name), FAK).matched == 0


@pytest.mark.parametrize(
    "body", [b"", b"   ", b"<html>Attention Required</html>", b"[]", b'"x"', b'{"orderID":']
)
@pytest.mark.parametrize("status", [200, 201, 302, 400, 403, 500, 503])
def test_a_body_that_is_no_json_object_proves_nothing(status: int, body: bytes) -> None:
    assert post_answer(Answer(status, {}, body), FAK).landing is UNKNOWN


@pytest.mark.parametrize("status", [425, 429])
def test_a_restart_or_throttle_acts_before_the_engine_whatever_its_body(status: int) -> None:
    found = post_answer(Answer(status, {"Retry-After": "7"}, b"<html>"), FAK)
    assert (found.landing, found.retry_after) == (NOT_READY, timedelta(seconds=7))


def test_the_wait_is_read_from_header_or_body_and_nonsense_is_ignored() -> None:
    assert named("post_only").retry_after() == timedelta(seconds=61)
    body = b'{"error":"x","retry_after_seconds":4}'
    assert Answer(503, {}, body).retry_after() == timedelta(seconds=4)
    for header in ("soon", "-1", "nan", "1e999"):
        assert Answer(503, {"retry-after": header}, b"{}").retry_after() is None
    assert Answer(429, {"retry-after": "999999"}, b"").retry_after() == timedelta(hours=1)


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (401, b'{"error":"Unauthorized/Invalid api key"}', K.AUTH),
        (401, b"", K.AUTH),
        (403, b"<html>", K.BLOCKED),
        (404, b'{"error":"No orderbook exists for the requested token id"}', K.MARKET),
        (404, b'{"error":"Order not found"}', K.NOT_FOUND),
        (400, b'{"error":"something new"}', K.OTHER),
    ],
)
def test_a_refused_read_names_its_kind(status: int, body: bytes, kind: RefusalKind) -> None:
    error = error_of(Answer(status, {}, body))
    assert isinstance(error, Refused)
    assert error.kind is kind


@pytest.mark.parametrize("status", [425, 429, 503])
def test_a_read_that_may_work_later_is_not_ready(status: int) -> None:
    error = error_of(Answer(status, {"Retry-After": "2"}, b'{"error":"later"}'))
    assert isinstance(error, NotReady)
    assert error.retry_after == timedelta(seconds=2)


@pytest.mark.parametrize(("status", "body"), [(500, b"{}"), (404, b"<html>"), (302, b"")])
def test_any_other_failed_read_is_unknown(status: int, body: bytes) -> None:
    assert isinstance(error_of(Answer(status, {}, body)), Unknown)


def test_only_some_refusals_need_a_person() -> None:
    assert K.SIGNATURE.fatal
    assert not K.FUNDS.fatal


@pytest.mark.skipif(not SAMPLES.exists(), reason="the recorded samples are not on this machine")
def test_the_recorded_samples_are_all_understood() -> None:
    recorded = json.loads((SAMPLES / "rest_post_order_responses.json").read_text())
    order_id = "0x32961c48ddac87ed3582f8e02097cd0eff4fcf80460306bd44b3710438dfa64c"
    posted = Posted(order_id=order_id, resting=False, buys=True, shares=Decimal(15))
    for case in recorded:
        if isinstance(case["body"], dict):
            assert post_answer(answer(case), posted).kind is not K.OTHER, case["case"]
