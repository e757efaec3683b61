"""Exit levels: watched prices of held tokens, compared with the best bid, not awaited.

A level is a state, not an edge: after a restart or a reload the present bid is compared again,
and while it stays beyond the level the trade is reminded, since its first look may have found
the exit blocked. Reminders, and prices that dance around the level, get rarer: each signal is
an event in the history of the trade, which looks for itself every five minutes anyway.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable
from typing import NamedTuple

from domain.money import Price
from ingest.dispatch import utc_now
from ingest.signals import Signals
from ingest.tokens import UNKNOWN, Level, Tokens, TokenState, from_micro, to_micro
from workflows.messages import LevelReached

SIGNAL = "level_reached"
FIRST_PAUSE, LONGEST_PAUSE = 10.0, 300.0  # seconds between two signals of the same level
CALM = 300.0  # seconds away from the level after which it is news again


class Watched(NamedTuple):
    """One row of the store: signal at `above` or higher, at `below` or lower."""

    workflow_id: str
    token_id: str
    above: Price | None
    below: Price | None


class Levels:
    """Compares and signals. `load` is called at start, on a notice, and now and then."""

    def __init__(
        self, tokens: Tokens, signals: Signals, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Watch the tokens of this shard."""
        self._tokens, self._signals, self._clock = tokens, signals, clock
        self._with_levels: set[str] = set()
        self.counts: Counter[str] = Counter()

    def load(self, rows: Iterable[Watched]) -> bool:
        """Replace all levels; return whether other tokens are watched than before.

        Tokens of other shards are left to them. What was told stays told.
        """
        wanted: dict[str, list[Level]] = {}
        for row in rows:
            if row.token_id in self._tokens.by_id:
                wanted.setdefault(row.token_id, []).extend(_levels(row))
        for token_id in self._with_levels - wanted.keys():
            if (state := self._tokens.by_id.get(token_id)) is not None:
                state.levels = ()
                self._tokens.watch(state)
        changed = self._with_levels != set(wanted)
        self._with_levels = set(wanted)
        for token_id, levels in wanted.items():
            state = self._tokens.by_id[token_id]
            state.levels = tuple(_keep_told(level, state.levels) for level in levels)
            self._tokens.watch(state)
            self.compare(state)
        return changed

    def compare(self, state: TokenState) -> None:
        """Signal every level of the token that the best bid has reached."""
        if state.bid == UNKNOWN:
            return
        now = self._clock()
        for level in state.levels:
            if not level.reached(state.bid):
                level.left_at = level.left_at or now
                continue
            if level.left_at and now - level.left_at > CALM:
                level.told = 0
            level.left_at = 0.0
            if not level.told or now - level.told_at >= _pause(level.told):
                level.told, level.told_at = level.told + 1, now
                self._tell(state, level)

    def remind(self) -> None:
        """Compare all watched tokens again; called every few seconds."""
        for token_id in self._with_levels:
            if (state := self._tokens.by_id.get(token_id)) is not None:
                self.compare(state)

    def _tell(self, state: TokenState, level: Level) -> None:
        self.counts["target" if level.above else "stop"] += 1
        message = LevelReached(token_id=state.token_id, price=from_micro(state.bid), at=utc_now())
        self._signals.put(level.workflow_id, SIGNAL, SIGNAL, message)


def _levels(row: Watched) -> list[Level]:
    sides = ((row.above, True), (row.below, False))
    return [Level(row.workflow_id, to_micro(p), up) for p, up in sides if p is not None]


def _pause(told: int) -> float:
    return min(FIRST_PAUSE * 2.0 ** min(told - 1, 10), LONGEST_PAUSE)


def _keep_told(level: Level, before: tuple[Level, ...]) -> Level:
    """Carry over when an unchanged level was last told."""
    key = (level.workflow_id, level.price, level.above)
    for old in before:
        if (old.workflow_id, old.price, old.above) == key:
            level.told_at, level.told, level.left_at = old.told_at, old.told, old.left_at
    return level
