"""Signals: hints to open trades, merged while they wait, repeated until Temporal takes them."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Protocol

import structlog
from pydantic import BaseModel

from ingest.trades import NotNow

log = structlog.get_logger()

FIRST_WAIT, LONGEST_WAIT = 0.1, 5.0  # seconds between attempts


class Teller(Protocol):
    """What signals trades; `ingest.trades.Trades` in production."""

    async def tell(self, workflow_id: str, signal: str, message: BaseModel) -> bool:
        """Signal, or return False when no trade runs; raise NotNow to be asked again."""


class Signals:
    """Sends the latest message of each (workflow, key); an older one that waits is replaced.

    Messages are hints: the trade looks for itself, so merging loses nothing, and the number
    that can wait is bounded by the open trades. After `give_up` seconds a hint is dropped and
    counted; the trade's own poll finds what it said.
    """

    def __init__(self, teller: Teller, *, workers: int = 16, give_up: float = 60.0) -> None:
        """Send with so many workers at once."""
        self._teller, self._workers, self._give_up = teller, workers, give_up
        self._waiting: dict[tuple[str, str], tuple[str, BaseModel]] = {}
        self._order: asyncio.Queue[tuple[str, str]] = asyncio.Queue()
        self.counts: Counter[str] = Counter()

    def put(self, workflow_id: str, key: str, signal: str, message: BaseModel) -> None:
        """Take a message for a trade; returns at once."""
        place = (workflow_id, key)
        if place in self._waiting:
            self.counts["merged"] += 1
        else:
            self._order.put_nowait(place)
        self._waiting[place] = (signal, message)

    async def run(self) -> None:
        """Send what is put, until cancelled."""
        async with asyncio.TaskGroup() as group:
            for _ in range(self._workers):
                group.create_task(self._work())

    async def _work(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            place = await self._order.get()
            wait, end = FIRST_WAIT, loop.time() + self._give_up
            while not await self._sent(place):
                if loop.time() > end:
                    self._waiting.pop(place, None)
                    self.counts["given_up"] += 1
                    log.warning("signal_given_up", workflow_id=place[0], key=place[1])
                    break
                await asyncio.sleep(wait)
                wait = min(wait * 2, LONGEST_WAIT)

    async def _sent(self, place: tuple[str, str]) -> bool:
        """Send the latest message of the place; False if it must be tried again."""
        signal, message = self._waiting.pop(place, (None, None))
        if signal is None or message is None:
            return True  # an earlier turn sent the newer message
        try:
            known = await self._teller.tell(place[0], signal, message)
        except NotNow:
            self.counts["retry"] += 1
            self._waiting.setdefault(place, (signal, message))
            return False
        self.counts["sent" if known else "no_trade"] += 1
        return True
