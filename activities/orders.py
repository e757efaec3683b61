"""Order activities: post stored bytes, read an order's fate, cancel. The only spenders.

If the process dies on any line here, the next attempt finds the order and the number of posts
in the store, so it never signs again and never takes a refusal of a repeat for the truth.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta

from temporalio import activity
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from activities.balance import refresh_balance
from activities.clock import Clock
from activities.fills import apply_fills
from activities.killpoint import passing
from activities.messages import OrderRequest, OrderTruth, Posted
from activities.venue_errors import nothing_yet, venue_failures
from domain.book import Book
from domain.gates import Stale, stale_order
from domain.money import MICRO, ZERO, Price, Shares
from domain.orders import FillStatus, Landing, Leg, OrderStatus
from domain.proof import STEP, STRANGE_STEP, CancelAnswer, Evidence, Proof, judge
from domain.rules import EntryRules, PaceRules
from store.account import Account
from store.fills import Fills
from store.orders import Orders, StoredOrder
from venue.errors import VenueError
from venue.polymarket import Venue
from venue.records import CancelState
from venue.transport import Permit

_ANSWERS = {
    CancelState.DONE: CancelAnswer.CANCELLED,
    CancelState.ENDED: CancelAnswer.OVER,
    CancelState.ABSENT: CancelAnswer.NOT_FOUND,
    CancelState.KEPT: CancelAnswer.NO_ANSWER,
}

PERMIT = timedelta(milliseconds=800)  # from the halt check to the socket (O1: halt within 1 s)


class OrderActivities:
    """Bound to one account; built once per worker in worker/bootstrap.py."""

    def __init__(
        self,
        venue: Venue,
        orders: Orders,
        fills: Fills,
        account: Account,
        entry: EntryRules,
        pace: PaceRules,
        clock: Clock,
    ) -> None:
        self._venue, self._orders, self._fills = venue, orders, fills
        self._account, self._entry = account, entry
        self._pace, self._clock = pace, clock

    @activity.defn
    async def post_order(self, request: OrderRequest) -> Posted:
        """Post the stored bytes once; a retry posts the same bytes while the intent is fresh.

        Before each post one statement counts it and checks the halt state, so that the number
        of posts that may have left this machine is always known (facts 13.3).

        Raises:
            ApplicationError: VenueUnknown or VenueNotReady while the same bytes may be posted
                again; both are retried.
        """
        order = await self._stored(request.order_id)
        if order.status.terminal or order.landing in _SETTLED:
            return _posted(order, order.landing or Landing.UNKNOWN)
        if not self._fresh(order):
            return _posted(order, Landing.UNKNOWN if order.posts else Landing.REFUSED)
        asked = self._clock()
        permit = await self._orders.posting(request.order_id, asked)
        passing("permit:after")
        if not permit.allowed:
            return _posted(order, Landing.UNKNOWN if order.posts else Landing.REFUSED)
        earlier = permit.posts > order.answers + 1 or order.landing is Landing.UNKNOWN
        if not self._fresh(order):  # time passed in the database: nothing leaves any more
            kept = await self._orders.landed(
                request.order_id, Landing.NOT_READY, None, "stale: not sent", self._clock()
            )
            return _posted(kept, kept.landing or Landing.UNKNOWN)
        return await self._post(order, asked + PERMIT, earlier=earlier)

    def _fresh(self, order: StoredOrder) -> bool:
        """Return whether a post may still be made: past its time an intent is dead."""
        return self._clock() < order.intent.post_before

    async def _post(self, order: StoredOrder, until: datetime, *, earlier: bool) -> Posted:
        """Post, and write down what it proved; a post that was only counted proved nothing.

        Past `until` a halt may have come: nothing is sent, and the next attempt asks again.

        Raises:
            ApplicationError: VenueUnknown or VenueNotReady: post the same bytes once more.
        """
        order_id = order.signed.order_id
        with venue_failures():
            post = await self._venue.post(
                order.signed,
                earlier_unanswered=earlier,
                permit=Permit(
                    lambda: self._fresh(order) and self._clock() <= until,
                    patience=(until - self._clock()).total_seconds(),
                ),
            )
        passing("post:after")
        kept = await self._orders.landed(
            order_id, post.landing, post.status, post.text, self._clock(), matched=post.matched
        )
        passing("landed:after")
        if post.attempt in _AGAIN:
            raise ApplicationError(
                post.text,
                type="VenueNotReady" if post.attempt is Landing.NOT_READY else "VenueUnknown",
                next_retry_delay=post.retry_after,
                category=ApplicationErrorCategory.BENIGN,
            )
        return _posted(kept, kept.landing or Landing.UNKNOWN)

    @activity.defn
    async def read_order(self, request: OrderRequest) -> OrderTruth:
        """Read trades and book, apply every fill once, and close the order on proof alone."""
        return await self._read(request.order_id, stop=request.stop)

    @activity.defn
    async def await_order(self, request: OrderRequest) -> OrderTruth:
        """Return when the truth differs from what the trade knows, or is final.

        Raises:
            ApplicationError: NothingYet, retried after `pace.fill_poll`; adds no history.
        """
        truth = await self._read(request.order_id, stop=False)
        if truth.terminal or truth.filled != request.known_filled:
            return truth
        unknown = OrderStatus.UNKNOWN
        if request.known_status and (truth.status is unknown) != (request.known_status is unknown):
            return truth
        raise nothing_yet(truth.evidence, self._pace.fill_poll)

    async def _read(self, order_id: str, *, stop: bool) -> OrderTruth:
        order = await self._orders.looked(order_id, self._clock(), STEP, STRANGE_STEP)
        if order.status.terminal:
            return await self._truth(order, Proof(status=order.status, terminal=True, evidence=""))
        answer, posts = CancelAnswer.NOT_ASKED, order.posts
        with venue_failures():
            if order.posts and not order.adopted and (stop or await self._must_go(order)):
                answer = await self._cancel(order_id)
            proof, order = await self._judge(order, answer, stop=stop)
        if proof.terminal:
            passing("close:before")
            order, proof = await self._close(order, proof, posts)
            passing("close:after")
        elif proof.status is not order.status:
            await self._orders.mark(order_id, proof.status)
        return await self._truth(order, proof)

    async def _close(
        self, order: StoredOrder, proof: Proof, posts: int
    ) -> tuple[StoredOrder, Proof]:
        """End an order on its proof; "never posted" is decided by the database, under its lock.

        A post that began since the look was counted first, and then the order stays open.
        """
        order_id, now, intent = order.signed.order_id, self._clock(), order.intent
        if posts:
            order = await self._orders.close(order_id, proof.status, proof.evidence, now, posts)
        else:
            await self._orders.close_unposted(intent.workflow_id, proof.evidence, now, intent.mode)
            order = await self._stored(order_id)
        if order.closed_at is None:
            return order, Proof(status=order.status, terminal=False, evidence="a post is under way")
        return order, proof

    async def _must_go(self, order: StoredOrder) -> bool:
        """Return whether an order of ours is past its time, or rests in a dead book (G14)."""
        intent, now = order.intent, self._clock()
        if now > (intent.expires_at or intent.post_before):
            return True
        age = now - (order.first_posted_at or now)
        if intent.leg is not Leg.ENTRY or age < self._entry.stale_min_age:
            return False
        why = stale_order(age, intent.limit, await self._book(intent.token_id), self._entry)
        if why is not Stale.KEEP:
            activity.logger.info(
                "order_stale", extra={"order_id": order.signed.order_id, "why": why.value}
            )
        return why is not Stale.KEEP

    async def _book(self, token_id: str) -> Book | None:
        """Return the book; one that could not be read proves nothing."""
        with suppress(VenueError):
            return await self._venue.book(token_id)
        return None

    async def _cancel(self, order_id: str) -> CancelAnswer:
        """Cancel by id; what the venue could not answer is no answer."""
        passing("cancel:before")
        try:
            answer = await self._venue.cancel(order_id)
            passing("cancel:after")
            if answer.state is not CancelState.KEPT:  # kept: it may fill as before
                done = answer.state is CancelState.DONE
                await self._orders.cancel_answered(order_id, self._clock(), done=done)
            return _ANSWERS[answer.state]
        except VenueError:
            activity.logger.warning("cancel_unanswered", extra={"order_id": order_id})
            return CancelAnswer.NO_ANSWER

    async def _judge(
        self, order: StoredOrder, answer: CancelAnswer, *, stop: bool
    ) -> tuple[Proof, StoredOrder]:
        """Read the book first and the trades after it, so that no fill hides between them."""
        order_id, now = order.signed.order_id, self._clock()
        passing("read:before")
        on_book = await self._venue.order(order_id) if order.posts else None
        if order.posts:
            await self._apply_fills(order)
            order = await self._stored(order_id)
        if order.adopted:
            order = await self._orders.absent(order_id, None if on_book else now)
        evidence = Evidence(
            tif=order.intent.tif,
            landing=_landing(order),
            posts=order.posts,
            may_post=not stop and now < order.intent.post_before,
            original=order.intent.shares,
            filled=order.filled,
            failed=await self._failed(order_id),
            matched=order.matched,
            on_book=on_book,
            stranger=order.adopted,
            cancel=answer,
            quiet=order.watched_since(timedelta(0)),
            since_cancel=order.watched_since(order.cancel_lived),
            absent=order.watched_since(order.absent_lived),
        )
        return judge(evidence), order

    async def _failed(self, order_id: str) -> Shares:
        """Return the shares of matches that failed to settle: seen, and nothing moved."""
        fills = await self._fills.of_order(order_id)
        failed = (f.shares for f in fills if f.status is FillStatus.FAILED)
        return Shares(sum(failed, ZERO))

    async def _apply_fills(self, order: StoredOrder) -> None:
        """Apply each fill once, then ask for the balance again where any was news (G4)."""
        mode = order.intent.mode
        fills = await self._venue.fills(order.signed.order_id, order.intent.condition_id)
        passing("read:after")
        changed, _ = await apply_fills(self._fills, mode, fills, self._clock)
        if changed:
            with suppress(VenueError):  # then the balance is unknown, and no entry is allowed
                await refresh_balance(self._venue, self._account, mode, self._clock)

    async def _stored(self, order_id: str) -> StoredOrder:
        order = await self._orders.get(order_id)
        if order is None:
            raise ValueError(f"expected a stored order, was {order_id}")
        return order

    async def _truth(self, order: StoredOrder, proof: Proof) -> OrderTruth:
        fills = await self._fills.of_order(order.signed.order_id)
        counted = [f for f in fills if f.status is not FillStatus.FAILED]
        shares = sum((f.shares for f in counted), ZERO)
        cost = sum((f.shares * f.price for f in counted), ZERO)
        return OrderTruth(
            order_id=order.signed.order_id,
            status=proof.status,
            filled=order.filled,
            average=Price((cost / shares).quantize(MICRO)) if shares else None,
            terminal=proof.terminal,
            evidence=proof.evidence or order.venue_text,
        )


def _landing(order: StoredOrder) -> Landing | None:
    """Return what all posts together proved: one without an answer leaves it unknown."""
    if order.posts > order.answers and order.landing is not Landing.LANDED:
        return Landing.UNKNOWN
    return order.landing


_AGAIN = frozenset({Landing.NOT_READY, Landing.UNKNOWN})
_SETTLED = frozenset({Landing.LANDED, Landing.KILLED, Landing.REFUSED})


def _posted(order: StoredOrder, landing: Landing) -> Posted:
    return Posted(
        order_id=order.signed.order_id,
        landing=landing,
        text=order.venue_text,
        closed=order.status.terminal,
    )
