"""Campaign: many episodes, one after the other, and their sums."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from domain.killpoints import POINTS
from ops.chaos.episode import Episode, Result
from ops.supervision.part import PartFailed


@dataclass
class Campaign:
    """What many seeds came to."""

    seeds: list[int]
    failed: list[int] = field(default_factory=list)
    broken: dict[int, str] = field(default_factory=dict)  # a stack that did not even start
    results: list[Result] = field(default_factory=list)
    kills: dict[str, int] = field(default_factory=dict)
    endings: dict[str, int] = field(default_factory=dict)
    orders: int = 0
    longest_halt_ms: int = 0

    def add(self, result: Result) -> None:
        """Count an episode."""
        self.results.append(result)
        if result.faults:
            self.failed.append(result.seed)
        self.kills = dict(Counter(self.kills) + Counter(result.kills))
        self.endings = dict(Counter(self.endings) + Counter(result.endings))
        self.orders += result.orders
        self.longest_halt_ms = max([self.longest_halt_ms, *result.halt_ms])


async def campaign(
    seeds: list[int], say: Callable[[str], None], keep: Callable[[Campaign], None]
) -> Campaign:
    """Run the seeds; a stack that cannot start is reported, not counted as proof.

    `keep` gets the sums after every seed, so that an interrupted campaign is not lost.
    """
    found = Campaign(seeds)
    for seed in seeds:
        try:
            result = await Episode(seed, POINTS).run(keep=True)
        except PartFailed as e:
            found.broken[seed] = str(e)
            found.failed.append(seed)
            say(f"seed {seed}: the stack did not start: {str(e)[:300]}")
        else:
            found.add(result)
            verdict = "; ".join(result.faults) or "clean"
            say(f"seed {seed}: {verdict} ({result.seconds:.0f} s, {result.endings})")
        keep(found)
    return found
