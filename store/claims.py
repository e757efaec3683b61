"""Claims: the row that makes a trigger ours, and that outlives Temporal's memory (G2, STO-H1)."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

import asyncpg

from domain.market import Mode
from domain.money import Price
from domain.record import Id, Record, Utc
from domain.trade import ClaimState
from domain.trigger import Trigger
from store.audit import write_audit
from store.rows import only, read, read_all

# Always updates, so that it always returns the row as it now is: one statement decides.
_TAKE = """
INSERT INTO claims AS c (mode, condition_id, threshold, workflow_id, owner_run, state, token_id,
    outcome, outcome_index, price, size, source, venue_time, seen_at, epoch, question, slug,
    event_id, claimed_at, changed_at)
VALUES ($1, $2, $3, $4, $5, 'claimed', $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17,
    $18, $18)
ON CONFLICT (mode, condition_id, threshold) DO UPDATE SET
    owner_run = CASE WHEN c.state = 'released' THEN excluded.owner_run ELSE c.owner_run END,
    attempt_base = CASE WHEN c.state = 'released' THEN (
        SELECT coalesce(max(o.attempt), 0) FROM orders o
        WHERE o.workflow_id = c.workflow_id AND o.mode = c.mode AND o.leg = 'entry')
        ELSE c.attempt_base END,
    token_id = CASE WHEN c.state = 'released' THEN excluded.token_id ELSE c.token_id END,
    outcome = CASE WHEN c.state = 'released' THEN excluded.outcome ELSE c.outcome END,
    outcome_index = CASE WHEN c.state = 'released' THEN excluded.outcome_index
                         ELSE c.outcome_index END,
    price = CASE WHEN c.state = 'released' THEN excluded.price ELSE c.price END,
    size = CASE WHEN c.state = 'released' THEN excluded.size ELSE c.size END,
    source = CASE WHEN c.state = 'released' THEN excluded.source ELSE c.source END,
    venue_time = CASE WHEN c.state = 'released' THEN excluded.venue_time ELSE c.venue_time END,
    seen_at = CASE WHEN c.state = 'released' THEN excluded.seen_at ELSE c.seen_at END,
    epoch = CASE WHEN c.state = 'released' THEN excluded.epoch ELSE c.epoch END,
    event_id = CASE WHEN c.state = 'released' THEN excluded.event_id ELSE c.event_id END,
    reason = CASE WHEN c.state = 'released' THEN '' ELSE c.reason END,
    retry_after = CASE WHEN c.state = 'released' THEN NULL ELSE c.retry_after END,
    claimed_at = CASE WHEN c.state = 'released' THEN excluded.claimed_at ELSE c.claimed_at END,
    changed_at = CASE WHEN c.state = 'released' THEN excluded.changed_at ELSE c.changed_at END,
    state = CASE WHEN c.state = 'released' THEN 'claimed' ELSE c.state END
RETURNING state, owner_run, reason, retry_after, attempt_base
"""

# Locked first, in a statement of its own: a reserve of the same claim either has committed, and
# the next statement sees its order, or waits and finds the claim given up.
_LOCK = """SELECT 1 FROM claims WHERE mode = $1 AND condition_id = $2 AND threshold = $3
    FOR NO KEY UPDATE"""

# Given up only by its owner, and never while an order may still fill. What a person was left with
# never triggers again.
_GIVE_UP = """
UPDATE claims c SET reason = $6,
    state = CASE WHEN c.abandoned_at IS NULL THEN $5::text ELSE 'declined' END,
    retry_after = CASE WHEN c.abandoned_at IS NULL THEN $7::timestamptz END,
    slot = false, changed_at = $8
WHERE c.mode = $1 AND c.condition_id = $2 AND c.threshold = $3 AND c.owner_run = $4
  AND (c.state = 'claimed' OR c.state = $5::text)
  AND NOT EXISTS (SELECT 1 FROM orders o WHERE o.workflow_id = c.workflow_id
                  AND o.mode = c.mode AND o.closed_at IS NULL)
