"""Journal: rows about touches that became no trade, written off the hot path."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Protocol

import structlog

from domain.decision import Decision, DecisionStage
from domain.trigger import Trigger
from ingest.outage import STORE_AWAY

log = structlog.get_logger()

ROOM = 20_000  # rows that may wait while the store is away
FIRST_WAIT, LONGEST_WAIT = 0.1, 5.0  # seconds between attempts

Write = Callable[[], Awaitable[object]]


class Rows(Protocol):
    """The rows of the store that ingest writes."""

    async def decision(self, trigger: Trigger, decision: Decision, stage: DecisionStage) -> None:
        """Store why a touch was refused before any workflow."""

    async def touch(self, kind: str, trigger: Trigger, reason: str) -> None:
        """Store a touch that was `missed` or `unseen`; the same one again changes nothing."""

    async def stranger(self, order_id: str, kind: str, text: str) -> None:
        """Store that the venue spoke of an order of ours that we do not know."""


class Journal:
    """Writes rows one after the other and waits while the store is away.

    When more rows wait than there is room for, the newest is counted in `lost` and logged:
    the log is then the only place that has it.
    """

    def __init__(self, rows: Rows, room: int = ROOM) -> None:
        """Write to `rows`."""
        self._rows = rows
        self._queue: asyncio.Queue[Write] = asyncio.Queue(room)
        self.counts: Counter[str] = Counter()

    def objected(self, trigger: Trigger, decision: Decision) -> None:
        """Note that a hard filter refused a touch."""
        self._put(
            "objected",
            trigger.workflow_id,
            lambda: self._rows.decision(trigger, decision, DecisionStage.INGEST),
        )

    def unseen(self, trigger: Trigger, reason: str) -> None:
        """Note that a touch happened while nobody looked."""
        self._put(
            "unseen", trigger.workflow_id, lambda: self._rows.touch("unseen", trigger, reason)
        )

    def missed(self, trigger: Trigger, reason: str) -> None:
        """Note that a trigger grew too old before Temporal took it."""
        self._put(
            "missed", trigger.workflow_id, lambda: self._rows.touch("missed", trigger, reason)
        )

    def stranger(self, order_id: str, kind: str, text: str) -> None:
        """Note an order of ours that we do not know; reconciliation looks into it."""
        self._put("stranger", order_id, lambda: self._rows.stranger(order_id, kind, text))

    async def run(self) -> None:
        """Write what is noted, until cancelled."""
        while True:
            write = await self._queue.get()
            await self._write(write)
            self._queue.task_done()

    async def drain(self) -> None:
        """Wait until everything noted is written."""
        await self._queue.join()

    def _put(self, kind: str, about: str, write: Write) -> None:
        self.counts[kind] += 1
        try:
            self._queue.put_nowait(write)
        except asyncio.QueueFull:
            self.counts["lost"] += 1
            log.error("row_lost", kind=kind, about=about)

    async def _write(self, write: Write) -> None:
        wait = FIRST_WAIT
        while True:
            try:
                await write()
            except STORE_AWAY as error:
                self.counts["retry"] += 1
                log.warning("store_away", error=repr(error)[:200])
                await asyncio.sleep(wait)
                wait = min(wait * 2, LONGEST_WAIT)
            else:
                return
