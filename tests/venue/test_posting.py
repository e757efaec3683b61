"""Posting sends exactly the stored bytes and says what the answer proves; cancelling the same."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac

import httpx
import pytest

from domain.orders import Landing, SignedOrder
from tests.venue.scripted import ADDRESS, CREDS, NOW, Script, intent, signer
from venue.errors import Drift, NotReady, RefusalKind, Refused, Unknown
from venue.mode import ModeWatch, VenueMode
from venue.posting import Posting
from venue.records import CancelState

ORDER = signer().sign(intent(), salt=42, at=NOW)
POST = "POST clob/order"
DELETE = "DELETE clob/order"


def accepted(status: str = "matched") -> dict[str, object]:
    return {
        "errorMsg": "",
        "orderID": ORDER.order_id,
        "takingAmount": "21.2",
        "makingAmount": "19.99",
        "status": status,
        "success": True,
    }


async def test_the_stored_bytes_are_sent_unchanged_and_signed_over_exactly_them() -> None:
    script = Script().on(POST, accepted())
    await Posting(script.transport()).post(ORDER)
    (request,) = script.asked(POST)
    assert request.content.decode() == ORDER.body
    stamp = request.headers["POLY_TIMESTAMP"]
    message = f"{stamp}POST/order{ORDER.body}".encode()
    digest = hmac.new(base64.urlsafe_b64decode(CREDS.secret), message, hashlib.sha256).digest()
    assert request.headers["POLY_SIGNATURE"] == base64.urlsafe_b64encode(digest).decode()
    assert stamp == str(int(NOW.timestamp()))
    assert request.headers["POLY_ADDRESS"] == ADDRESS
    assert request.headers["POLY_API_KEY"] == CREDS.key
    assert request.headers["Content-Type"] == "application/json"


async def test_posting_twice_sends_the_same_body() -> None:
    script = Script().on(POST, httpx.ReadTimeout("lost"), accepted())
    posting = Posting(script.transport())
    assert (await posting.post(ORDER)).landing is Landing.UNKNOWN
    assert (await posting.post(ORDER, earlier_unanswered=True)).landing is Landing.LANDED
    first, second = script.asked(POST)
    assert first.content == second.content


@pytest.mark.parametrize("error", [httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout])
async def test_without_a_connection_nothing_happened(error: type[httpx.TransportError]) -> None:
    script = Script().on(POST, error("refused"))
    found = await Posting(script.transport()).post(ORDER)
    assert found.landing is Landing.NOT_READY


@pytest.mark.parametrize(
    "error",
    [httpx.ReadTimeout, httpx.WriteTimeout, httpx.ReadError, httpx.RemoteProtocolError],
)
async def test_a_lost_answer_may_be_an_order(error: type[httpx.TransportError]) -> None:
    script = Script().on(POST, error("cut"))
    found = await Posting(script.transport()).post(ORDER)
    assert found.landing is Landing.UNKNOWN


async def test_no_connection_on_a_repeat_says_nothing_of_the_unanswered_first() -> None:
    script = Script().on(POST, httpx.ConnectError("down"))
    found = await Posting(script.transport()).post(ORDER, earlier_unanswered=True)
    assert (found.landing, found.attempt) == (Landing.UNKNOWN, Landing.NOT_READY)


async def test_a_post_is_never_repeated_by_the_room_itself() -> None:
    """ING-H1: one attempt each; the caller alone repeats."""
    script = Script().on(POST, {"error": "could not run the execution"}, status=500)
    await Posting(script.transport()).post(ORDER)
    assert len(script.asked(POST)) == 1


async def test_a_cancelled_post_propagates_within_bounds() -> None:
    """ING-H2: cancellation ends the call and is not swallowed."""
    entered = asyncio.Event()

    async def hang(request: httpx.Request) -> httpx.Response:
        entered.set()
        await asyncio.Event().wait()
        raise AssertionError("not reached")

    transport = Script().transport()
    transport._client = httpx.AsyncClient(transport=httpx.MockTransport(hang))
    task = asyncio.create_task(Posting(transport).post(ORDER))
    await entered.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, 1)


async def test_after_a_restart_answer_all_entries_wait_and_then_one_asks_again() -> None:
    now = [1000.0]
    modes = ModeWatch(clock=lambda: now[0])
    script = Script().on(POST, httpx.Response(425, json={"error": "Too Early"}), accepted())
    posting = Posting(script.transport(modes=modes))
    assert (await posting.post(ORDER)).landing is Landing.NOT_READY
    assert posting.mode().mode is VenueMode.RESTARTING
    held = await posting.post(ORDER)
    assert held.landing is Landing.NOT_READY
    assert held.retry_after is not None
    assert len(script.asked(POST)) == 1
    now[0] += 1.5
    assert (await posting.post(ORDER)).landing is Landing.LANDED
    assert posting.mode().mode is VenueMode.NORMAL


async def test_cancels_go_out_in_every_mode() -> None:
    answer = {"canceled": [ORDER.order_id], "not_canceled": {}}
    down = httpx.Response(503, json={"error": "Trading is currently cancel-only. x"})
    script = Script().on(POST, down).on(DELETE, answer)
    posting = Posting(script.transport())
    await posting.post(ORDER)
    assert posting.mode().mode is VenueMode.CANCEL_ONLY
    assert (await posting.cancel(ORDER.order_id)).cancelled
    assert posting.mode().mode is VenueMode.CANCEL_ONLY


@pytest.mark.parametrize(
    ("reason", "state"),
    [
        ("already canceled or matched", CancelState.ENDED),
        ("Order already matched", CancelState.ENDED),
        ("Order not found or already canceled", CancelState.ABSENT),
        ("order is delayed", CancelState.KEPT),
    ],
)
async def test_an_order_that_was_not_cancelled_is_an_answer(
    reason: str, state: CancelState
) -> None:
    script = Script().on(DELETE, {"canceled": [], "not_canceled": {ORDER.order_id: reason}})
    found = await Posting(script.transport()).cancel(ORDER.order_id)
    assert (found.cancelled, found.state, found.reason) == (False, state, reason)


async def test_a_cancel_signs_its_body() -> None:
    script = Script().on(DELETE, {"canceled": [ORDER.order_id], "not_canceled": {}})
    await Posting(script.transport()).cancel(ORDER.order_id)
    (request,) = script.asked(DELETE)
    assert request.content.decode() == f'{{"orderID":"{ORDER.order_id}"}}'


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (httpx.Response(200, json={"canceled": [], "not_canceled": {}}), Drift),
        (httpx.Response(200, text="<html>"), Unknown),
        (httpx.Response(500, json={"error": "x"}), Unknown),
        (httpx.Response(425, json={"error": "x"}), NotReady),
        (httpx.Response(401, json={"error": "Unauthorized/Invalid api key"}), Refused),
        (httpx.ReadTimeout("x"), Unknown),
    ],
)
async def test_a_cancel_without_an_answer_about_the_order_raises(
    reply: httpx.Response | Exception, error: type[Exception]
) -> None:
    script = Script().on(DELETE, reply)
    with pytest.raises(error):
        await Posting(script.transport()).cancel(ORDER.order_id)


@pytest.mark.parametrize("body", ["", "[]", '{"order":1}', '{"order":{}}'])
async def test_stored_bytes_that_are_no_order_are_drift_and_nothing_is_sent(body: str) -> None:
    script = Script().on(POST, accepted())
    broken = SignedOrder(**(ORDER.model_dump() | {"body": body}))
    with pytest.raises(Drift):
        await Posting(script.transport()).post(broken)
    assert not script.requests


async def test_a_throttled_account_holds_everything_back() -> None:
    script = Script().on(POST, httpx.Response(429, headers={"Retry-After": "20"}, json={}))
    transport = script.transport()
    posting = Posting(transport)
    assert (await posting.post(ORDER)).landing is Landing.NOT_READY
    assert 15 < transport.limiter.paused_for <= 20
    again = await posting.post(ORDER)
    assert again.landing is Landing.NOT_READY
    assert len(script.asked(POST)) == 1
    with pytest.raises(NotReady):
        await posting.cancel(ORDER.order_id)


async def test_a_refusal_names_its_kind() -> None:
    script = Script().on(POST, {"error": "invalid signature"}, status=400)
    found = await Posting(script.transport()).post(ORDER)
    assert (found.landing, found.kind) == (Landing.REFUSED, RefusalKind.SIGNATURE)