"""

_ROW = """SELECT mode, condition_id, threshold, workflow_id, owner_run, state, reason, retry_after,
    slot, attempt_base, token_id, event_id, question, seen_at, claimed_at, changed_at FROM claims"""


class ClaimAnswer(Record):
    """What a claim attempt found. `won` is true again when the same run asks again.

    `attempt_base` is the highest entry attempt of earlier runs of this trade: the first attempt
    of this run is `attempt_base + 1`, for an intent is stored once and for ever.
    """

    won: bool
    state: ClaimState
    owner_run: str
    reason: str
    retry_after: Utc | None
    attempt_base: int = 0


class ClaimRow(Record):
    """One claim as stored."""

    mode: Mode
    condition_id: Id
    threshold: Price
    workflow_id: Id
    owner_run: Id
    state: ClaimState
    reason: str
    retry_after: Utc | None
    slot: bool
    attempt_base: int
    token_id: Id
    event_id: str | None
    question: str
    seen_at: Utc
    claimed_at: Utc
    changed_at: Utc


class Spent(NamedTuple):
    """A touch that must not start a trade now: taken for good, or resting until `retry_after`."""

    workflow_id: str
    state: ClaimState
    retry_after: datetime | None


class Claims:
    """One row per (mode, condition, threshold). A released one can be taken, an entered never."""

    def __init__(self, pool: asyncpg.Pool[Any]) -> None:
        self._pool = pool

    async def take(self, trigger: Trigger, owner_run: str, at: datetime) -> ClaimAnswer:
        """Claim the trigger for this run, or say who has it. Idempotent for one run.

        `owner_run` is the first run id of the execution chain, so that continue-as-new keeps it.
        """
        t = trigger
        values = (
            t.mode,
            t.condition_id,
            t.threshold,
            t.workflow_id,
            owner_run,
            t.token_id,
            t.outcome,
            t.outcome_index,
            t.price,
            t.size,
            t.source,
            t.venue_time,
            t.seen_at,
            t.epoch,
            t.question,
            t.slug,
            t.event_id,
            at,
        )
        try:
            answer = await self._pool.fetchrow(_TAKE, *values)
        except asyncpg.UniqueViolationError:
            # Lost at the very same moment, on the index of workflow ids, which ON CONFLICT does
            # not watch. The winner has committed, so that now the statement finds its row.
            answer = await self._pool.fetchrow(_TAKE, *values)
        row = dict(only(answer))
        won = row["owner_run"] == owner_run and row["state"] in ("claimed", "entered")
        return ClaimAnswer(won=won, **row)

    async def release(
        self,
        mode: Mode,
        condition_id: str,
        threshold: Price,
        owner_run: str,
        reason: str,
        retry_after: datetime | None,
        at: datetime,
    ) -> bool:
        """Give the touch back for a later one; False when it is not ours to give.

        Not ours: another run owns it, money was spent, or an order may still fill.
        """
        key = (mode, condition_id, threshold, owner_run)
        return await self._give_up(key, ClaimState.RELEASED, reason, retry_after, at)

    async def decline(
        self,
        mode: Mode,
        condition_id: str,
        threshold: Price,
        owner_run: str,
        reason: str,
        at: datetime,
    ) -> bool:
        """Decline the touch for good; False as in `release`."""
        key = (mode, condition_id, threshold, owner_run)
        return await self._give_up(key, ClaimState.DECLINED, reason, None, at)

    async def _give_up(
        self,
        key: tuple[Mode, str, Price, str],
        state: ClaimState,
        reason: str,
        retry_after: datetime | None,
        at: datetime,
    ) -> bool:
        async with self._pool.acquire() as connection, connection.transaction():
            await connection.execute(_LOCK, *key[:3])
            done = await connection.execute(_GIVE_UP, *key, state, reason, retry_after, at)
        return done == "UPDATE 1"

    async def allow(
        self, mode: Mode, condition_id: str, threshold: Price, who: str, why: str, at: datetime
    ) -> bool:
        """Let a declined touch trigger again; audited. False when it was not declined."""
        async with self._pool.acquire() as connection, connection.transaction():
            done = await connection.execute(
                """UPDATE claims SET state = 'released', retry_after = NULL, reason = $4,
                   abandoned_at = NULL, changed_at = $5
                   WHERE mode = $1 AND condition_id = $2 AND threshold = $3
                     AND state = 'declined'""",
                mode,
                condition_id,
                threshold,
                why,
                at,
            )
            target = f"{mode}:{condition_id}:{threshold}"
            result = "released" if done == "UPDATE 1" else "was not declined"
            await write_audit(connection, at, who, "allow", target, why, result)
        return done == "UPDATE 1"

    async def take_over(
        self, mode: Mode, workflow_id: str, owner_run: str, why: str, at: datetime
    ) -> bool:
        """Give a claim whose run is gone to another run (reconciliation); False when unknown."""
        done = await self._pool.execute(
            """UPDATE claims SET owner_run = $3, reason = $4, changed_at = $5
               WHERE workflow_id = $2 AND mode = $1 AND state IN ('claimed', 'entered')""",
            mode,
            workflow_id,
            owner_run,
            why,
            at,
        )
        return done == "UPDATE 1"

    async def abandon(self, mode: Mode, workflow_id: str, at: datetime) -> None:
        """Note that a trade is left to a person; what still comes of it is unmanaged."""
        await self._pool.execute(
            "UPDATE claims SET abandoned_at = coalesce(abandoned_at, $3), changed_at = $3"
            " WHERE workflow_id = $1 AND mode = $2",
            workflow_id,
            mode,
            at,
        )

    async def spent(self, mode: Mode, at: datetime) -> list[Spent]:
        """Return every touch that must not start a trade at this time; ingest loads it.

        Those of closed markets are left out, for these cannot be touched, unless a trade is open.
        """
        rows = await self._pool.fetch(
            """SELECT c.workflow_id, c.state, c.retry_after FROM claims c
               WHERE c.mode = $1 AND (c.state <> 'released' OR c.retry_after > $2)
                 AND (c.slot OR NOT EXISTS (SELECT FROM markets m
                      WHERE m.condition_id = c.condition_id AND m.closed))""",
            mode,
            at,
        )
        return [Spent(row[0], ClaimState(row[1]), row[2]) for row in rows]

    async def get(self, mode: Mode, workflow_id: str) -> ClaimRow | None:
        """Return the claim of a trade."""
        row = await self._pool.fetchrow(
            _ROW + " WHERE workflow_id = $1 AND mode = $2", workflow_id, mode
        )
        return read(ClaimRow, row) if row else None

    async def in_state(self, mode: Mode, state: ClaimState, before: datetime) -> list[ClaimRow]:
        """Return claims in a state that did not change since `before`, oldest first."""
        rows = await self._pool.fetch(
            _ROW + " WHERE mode = $1 AND state = $2 AND changed_at <= $3 ORDER BY changed_at",
            mode,
            state,
            before,
        )
        return read_all(ClaimRow, rows)
