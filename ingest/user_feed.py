"""The user channel: one socket with our credentials, its frames turned into signals."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable

import structlog

from domain.market import Mode
from ingest.news import SIGNAL, News
from ingest.outage import STORE_AWAY
from ingest.signals import Signals
from store.orders import Orders
from venue.stream import Stream, StreamLimits
from venue.transport import ApiCreds
from venue.wire.subscribe import user_first
from workflows.messages import VenueEvent

log = structlog.get_logger()


class UserFeed:
    """Nothing is replayed after a reconnect, so every open order is then looked at again."""

    def __init__(
        self,
        url: str,
        creds: ApiCreds,
        news: News,
        resync: Callable[[], Awaitable[None]],
        limits: StreamLimits | None = None,
    ) -> None:
        """`resync` is called after every (re)connection."""
        self._news, self._resync = news, resync
        self._connected = asyncio.Event()
        self.stream = Stream(
            url,
            lambda: user_first(creds.key, creds.secret, creds.passphrase),
            news.frame,
            self._epoch,
            epochs=itertools.count(1),
            limits=limits,
        )

    def gate(self, full: bool) -> None:
        """Stop or resume reading."""
        (self.stream.gate.clear if full else self.stream.gate.set)()

    async def run(self) -> None:
        """Read for ever."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.stream.run())
            group.create_task(self._news.run())
            group.create_task(self._resyncs())

    def _epoch(self, epoch: int, why: str) -> None:
        log.info("user_epoch", epoch=epoch, why=why)
        self._connected.set()

    async def _resyncs(self) -> None:
        while True:
            await self._connected.wait()
            self._connected.clear()
            try:
                await self._resync()
            except STORE_AWAY as error:
                log.warning("resync_failed", error=repr(error)[:200])
                await asyncio.sleep(1)
                self._connected.set()


def resync_open_orders(
    orders: Orders, mode: Mode, signals: Signals
) -> Callable[[], Awaitable[None]]:
    """Return what tells every trade with an open order to look at it."""

    async def resync() -> None:
        for order in await orders.open(mode):
            event = VenueEvent(order_id=order.signed.order_id, kind="resync")
            key = f"{order.signed.order_id}:resync"
            signals.put(order.intent.workflow_id, key, SIGNAL, event)

    return resync
