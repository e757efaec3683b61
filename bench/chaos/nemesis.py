"""Nemesis: who dies, freezes or loses a connection, and where; a function of the seed alone.

An attempt of an activity carries a fuse. Every side effect (a statement of the database, a
request to the venue, a redemption) burns it by one before and by one after. When it is out, the
attempt dies as by SIGKILL, or freezes as by SIGSTOP and goes on as a zombie when nobody waits
for it any more.
"""

from __future__ import annotations

import asyncio
import random
from contextvars import ContextVar
from dataclasses import dataclass, field

from bench.chaos.clock import START, epoch


class Died(BaseException):
    """The worker is gone: no handler of the code under test may catch this."""


@dataclass
class Attempt:
    """One attempt of one activity, and how it ends before its time."""

    label: str
    generation: int
    fuse: int = 0  # 0: never
    freeze: float = 0.0  # seconds; 0: it dies
    frozen: bool = False
    steps: int = 0


current: ContextVar[Attempt | None] = ContextVar("attempt", default=None)
active: ContextVar[Nemesis | None] = ContextVar("nemesis", default=None)


@dataclass(eq=False)
class Nemesis:
    """Draws every decision from the seed and the name of the place."""

    seed: int
    dying: float = 0.0  # share of attempts that die
    freezing: float = 0.0
    cutting: float = 0.0  # share of statements whose connection is cut
    point: str = ""  # a named kill point (activities/killpoint.py) …
    at: int = 1  # … and the visit to it on which the attempt dies
    visits: dict[str, int] = field(default_factory=dict)
    deaths: int = 0  # at the named point
    generation: int = 0
    story: list[str] = field(default_factory=list)
    _seen: dict[str, int] = field(default_factory=dict)

    def draw(self, place: str) -> random.Random:
        """Return the dice of the n-th visit to a place."""
        number = self._seen[place] = self._seen.get(place, 0) + 1
        return random.Random(f"{self.seed}:{place}:{number}")

    def attempt(self, label: str) -> Attempt:
        """Return a new attempt with its fate."""
        found = Attempt(label, self.generation)
        if not self.dying and not self.freezing:
            return found
        dice = self.draw(f"attempt:{label}")
        chance = dice.random()
        if chance < self.dying + self.freezing:
            found.fuse = min(dice.randrange(1, 25), dice.randrange(1, 60))
        if found.fuse and chance >= self.dying:
            found.freeze = dice.uniform(5, 40)
        return found

    def passing(self, point: str) -> None:
        """Die at the named point on the visit that was chosen.

        Raises:
            Died: as if by SIGKILL.
        """
        self.visits[point] = self.visits.get(point, 0) + 1
        if point == self.point and self.visits[point] == self.at and current.get() is not None:
            self.deaths += 1
            self.note(f"dies at {point}, visit {self.at}")
            raise Died(point)

    def kill_all(self) -> None:
        """Kill the worker: every attempt under way dies at its next step."""
        self.generation += 1
        self.note("every worker dies")

    async def step(self, what: str, *, locked: bool = False) -> None:
        """Burn the fuse of the attempt that does something now.

        `locked`: it holds locks of the database. It may die there, and they are gone; it freezes
        a step later, for our clock stands still while others wait for the lock.

        Raises:
            Died: it is out, or the worker is.
        """
        attempt = current.get()
        if attempt is None:
            return
        if attempt.generation != self.generation and not attempt.frozen:
            raise Died(what)
        attempt.steps += 1
        if not attempt.fuse or attempt.steps < attempt.fuse or attempt.frozen:
            return
        if not attempt.freeze:
            self.note(f"{attempt.label} dies at {what}")
            raise Died(what)
        if locked:
            return
        attempt.frozen = True
        self.note(f"{attempt.label} freezes {attempt.freeze:.0f} s at {what}")
        await asyncio.sleep(attempt.freeze)

    def cut(self, what: str) -> str:
        """Return when a statement's connection is cut: "", "before" or "after" it."""
        attempt = current.get()
        if not self.cutting or attempt is None:
            return ""
        dice = self.draw(f"statement:{attempt.label}:{attempt.steps}")
        if dice.random() >= self.cutting:
            return ""
        when = dice.choice(("before", "after"))
        self.note(f"connection cut {when} {what[:40]!r}")
        return when

    def note(self, text: str) -> None:
        """Add a line to the story of this seed."""
        self.story.append(f"{epoch() - START:9.3f} {text}")
