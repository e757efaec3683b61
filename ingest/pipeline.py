"""Pipeline: from a touch of the fold to a dispatched trade, through the hard filters."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Protocol

from domain.context import ScreenContext
from domain.decision import Decision
from domain.filters import first_objection
from domain.market import Mode
from domain.money import Shares, shares
from domain.rules import TradeRules
from domain.touch import Seen
from domain.trigger import TouchSource, Trigger, trade_id
from ingest.dispatch import utc_now
from ingest.memory import Memory
from ingest.tokens import Tokens, TokenState, from_micro


class Journal(Protocol):
    """Where rows go, off the hot path; `ingest.journal.Journal` in production."""

    def objected(self, trigger: Trigger, decision: Decision) -> None:
        """Note that a hard filter refused a touch."""

    def unseen(self, trigger: Trigger, reason: str) -> None:
        """Note that a touch happened while nobody looked."""


class Offers(Protocol):
    """Where triggers go; `ingest.dispatch.Dispatch` in production."""

    def offer(self, trigger: Trigger) -> None:
        """Take a trigger."""


class Levels(Protocol):
    """What watches exit levels; `ingest.levels.Levels` in production."""

    def compare(self, state: TokenState) -> None:
        """Compare the levels of a token with its best bid."""


class Pipeline:
    """Decides which touch becomes a trigger. No I/O; the clock is given."""

    def __init__(
        self,
        mode: Mode,
        rules: TradeRules,
        tokens: Tokens,
        memory: Memory,
        offers: Offers,
        journal: Journal,
        levels: Levels,
        on_hint: Callable[[str, str], None],
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        """Wire the parts; `blocks` is filled from the store by whoever refreshes it."""
        self._mode, self._rules, self._now = mode, rules, now
        self._tokens, self._memory = tokens, memory
        self._offers, self._journal = offers, journal
        self._levels, self._on_hint = levels, on_hint
        self.blocks: frozenset[str] = frozenset()
        self.counts: Counter[str] = Counter()

    def level(self, state: TokenState) -> None:
        """Compare the watched levels of a token with its best bid."""
        self._levels.compare(state)

    def hint(self, kind: str, condition_id: str) -> None:
        """Pass on what the venue says of markets."""
        self.counts[kind] += 1
        self._on_hint(kind, condition_id)

    def touched(self, state: TokenState, price: int, size: str, ms: int, seen_ns: int) -> None:
        """Take a touch seen live."""
        self._take(state, price, size, ms, seen_ns, self._rules.trigger.source)

    def read_back(self, state: TokenState, price: int, size: str, ms: int, seen_ns: int) -> bool:
        """Fold in one print of a gap, in order of time; return whether it was a touch."""
        if state.touch is None or state.touch.read_back(price, ms) is not Seen.TOUCH:
            return False
        self._take(state, price, size, ms, seen_ns, TouchSource.BACKFILL)
        return True

    def unseen(self, state: TokenState, price: int, ms: int) -> None:
        """Note that a token stands above the threshold and nobody saw it get there (W3).

        Where prints trigger, the gap is read back first, and `lost` is what stays unknown.
        """
        if self._tokens.quotes:
            self.lost(state, price, ms)

    def lost(self, state: TokenState, price: int, ms: int) -> None:
        """Write down a touch that will never be known in full."""
        now = self._now()
        trigger = self.trigger(state, price, "", ms, _ns(now), self._rules.trigger.source)
        if trigger is not None and not self._memory.blocks(trigger.workflow_id, now):
            self.counts["unseen"] += 1
            self._journal.unseen(trigger, "the move happened in a gap of the stream")

    def trigger(
        self, state: TokenState, price: int, size: str, ms: int, seen_ns: int, source: TouchSource
    ) -> Trigger | None:
        """Return the trigger with everything the market row adds, or None for no such time."""
        market = state.market
        token = market.token(state.token_id)
        venue_time = moment(ms * 1_000_000)
        if token is None or venue_time is None:
            self.counts["odd"] += 1
            return None
        return Trigger(
            mode=self._mode,
            condition_id=market.condition_id,
            token_id=state.token_id,
            outcome=token.outcome,
            outcome_index=token.index,
            threshold=self._rules.trigger.threshold,
            price=from_micro(price),
            size=_size(size),
            source=source,
            venue_time=venue_time,
            seen_at=moment(seen_ns) or self._now(),
            epoch=max(0, state.touch.epoch if state.touch is not None else 0),
            question=market.question,
            slug=market.slug,
            event_id=market.event_id,
        )

    def _take(
        self, state: TokenState, price: int, size: str, ms: int, seen_ns: int, source: TouchSource
    ) -> None:
        now = self._now()
        self.counts["touch"] += 1
        trigger = self.trigger(state, price, size, ms, seen_ns, source)
        if trigger is None:
            return
        if self._memory.blocks(trigger.workflow_id, now):
            self.counts["known"] += 1
            return
        context = ScreenContext(trigger=trigger, market=state.market, now=now, blocks=self.blocks)
        objection = first_objection(context, self._rules)
        if objection is not None:
            self._object(trigger, objection, now)
            return
        self._memory.take(trigger.workflow_id, now)
        self._offers.offer(trigger)

    def _object(self, trigger: Trigger, objection: Decision, now: datetime) -> None:
        """Rest the id as after any "not now"; an old touch says nothing about a fresh one."""
        self.counts[f"filter_{objection.filter}"] += 1
        self._journal.objected(trigger, objection)
        if objection.for_good:
            self._memory.refuse(trigger.workflow_id)
        elif objection.filter == "trade_age":
            self._memory.rest(trigger.workflow_id, now)
        else:
            self._memory.rest(trigger.workflow_id, now + self._rules.trigger.retry_after)

    def missed(self, trigger: Trigger) -> None:
        """Let a token fire again whose trigger could not be delivered in time."""
        self._memory.rest(trigger.workflow_id, self._now())

    def rearm(self, released: list[str]) -> None:
        """Let the tokens of these trade ids fire again."""
        for released_id in released:
            condition = released_id.partition(":")[0]
            if trade_id(condition, self._rules.trigger.threshold) != released_id:
                continue  # a trade of another threshold
            for state in self._tokens.of(condition):
                if state.touch is not None:
                    state.touch.rearm()


def moment(ns: int) -> datetime | None:
    """Return the UTC time of so many nanoseconds since 1970, or None if there is no such time."""
    try:
        return datetime.fromtimestamp(ns / 1_000_000_000, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _ns(at: datetime) -> int:
    return int(at.timestamp() * 1_000_000_000)


def _size(text: str) -> Shares | None:
    """Return the size of a print; None if it is unknown or no size (STR-M1)."""
    try:
        size = shares(text)
    except ArithmeticError:
        return None
    return size if size.is_finite() and size > 0 else None
