"""Gaps: prints that the stream lost are read back by REST, while they are young enough.

The venue's indexer is seconds late and tells whole seconds, so a gap is read more than once;
the fold ignores what it has seen. What stays unknown is written down as unseen.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Protocol

import structlog

from domain.touch import NOTHING
from ingest.dispatch import utc_now
from ingest.pipeline import Pipeline
from ingest.tokens import UNKNOWN, TokenState, to_micro
from venue.errors import VenueError
from venue.records import Print

log = structlog.get_logger()

LOOKS = (2.0, 8.0, 20.0)  # seconds after the gap's end: the indexer is late
AT_ONCE = 4  # requests; the venue's limit is shared with everything else


class Prints(Protocol):
    """Where prints are read back; `venue.public.PublicVenue` in production."""

    async def prints_since(self, condition_id: str, since: datetime) -> list[Print]:
        """Return the prints of a market, oldest first."""


class Gaps:
    """Reads back what happened between two epochs of a socket."""

    def __init__(
        self,
        prints: Prints,
        pipeline: Pipeline,
        max_age: timedelta,
        *,
        looks: tuple[float, ...] = LOOKS,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        """Nothing older than `max_age` is read back: it could not trigger any more (G1)."""
        self._prints, self._pipeline, self._max_age = prints, pipeline, max_age
        self._looks, self._now = looks, now
        self._gate = asyncio.Semaphore(AT_ONCE)
        self._queue: asyncio.Queue[tuple[list[TokenState], int]] = asyncio.Queue()
        self.counts: Counter[str] = Counter()

    def opened(self, states: list[TokenState], epoch: int, why: str) -> None:
        """Note that these tokens start a new epoch after a gap."""
        self.counts["gap"] += 1
        watched = [s for s in states if s.touch is not None and s.touch.last != NOTHING]
        self._queue.put_nowait((watched, epoch))

    async def run(self) -> None:
        """Read back gap after gap, until cancelled."""
        async with asyncio.TaskGroup() as group:
            while True:
                states, epoch = await self._queue.get()
                group.create_task(self._read_back(states, epoch))

    async def _read_back(self, states: list[TokenState], epoch: int) -> None:
        began = 0.0
        nearest = sorted(states, key=_distance)  # most urgent first
        unread = {state.token_id for state in states}
        for look in self._looks:
            await asyncio.sleep(look - began)
            began = look
            for state in nearest:
                self._open(state, epoch)
            answers = await asyncio.gather(*(self._look(state, epoch) for state in nearest))
            unread -= {s.token_id for s, ok in zip(nearest, answers, strict=True) if ok}
            nearest = [state for state in nearest if self._open_gap(state, epoch)]
        self.counts["unread"] += len(unread)
        for state in nearest:
            self._settle(state)

    def _open(self, state: TokenState, epoch: int) -> None:
        """Start the epoch of a token that has said nothing since: as it was, as far as we know."""
        touch = state.touch
        if touch is not None and touch.epoch < epoch:
            touch.baseline(touch.last, int(self._now().timestamp() * 1000), epoch)

    def _open_gap(self, state: TokenState, epoch: int) -> bool:
        """Return whether prints of this gap can still matter."""
        touch = state.touch
        return touch is not None and touch.epoch == epoch and not touch.fired

    async def _look(self, state: TokenState, epoch: int) -> bool:
        touch = state.touch
        if touch is None or not self._open_gap(state, epoch):
            return True
        oldest = self._now() - self._max_age
        since = max(datetime.fromtimestamp(touch.gap_ms // 1000, UTC), oldest)
        async with self._gate:
            try:
                prints = await self._prints.prints_since(state.market.condition_id, since)
            except VenueError as error:
                self.counts["failed"] += 1
                log.warning("gap_unread", token=state.token_id, error=str(error)[:200])
                return False
        for one in prints:
            if one.token_id == state.token_id:
                self._take(state, one, touch.opened_ms)
        return True

    def _take(self, state: TokenState, one: Print, opened_ms: int) -> None:
        """Fold in a print; its time is cut to seconds, so it counts as the end of its second."""
        ms = min(int(one.venue_time.timestamp() * 1000) + 999, opened_ms)
        size = "" if one.size is None else str(one.size)
        self.counts["print"] += 1
        if self._pipeline.read_back(state, to_micro(one.price), size, ms, time.time_ns()):
            self.counts["touch"] += 1

    def _settle(self, state: TokenState) -> None:
        """After the last look: above now and below before means that nobody saw the move."""
        touch = state.touch
        if touch is None or touch.fired or state.last_trade == UNKNOWN:
            return
        if NOTHING < touch.gap_last < touch.threshold <= touch.last:
            self._pipeline.lost(state, touch.last, touch.opened_ms)


def _distance(state: TokenState) -> int:
    """Return how far below the threshold the last price was; above counts as nearest."""
    touch = state.touch
    return 0 if touch is None else max(0, touch.threshold - touch.last)
