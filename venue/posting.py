"""Posting and cancelling: exactly the stored bytes, signed for L2 at the moment of the post."""

from __future__ import annotations

from typing import Any

from domain.orders import Landing, Side, SignedOrder, TimeInForce
from venue.classify import Answer, Posted, error_of, post_answer, unanswered
from venue.errors import Drift, NotReady, Unknown, VenueError
from venue.mode import ModeState, VenueMode
from venue.records import Cancel, Post
from venue.transport import Permit, Transport
from venue.wire import account, fields

_RESTING = (TimeInForce.GTC.value, TimeInForce.GTD.value)


class Posting:
    """The two calls that change orders. Never retries: a repeat is the caller's decision."""

    def __init__(self, transport: Transport) -> None:
        self._http = transport

    def mode(self) -> ModeState:
        """Return the venue's mode as learnt from its answers; every entry waits upon it."""
        return self._http.modes.state()

    async def post(
        self,
        order: SignedOrder,
        *,
        earlier_unanswered: bool = False,
        permit: Permit | None = None,
    ) -> Post:
        """Post the stored bytes and return what that proves (facts 2.4, 2.6, 2.10).

        Nothing is sent while the venue is known to refuse orders. The L2 headers carry the
        time of this post; the order inside stays the same, byte for byte.

        Args:
            earlier_unanswered: an earlier post of these bytes never got an answer.
            permit: asked last of all, after every wait; without its leave nothing is sent.

        Raises:
            Drift: the answer speaks of another order, or the stored bytes are not an order.
        """
        posted = _posted(order)
        found = await self._attempt(order, posted, earlier_unanswered, permit)
        return unanswered(found) if earlier_unanswered else found

    async def cancel(self, order_id: str) -> Cancel:
        """Cancel one order and return what the venue says; "not cancelled" is an answer.

        Fills may have raced it: read them afterwards, whatever the answer (facts 2.8).

        Raises:
            Unknown, NotReady, Refused, Drift: no answer about this order.
        """
        content = f'{{"orderID":"{order_id}"}}'
        answer = await self._http.send("clob", "DELETE", "/order", private=True, content=content)
        self._learn(answer, entry=False)
        if answer.status != 200:
            raise error_of(answer)
        try:
            value: Any = answer.json()
        except ValueError as cause:
            raise Unknown("expected a cancel answer as JSON, was something else") from cause
        return fields.guarded(lambda: account.cancel_of(value, order_id), "a cancel answer")

    async def _attempt(
        self,
        order: SignedOrder,
        posted: Posted,
        repeat: bool,
        permit: Permit | None,
    ) -> Post:
        state = self._http.modes.admit()
        if state.mode is not VenueMode.NORMAL:
            return _not_sent(f"the venue is in mode {state.mode}", state)
        try:
            answer = await self._http.send(
                "clob", "POST", "/order", private=True, content=order.body, permit=permit
            )
        except NotReady as error:
            return Post(
                landing=Landing.NOT_READY,
                attempt=Landing.NOT_READY,
                text=str(error),
                retry_after=error.retry_after,
            )
        except VenueError as error:
            if isinstance(error, Drift):
                raise
            return Post(landing=Landing.UNKNOWN, attempt=Landing.UNKNOWN, text=str(error))
        self._learn(answer, entry=True)
        return post_answer(answer, posted, earlier_unanswered=repeat)

    def _learn(self, answer: Answer, *, entry: bool) -> None:
        words = answer.words() or ""
        hold = self._http.modes.learn(answer.status, words, answer.retry_after(), entry=entry)
        if hold > 0:
            self._http.limiter.pause(hold)


def _not_sent(text: str, state: ModeState) -> Post:
    return Post(
        landing=Landing.NOT_READY,
        attempt=Landing.NOT_READY,
        text=text,
        retry_after=state.wait,
    )


def _posted(order: SignedOrder) -> Posted:
    """What the answer must be about, read from the stored bytes themselves."""
    try:
        body = fields.row(fields.parse(order.body), "a stored order")
    except ValueError as cause:
        raise Drift(f"expected the stored bytes of {order.order_id} as JSON") from cause
    buys = fields.text(fields.row(body.get("order"), "an order"), "side") == Side.BUY
    return Posted(
        order_id=order.order_id,
        resting=fields.text(body, "orderType") in _RESTING,
        buys=buys,
        shares=order.taker_amount if buys else order.maker_amount,
    )
