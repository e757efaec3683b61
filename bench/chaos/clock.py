"""A clock that is ours: an event loop whose time jumps to the next timer when nothing is ready.

A minute of waiting costs nothing, and no wait has to be shortened: every pace, lag and time-out
of production holds in its full length. Only real I/O (the database) takes real time; while an
answer of it is outstanding, time stands still.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

START = 1_900_000_000.0  # where time begins, epoch seconds; no test sees the real clock
TICK = 1e-6
PATIENCE = 60.0  # real seconds without an answer of the database that count as a hang


class Hung(RuntimeError):
    """Nothing is ready, no timer runs and no answer is outstanding: somebody waits for ever."""


origin: ContextVar[float] = ContextVar("origin", default=START)  # when this world began


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop with virtual time; `outside()` marks real I/O."""

    def __init__(self) -> None:
        self._now = START
        self.outstanding = 0
        super().__init__(_Patient(self))
        self._clock_resolution = TICK  # floats near START are no finer

    def time(self) -> float:
        """Return the virtual time, epoch seconds."""
        return self._now

    def advance(self, seconds: float) -> None:
        """Let time pass at once."""
        self._now += max(seconds, TICK)

    @contextmanager
    def outside(self) -> Iterator[None]:
        """Stop the clock while something real is waited for."""
        self.outstanding += 1
        try:
            yield
        finally:
            self.outstanding -= 1


class _Patient(selectors.DefaultSelector):
    """Blocks for real I/O only, and turns every other wait into a jump of the clock."""

    def __init__(self, loop: VirtualLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout == 0 and not self._loop.outstanding:
            return []  # nothing real can be ready
        ready = super().select(0)
        if ready or timeout == 0:
            return list(ready)
        if self._loop.outstanding:
            ready = super().select(PATIENCE)
            if not ready:
                raise Hung(f"expected an answer within {PATIENCE} s, was silence")
            return list(ready)
        if timeout is None:
            raise Hung("expected a timer or an answer to wait for, was neither")
        self._loop.advance(timeout)
        return []


def virtual() -> VirtualLoop:
    """Return the running loop, which is ours."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    return loop


def epoch() -> float:
    """Return the time of this world, epoch seconds: each begins at START, so a seed repeats."""
    return START + virtual().time() - origin.get()


def now() -> datetime:
    """Return the time of this world, aware UTC."""
    return datetime.fromtimestamp(epoch(), UTC)
