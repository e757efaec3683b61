"""activities/orders.py: which answers to a cancel begin the wait for the fills that raced it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import asyncpg

from activities.messages import OrderRequest, OrderTruth
from activities.orders import OrderActivities
from domain.money import Shares, Usd, shares, usd
from domain.orders import Fill, OrderStatus, TimeInForce
from domain.rules import EntryRules, PaceRules
from store.account import Account
from store.claims import Claims
from store.fills import Fills
from store.orders import Orders, StoredOrder
from tests.store.examples import NOW, SECOND, WIDE, buy, funded, match, signed, touch
from venue.records import Cancel, CancelState


class Asked:
    """A venue that lists nothing, says `state` to every cancel, and shows `shown` as fills."""

    def __init__(self) -> None:
        self.state = CancelState.ABSENT
        self.shown: list[Fill] = []

    async def cancel(self, order_id: str) -> Cancel:
        done = self.state is CancelState.DONE
        return Cancel(order_id=order_id, cancelled=done, state=self.state)

    async def order(self, order_id: str, expected: Shares | None = None) -> None:
        return None

    async def fills(self, order_id: str, condition_id: str) -> list[Fill]:
        return self.shown

    async def balance(self, refresh: bool) -> Usd:
        return usd(1_000)


class Look:
    """Looks at one resting BUY whose post got no answer, as a stopped trade does."""

    def __init__(self, pool: asyncpg.Pool[Any]) -> None:
        self.venue, self.orders, self.now = Asked(), Orders(pool), NOW
        venue: Any = self.venue
        given = (venue, self.orders, Fills(pool), Account(pool), EntryRules(), PaceRules())
        self._desk = OrderActivities(*given, lambda: self.now)
        self._pool, self._order_id = pool, ""

    async def post(self) -> None:
        """Store the order and count its post."""
        await funded(self._pool, 1_000, NOW)
        await Claims(self._pool).take(touch(), "run-1", NOW)
        ends = NOW + timedelta(minutes=5)
        intent = buy(touch(), tif=TimeInForce.GTD, expires_at=ends)
        kept = await self.orders.prepare(intent, signed(), WIDE, NOW)
        assert isinstance(kept, StoredOrder), kept
        self._order_id = kept.signed.order_id
        await self.orders.posting(self._order_id, NOW)

    async def at(self, second: int, state: CancelState) -> OrderTruth:
        """Cancel and read back at this second."""
        self.now, self.venue.state = NOW + second * SECOND, state
        return await self._desk.read_order(OrderRequest(order_id=self._order_id, stop=True))

    async def fill(self, count: str, matched_at: datetime) -> None:
        """Let the venue show a match."""
        order = await self.orders.get(self._order_id)
        assert order is not None
        self.venue.shown = [match(order, count=count, matched_at=matched_at)]


async def test_fills_that_raced_the_cancel_are_waited_for_although_earlier_ones_found_nothing(
    pool: asyncpg.Pool[Any],
) -> None:
    look = Look(pool)
    await look.post()
    for second in range(5, 46, 3):  # not there yet
        assert not (await look.at(second, CancelState.ABSENT)).terminal
    cancelled = await look.at(46, CancelState.DONE)  # it had come, and 12 shares of it were hit
    assert not cancelled.terminal
    await look.fill("12", NOW + 45 * SECOND)  # shown late
    for second in range(49, 64, 3):
        last = await look.at(second, CancelState.ENDED)
    assert (last.terminal, last.status, last.filled) == (True, OrderStatus.CANCELLED, shares(12))


async def test_an_order_that_the_venue_would_not_cancel_yet_begins_no_wait(
    pool: asyncpg.Pool[Any],
) -> None:
    look = Look(pool)
    await look.post()
    await look.at(5, CancelState.KEPT)
    order = await look.orders.get(look._order_id)
    assert order is not None and order.cancel_lived is None
