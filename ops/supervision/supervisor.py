"""Supervisor: start the parts in order, restart what crashes, stop in reverse."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import structlog

from ops.supervision.part import Part, PartFailed
from ops.supervision.step import Step

log = structlog.get_logger()

Kind = Literal["starting", "started", "crashed", "restarted", "failed", "stopping", "stopped"]


@dataclass(frozen=True, slots=True)
class Event:
    """Something a person watching may want to see; `seconds` is how long it took."""

    kind: Kind
    name: str
    seconds: float = 0.0
    text: str = ""


@dataclass(frozen=True, slots=True)
class BackOff:
    """Pause before the n-th restart in a row: doubled each time, forgotten after good health."""

    first: float = 0.5
    most: float = 30.0
    healthy_after: float = 60.0

    def pause(self, failures: int) -> float:
        """Return seconds to wait after this many failures in a row (from 1)."""
        return float(min(self.first * 2 ** min(failures - 1, 16), self.most))


class Supervisor:
    """Owns the parts of one state directory. `tell` hears of every change."""

    def __init__(
        self,
        parts: Sequence[Part],
        tell: Callable[[Event], None],
        back_off: BackOff | None = None,
        look_every: float = 0.2,
    ) -> None:
        self._parts = list(parts)
        self._tell = tell
        self._back_off = back_off or BackOff()
        self._look_every = look_every
        self._started: list[Part] = []
        self.restarts = {part.name: 0 for part in parts}

    async def start(self) -> None:
        """Start every part, each after the one before is healthy.

        Raises:
            PartFailed: one did not start. Those already started are stopped again.
        """
        for part in self._parts:
            self._tell(Event("starting", part.name))
            begun = time.monotonic()
            self._started.append(part)
            try:
                await part.start()
            except BaseException:
                await self.stop()
                raise
            self._tell(Event("started", part.name, time.monotonic() - begun))
            if isinstance(part, Step):
                self._started.remove(part)  # done: nothing to watch, nothing to stop

    async def watch(self) -> None:
        """Restart parts that end, for ever; cancel it to stop watching."""
        async with asyncio.TaskGroup() as group:
            for part in self._started:
                group.create_task(self._keep(part))

    async def stop(self) -> None:
        """Stop everything in reverse order: readers before writers, databases last."""
        while self._started:
            part = self._started.pop()
            self._tell(Event("stopping", part.name))
            begun = time.monotonic()
            try:
                await part.stop()
            except Exception as e:  # the others must still be stopped
                log.error("stop_failed", part=part.name, error=repr(e))
                self._tell(Event("failed", part.name, text=f"to stop: {e}"))
            else:
                self._tell(Event("stopped", part.name, time.monotonic() - begun))

    async def _keep(self, part: Part) -> None:
        failures = 0
        since = time.monotonic()
        while True:
            await asyncio.sleep(self._look_every)
            if part.alive():
                continue
            if time.monotonic() - since > self._back_off.healthy_after:
                failures = 0
            failures += 1
            self._tell(Event("crashed", part.name))
            await asyncio.sleep(self._back_off.pause(failures))
            since = time.monotonic()
            await self._restart(part, since)

    async def _restart(self, part: Part, begun: float) -> None:
        self.restarts[part.name] += 1
        try:
            await part.start()
        except (PartFailed, OSError) as e:
            log.error("restart_failed", part=part.name, error=str(e))
            self._tell(Event("failed", part.name, text=str(e)))
        else:
            self._tell(Event("restarted", part.name, time.monotonic() - begun))
