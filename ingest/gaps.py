"""Gaps: prints that the stream lost are read back by REST, while they are young enough.

The venue's indexer is seconds late and tells whole seconds, so a gap is read more than once;
the fold ignores what it has seen. What stays unknown is written down as unseen. The venue's limit
is small (facts 7.1), so up to 20 markets are asked for at once, and those nearest to the threshold
first, whichever socket they are on.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

import structlog

from domain.touch import NOTHING, Touch
from ingest.dispatch import utc_now
from ingest.pipeline import Pipeline
from ingest.tokens import TokenState, to_micro
from venue.errors import VenueError
from venue.records import Print

log = structlog.get_logger()

LOOKS = (2.0, 8.0, 20.0)  # seconds after the gap's end: the indexer is late
AT_ONCE = 4  # requests; the venue's limit is shared with everything else
MARKETS = 20  # one request names at most so many (facts 5.2)
BEFORE_MS = 10_000  # the last frame may be ahead of another token's last print
ENDED = ("closed", "connect", "no pong")  # up to the last frame such a socket lost nothing


class Prints(Protocol):
    """Where prints are read back; `venue.public.PublicVenue` in production."""

    async def prints_since(self, condition_ids: Sequence[str], since: datetime) -> list[Print]:
        """Return the prints of these markets, oldest first."""


@dataclass(frozen=True, slots=True)
class Gap:
    """What one socket missed: its tokens, the epoch after it, and when that began."""

    states: list[TokenState]
    epoch: int
    at: datetime


@dataclass(slots=True)
class Missed:
    """The gap of one token through all its cuts: since when, and the last epoch after one."""

    since_ms: int
    epoch: int


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
        self._gaps: asyncio.Queue[Gap] = asyncio.Queue()
        self._asks: asyncio.PriorityQueue[
            tuple[int, int, Gap, list[TokenState], asyncio.Future[bool]]
        ] = asyncio.PriorityQueue()
        self._turn = itertools.count()
        self._missed: dict[str, Missed] = {}
        self.counts: Counter[str] = Counter()

    @property
    def busy(self) -> int:
        """How many tokens have a gap that is still being read."""
        return len(self._missed)

    def opened(self, states: list[TokenState], epoch: int, why: str) -> None:
        """Note that these tokens start a new epoch after a gap, before its first frame.

        A token whose last gap is still being read stays in it: its newest cut goes on reading.
        """
        self.counts["gap"] += 1
        since = _last_frame(states) - BEFORE_MS if why.startswith(ENDED) else 0
        watched = []
        for state in states:
            if state.touch is None or state.touch.last == NOTHING:
                continue  # nothing was known, so nothing can be missed
            watched.append(state)
            state.touch.begin_gap()
            self._missed.setdefault(state.token_id, Missed(since, epoch)).epoch = epoch
        self._gaps.put_nowait(Gap(watched, epoch, self._now()))

    async def run(self) -> None:
        """Read back gap after gap, until cancelled."""
        async with asyncio.TaskGroup() as group:
            for _ in range(AT_ONCE):
                group.create_task(self._answer_asks())
            while True:
                group.create_task(self._read_back(await self._gaps.get()))

    async def _read_back(self, gap: Gap) -> None:
        began = 0.0
        unread = {state.token_id for state in gap.states}
        for look in self._looks:
            await asyncio.sleep(look - began)
            began = look
            self._open(gap)
            batches = list(_batches([s for s in gap.states if self._matters(s, gap)]))
            answers = await asyncio.gather(*(self._ask(gap, batch) for batch in batches))
            for batch, read in zip(batches, answers, strict=True):
                if read:
                    unread -= {state.token_id for state in batch}
        self._settle(gap, unread)

    def _open(self, gap: Gap) -> None:
        """Start the epoch of tokens that have said nothing since: as they were, for all we know."""
        for state in gap.states:
            touch = state.touch
            if touch is not None and touch.epoch < gap.epoch and self._owns(state, gap):
                touch.baseline(touch.last, int(gap.at.timestamp() * 1000), gap.epoch)

    def _owns(self, state: TokenState, gap: Gap) -> bool:
        """Return whether no later cut has taken the token over."""
        missed = self._missed.get(state.token_id)
        return missed is not None and missed.epoch == gap.epoch

    def _matters(self, state: TokenState, gap: Gap) -> bool:
        """Return whether prints of this gap can still matter."""
        touch = state.touch
        return (
            touch is not None
            and touch.epoch == gap.epoch
            and not touch.fired
            and self._owns(state, gap)
        )

    async def _ask(self, gap: Gap, batch: list[TokenState]) -> bool:
        """Wait for the answer about a batch; the nearest to the threshold is asked for first."""
        done: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._asks.put_nowait((_distance(batch[0]), next(self._turn), gap, batch, done))
        return await done

    async def _answer_asks(self) -> None:
        while True:
            *_, gap, batch, done = await self._asks.get()
            done.set_result(await self._look(gap, batch))

    async def _look(self, gap: Gap, batch: list[TokenState]) -> bool:
        """Read the prints of a batch back; False if they stay unknown."""
        wanted = {s.token_id: s for s in batch if self._matters(s, gap)}
        if not wanted:
            return True
        oldest = self._now() - self._max_age
        if gap.at < oldest:
            return False  # the queue was too long: what came before cannot trigger any more
        start = min(self._missed[token].since_ms for token in wanted)
        since = max(datetime.fromtimestamp(max(0, start) // 1000, UTC), oldest)
        markets = list({s.market.condition_id: None for s in wanted.values()})
        try:
            prints = await self._prints.prints_since(markets, since)
        except VenueError as error:
            self.counts["failed"] += 1
            log.warning("gap_unread", tokens=list(wanted), error=str(error)[:200])
            return False
        for one in prints:
            state = wanted.get(one.token_id)
            if state is not None and state.touch is not None and self._matters(state, gap):
                self._take(state, state.touch, one)
        return True

    def _take(self, state: TokenState, touch: Touch, one: Print) -> None:
        """Fold in a print; its time is cut to seconds, so it counts as the end of its second."""
        ms = min(int(one.venue_time.timestamp() * 1000) + 999, touch.opened_ms)
        size = "" if one.size is None else str(one.size)
        self.counts["print"] += 1
        if self._pipeline.read_back(state, to_micro(one.price), size, ms, time.time_ns()):
            self.counts["touch"] += 1

    def _settle(self, gap: Gap, unread: set[str]) -> None:
        """End the gap: a move in it that nobody saw is written down."""
        for state in gap.states:
            if not self._owns(state, gap):
                continue
            del self._missed[state.token_id]
            self.counts["unread"] += state.token_id in unread
            touch = state.touch
            if touch is not None and (price := touch.end_gap()) != NOTHING:
                self._pipeline.lost(state, price, touch.opened_ms)


def _last_frame(states: list[TokenState]) -> int:
    """Return the venue's milliseconds of the last that was said of any of them; 0 if nothing."""
    return max((state.venue_ms for state in states), default=0)


def _batches(states: list[TokenState]) -> Iterator[list[TokenState]]:
    """Yield the states in batches for one request each, most urgent first."""
    nearest = sorted(states, key=_distance)
    for start in range(0, len(nearest), MARKETS):
        yield nearest[start : start + MARKETS]


def _distance(state: TokenState) -> int:
    """Return how far below the threshold the last price was; above counts as nearest."""
    touch = state.touch
    return 0 if touch is None else max(0, touch.threshold - touch.last)
