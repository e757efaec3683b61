"""Canary: place the smallest order that cannot match, see it, cancel it, see it gone."""

from __future__ import annotations

import json
import secrets
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from domain.book import Book
from domain.market import Market, Mode
from domain.money import Price, Usd
from domain.orders import Intent, Landing, Leg, OrderStatus, Side, SignedOrder, TimeInForce
from domain.record import Record
from venue.errors import RefusalKind, Refused, VenueError
from venue.polymarket import Venue
from venue.signing import SALT_BITS

Deed = Callable[[], Awaitable[tuple[bool, str]]]

ROOM = 10  # ticks below the best ask at least: nobody falls that far within seconds


class Step(Record):
    """One thing done, and what the venue said."""

    name: str
    ok: bool
    found: str
    took: timedelta = timedelta(0)


def canary_intent(market: Market, book: Book, at: datetime) -> Intent:
    """Return a buy of the minimum of shares at the lowest price there is.

    Raises:
        Refused: the book leaves no room below its best ask.
    """
    price = Price(book.tick)
    if book.best_ask is None or book.best_ask < price * ROOM:
        raise Refused(
            RefusalKind.PAYLOAD,
            f"expected a best ask of {price * ROOM} or more, was {book.best_ask}",
        )
    shares = book.min_size
    return Intent(
        mode=Mode.LIVE,
        workflow_id="canary",
        run_id="canary",
        leg=Leg.ENTRY,
        attempt=1,
        condition_id=market.condition_id,
        token_id=book.token_id,
        side=Side.BUY,
        tif=TimeInForce.GTC,
        limit=price,
        shares=shares,
        funds=Usd(Decimal(price) * Decimal(shares)),
        tick=book.tick,
        neg_risk=book.neg_risk,
        post_before=at + timedelta(minutes=1),
    )


def post_only(order: SignedOrder) -> SignedOrder:
    """Return the order as one that may only rest; the flag is no part of what is signed."""
    body = {**json.loads(order.body), "postOnly": True}
    return order.model_copy(update={"body": json.dumps(body, separators=(",", ":"))})


async def sing(venue: Venue, token_id: str) -> list[Step]:
    """Run the canary on one token and return its steps; the order is cancelled in any case.

    Raises:
        VenueError: nothing was posted.
    """
    book = await venue.book(token_id)
    market = await venue.market(book.condition_id)
    if market is None:
        raise Refused(RefusalKind.PAYLOAD, f"expected a market {book.condition_id}, was none")
    at = datetime.now(UTC)
    intent = canary_intent(market, book, at)
    order = post_only(await venue.sign(intent, secrets.randbits(SALT_BITS), at))
    song = _Song(venue, order)
    try:
        await song.note("post", song.posted)
        await song.note("seen open", song.seen)
    finally:
        # Also after an error or Ctrl-C: whatever became of the post, nothing of it may stay.
        await song.note("cancel", song.cancelled)
    await song.note("seen gone", song.gone)
    await song.note("no fill", song.unfilled)
    return song.steps


class _Song:
    """The steps of one canary."""

    def __init__(self, venue: Venue, order: SignedOrder) -> None:
        self.steps: list[Step] = []
        self._venue, self._order = venue, order
        self._condition = ""

    async def note(self, name: str, step: Deed) -> None:
        """Do one step and write down how it went; a venue error is an answer."""
        began = datetime.now(UTC)
        try:
            ok, found = await step()
        except VenueError as e:
            ok, found = False, str(e)
        took = datetime.now(UTC) - began
        self.steps.append(Step(name=name, ok=ok, found=found, took=took))

    async def posted(self) -> tuple[bool, str]:
        """Post it once."""
        post = await self._venue.post(self._order)
        return post.landing is Landing.LANDED, f"{post.landing.value} {post.text}".strip()

    async def seen(self) -> tuple[bool, str]:
        """Find it among the account's orders."""
        found = await self._venue.order(self._order.order_id)
        if found is None:
            return False, "not found"
        self._condition = found.condition_id
        return found.status is OrderStatus.LIVE, f"{found.original} shares at {found.price}"

    async def cancelled(self) -> tuple[bool, str]:
        """Cancel it."""
        answer = await self._venue.cancel(self._order.order_id)
        return answer.cancelled, answer.reason or answer.state.value

    async def gone(self) -> tuple[bool, str]:
        """Read back that it is open no more."""
        still = [o.order_id for o in await self._venue.open_orders()]
        return self._order.order_id not in still, f"{len(still)} orders open"

    async def unfilled(self) -> tuple[bool, str]:
        """Read back that nothing was bought."""
        fills = await self._venue.fills(self._order.order_id, self._condition)
        return not fills, f"{len(fills)} fills"
