"""ingest/journal.py"""

from __future__ import annotations

import asyncio

from domain.decision import Decision, DecisionStage, hold
from domain.trigger import Trigger
from ingest.journal import Journal
from tests.ingest.samples import trigger
from tests.venue.loopback import running
from tests.waiting import eventually


class FakeRows:
    """Rows in memory; `down` writes fail."""

    def __init__(self) -> None:
        self.rows: list[tuple[str, str]] = []
        self.down = 0

    async def decision(self, trigger: Trigger, decision: Decision, stage: DecisionStage) -> None:
        """Remember a decision."""
        self._write(stage.value, decision.reason)

    async def touch(self, kind: str, trigger: Trigger, reason: str) -> None:
        """Remember a touch."""
        self._write(kind, reason)

    async def stranger(self, order_id: str, kind: str, text: str) -> None:
        """Remember a stranger."""
        self._write("stranger", order_id)

    def _write(self, kind: str, text: str) -> None:
        if self.down:
            self.down -= 1
            raise ConnectionError("no database")
        self.rows.append((kind, text))


async def test_everything_noted_is_written_in_order_also_when_the_store_was_away() -> None:
    """D1"""
    rows = FakeRows()
    rows.down = 2
    journal = Journal(rows)
    async with running(asyncio.create_task(journal.run())):
        journal.objected(trigger(), hold("category", "sport"))
        journal.unseen(trigger(), "gap")
        journal.missed(trigger(), "old")
        journal.stranger("0xaa", "order", "live")
        await journal.drain()
        assert rows.rows == [
            ("ingest", "sport"),
            ("unseen", "gap"),
            ("missed", "old"),
            ("stranger", "0xaa"),
        ]
        assert journal.counts["retry"] == 2


async def test_what_finds_no_room_is_counted_and_not_silent() -> None:
    journal = Journal(FakeRows(), room=2)
    for _ in range(5):
        journal.unseen(trigger(), "gap")
    assert journal.counts == {"unseen": 5, "lost": 3}
    async with running(asyncio.create_task(journal.run())):
        await eventually(lambda: journal._queue.empty())
