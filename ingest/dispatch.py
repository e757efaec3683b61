"""Dispatch: from a trigger to a started workflow, whatever Temporal is doing just now."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Protocol

import structlog

from domain.trigger import Trigger
from ingest.trades import NotNow

log = structlog.get_logger()

FIRST_WAIT, LONGEST_WAIT = 0.1, 5.0  # seconds between attempts


def utc_now() -> datetime:
    """Return the time, aware and in UTC."""
    return datetime.now(UTC)


class Starter(Protocol):
    """What starts trades; `ingest.trades.Trades` in production."""

    async def start(self, trigger: Trigger) -> bool:
        """Start, or return False for an id that is taken; raise NotNow to be asked again."""


class Dispatch:
    """Starts trades with bounded concurrency; repeats until the trigger is too old.

    Nothing offered is ever dropped: when `room` triggers wait, `on_full(True)` asks the
    readers to stop reading. A trigger that grows too old, or is given up, goes to `on_missed`.
    """

    def __init__(
        self,
        starter: Starter,
        max_age: timedelta,
        on_missed: Callable[[Trigger, str], None],
        *,
        on_full: Callable[[bool], object] = bool,
        workers: int = 32,
        room: int = 10_000,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        """`max_age` counts from the venue's time of the touch (G1)."""
        self._starter, self._max_age, self._now = starter, max_age, now
        self._on_missed, self._on_full = on_missed, on_full
        self._workers, self._room, self._full = workers, room, False
        self._queue: asyncio.Queue[Trigger] = asyncio.Queue()
        self._hand: dict[int, Trigger] = {}  # by worker
        self._tasks: list[asyncio.Task[None]] = []
        self._over = ""  # why nothing is started any more
        self.counts: Counter[str] = Counter()

    @property
    def waiting(self) -> int:
        """Return how many triggers are not yet started, given up or found taken."""
        return self._queue.qsize() + len(self._hand)

    def offer(self, trigger: Trigger) -> None:
        """Take a trigger; returns at once."""
        if self._over:
            self._miss(trigger, self._over)
            return
        self._queue.put_nowait(trigger)
        if not self._full and self._queue.qsize() >= self._room:
            self._full = True
            self._on_full(True)

    async def run(self) -> None:
        """Start what is offered, until cancelled."""
        async with asyncio.TaskGroup() as group:
            self._tasks = [group.create_task(self._work(n)) for n in range(self._workers)]

    async def drain(self, within: float) -> None:
        """Wait until nothing waits, at most so many seconds."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within):
                await self._queue.join()

    def give_up(self, why: str) -> None:
        """End the work for good; what is queued or in hand is missed for this reason."""
        self._over = why
        for task in self._tasks:
            task.cancel()
        left, self._hand = list(self._hand.values()), {}
        left += [self._queue.get_nowait() for _ in range(self._queue.qsize())]
        for trigger in left:
            self._miss(trigger, why)

    async def _work(self, number: int) -> None:
        while True:
            trigger = self._hand[number] = await self._queue.get()
            try:
                await self._start(trigger)
            finally:
                self._queue.task_done()
            del self._hand[number]  # a fault leaves it to `give_up`
            if self._full and self._queue.qsize() <= self._room // 2:
                self._full = False
                self._on_full(False)

    async def _start(self, trigger: Trigger) -> None:
        wait, trouble = FIRST_WAIT, "waited too long"
        while self._now() - trigger.venue_time <= self._max_age:
            try:
                started = await self._starter.start(trigger)
            except NotNow as error:
                trouble = str(error)[:200]
                self.counts["retry"] += 1
                await asyncio.sleep(wait)
                wait = min(wait * 2, LONGEST_WAIT)
                continue
            self.counts["started" if started else "taken"] += 1
            log.info("dispatched", workflow_id=trigger.workflow_id, started=started)
            return
        self._miss(trigger, trouble)

    def _miss(self, trigger: Trigger, why: str) -> None:
        self.counts["missed"] += 1
        log.warning("missed", workflow_id=trigger.workflow_id, why=why)
        self._on_missed(trigger, why)
