"""News: what the user channel says of our orders, passed on to the trades that own them."""

from __future__ import annotations

import asyncio
from collections import Counter, OrderedDict
from collections.abc import Callable
from typing import Protocol

import structlog

from ingest.outage import STORE_AWAY
from ingest.signals import Signals
from venue.wire.user import UserDecoder, UserEvent
from workflows.messages import VenueEvent

log = structlog.get_logger()

SIGNAL = "venue_event"
REMEMBERED = 50_000  # owners kept in memory
AGAIN = 1.0  # seconds between two attempts while the store is away
LOOKS = (0.05, 0.2, 0.5, 1.0, 2.0, 5.0, 15.0, 30.0)  # seconds: an order is stored before posted
ROOM = 10_000  # events that may wait for their owner; a full room stops the reading


class Owners(Protocol):
    """Who owns an order; `store.orders.Orders` in production."""

    async def owner(self, order_id: str) -> str | None:
        """Return the workflow id of the trade that signed the order, or None."""


OnStranger = Callable[[str, str, str], None]  # order id, kind, status


class News:
    """Finds the owner of each order and signals it; unknown orders go to `on_stranger`."""

    def __init__(
        self,
        decoder: UserDecoder,
        owners: Owners,
        signals: Signals,
        on_stranger: OnStranger,
        *,
        looks: tuple[float, ...] = LOOKS,
    ) -> None:
        """`looks` are the waits between asking for the owner of an unknown order."""
        self._decoder, self._owners, self._signals = decoder, owners, signals
        self._on_stranger, self._looks = on_stranger, looks
        self.on_full: Callable[[bool], object] = bool  # stops and resumes the reading
        self._known: OrderedDict[str, str] = OrderedDict()
        self._queue: asyncio.Queue[tuple[UserEvent, str]] = asyncio.Queue()
        self._full = False
        self.counts: Counter[str] = Counter()

    def frame(self, frame: bytes, seen_ns: int) -> None:
        """Take one frame of the user channel; returns at once."""
        for event in self._decoder.decode(frame):
            self.counts[event.kind] += 1
            for order_id in event.order_ids:
                self._queue.put_nowait((event, order_id))
        if not self._full and self._queue.qsize() > ROOM:
            self._full = True
            self.on_full(True)

    async def run(self) -> None:
        """Pass on what comes, until cancelled."""
        async with asyncio.TaskGroup() as group:
            while True:
                event, order_id = await self._queue.get()
                if (owner := self._known.get(order_id)) is not None:
                    self._pass_on(event, order_id, owner)
                elif not await self._found(event, order_id):
                    group.create_task(self._ask_later(event, order_id))
                if self._full and self._queue.qsize() < ROOM // 2:
                    self._full = False
                    self.on_full(False)

    async def _found(self, event: UserEvent, order_id: str) -> bool | None:
        """Look the owner up once; False: the store does not know the order, None: it is away."""
        try:
            owner = await self._owners.owner(order_id)
        except STORE_AWAY as error:
            self.counts["store_away"] += 1
            log.warning("owner_unanswered", order_id=order_id, error=repr(error)[:200])
            return None
        if owner is None:
            return False
        self._remember(order_id, owner)
        self._pass_on(event, order_id, owner)
        return True

    async def _ask_later(self, event: UserEvent, order_id: str) -> None:
        for wait in self._looks:
            await asyncio.sleep(wait)
            found = await self._found(event, order_id)
            while found is None:  # an outage uses up no look
                await asyncio.sleep(AGAIN)
                found = await self._found(event, order_id)
            if found:
                return
        self.counts["stranger"] += 1
        log.warning("stranger", order_id=order_id, kind=event.kind, status=event.status)
        self._on_stranger(order_id, event.kind, event.status)

    def _pass_on(self, event: UserEvent, order_id: str, owner: str) -> None:
        kind = event.status or event.kind
        message = VenueEvent(order_id=order_id, kind=kind, trade_id=event.trade_id or None)
        # Kinds are kept apart: a placement that waits must not hide a match, nor the reverse.
        self._signals.put(owner, f"{order_id}:{event.trade_id}:{kind}", SIGNAL, message)

    def _remember(self, order_id: str, owner: str) -> None:
        self._known[order_id] = owner
        if len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
