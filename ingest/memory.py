"""Memory: trade ids that need no start, so that hot markets do not hammer Temporal.

A shortcut, never the judge: Temporal's id and the claim in the store decide (design 2).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta

FOR_GOOD = datetime.max.replace(tzinfo=UTC)  # the store's word: live or spent
_REFUSED = FOR_GOOD - timedelta(days=1)  # our own word: a filter refused the market for good


class Memory:
    """Ids live, spent or resting, each with the time until which it must not be started."""

    def __init__(self) -> None:
        """Know nothing."""
        self._until: dict[str, datetime] = {}
        self._taken_at: dict[str, datetime] = {}

    def __len__(self) -> int:
        """Return how many ids are known."""
        return len(self._until)

    def blocks(self, trade_id: str, now: datetime) -> bool:
        """Return whether a start of this id would be in vain or against its rest."""
        until = self._until.get(trade_id)
        return until is not None and now < until

    def take(self, trade_id: str, now: datetime) -> None:
        """Note that a trade with this id is being started, runs, or is spent."""
        self._until[trade_id] = FOR_GOOD
        self._taken_at[trade_id] = now

    def rest(self, trade_id: str, until: datetime) -> None:
        """Note that this id must not be started before `until`."""
        self._until[trade_id] = until

    def refuse(self, trade_id: str) -> None:
        """Note that a hard filter refused this id for good."""
        self._until[trade_id] = _REFUSED

    def free(self, trade_id: str) -> None:
        """Forget the id: the next touch may start it."""
        self._until.pop(trade_id, None)
        self._taken_at.pop(trade_id, None)

    def pardon(self, conditions: Collection[str]) -> list[str]:
        """Forget and return the ids that a filter refused for good, of these markets alone.

        For blocks that were lifted, and for markets that nobody watches any more.
        """
        pardoned = [
            trade_id
            for trade_id, until in self._until.items()
            if until == _REFUSED and trade_id.partition(":")[0] in conditions
        ]
        for trade_id in pardoned:
            self.free(trade_id)
        return pardoned

    def over(self, now: datetime) -> list[str]:
        """Forget and return the ids whose rest is over."""
        over = [trade_id for trade_id, until in self._until.items() if until <= now]
        for trade_id in over:
            self.free(trade_id)
        return over

    def agree(self, spent: Mapping[str, datetime], settled_before: datetime) -> list[str]:
        """Take over what the store says and return the ids that it has released since.

        `spent` maps id to the end of its rest (FOR_GOOD when there is none). An id we took
        after `settled_before` may not have reached the store yet and is kept.
        """
        released = [
            trade_id
            for trade_id, until in self._until.items()
            if until == FOR_GOOD
            and trade_id not in spent
            and self._taken_at.get(trade_id, settled_before) <= settled_before
        ]
        for trade_id in released:
            self.free(trade_id)
        self._until.update(spent)
        return released
