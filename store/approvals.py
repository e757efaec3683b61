"""Approvals: questions to a person with a deadline. The trade asks; this is its record."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

import asyncpg

from domain.market import Mode
from domain.money import Price, Usd
from domain.record import Id, Record, Utc
from store.rows import read, read_all


class ApprovalState(StrEnum):
    """pending until a person or the deadline answers."""

    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"
    EXPIRED = "expired"


class Approval(Record):
    """One question: may this run of the trade spend `stake` at up to `max_price`?"""

    workflow_id: Id
    run_id: Id
    mode: Mode
    condition_id: Id
    token_id: Id
    question: str
    price: Price
    max_price: Price
    stake: Usd
    asked_at: Utc
    deadline: Utc
    state: ApprovalState = ApprovalState.PENDING
    who: str | None = None
    why: str = ""
    answered_at: Utc | None = None


class Approvals:
    """Questions and answers."""

    def __init__(self, pool: asyncpg.Pool[Any]) -> None:
        self._pool = pool

    async def ask(self, a: Approval) -> bool:
        """Record the question; False when this run asked before."""
        done = await self._pool.execute(
            """INSERT INTO approvals (workflow_id, run_id, mode, condition_id, token_id, question,
                   price, max_price, stake, asked_at, deadline)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
               ON CONFLICT (workflow_id, run_id) DO NOTHING""",
            a.workflow_id,
            a.run_id,
            a.mode,
            a.condition_id,
            a.token_id,
            a.question,
            a.price,
            a.max_price,
            a.stake,
            a.asked_at,
            a.deadline,
        )
        return done == "INSERT 0 1"

    async def answer(
        self, workflow_id: str, run_id: str, state: ApprovalState, who: str, why: str, at: datetime
    ) -> bool:
        """Record the answer; the first one stays. An approval after the deadline is refused."""
        done = await self._pool.execute(
            """UPDATE approvals SET state = $3, who = $4, why = $5, answered_at = $6
               WHERE workflow_id = $1 AND run_id = $2 AND state = 'pending'
                 AND ($3 <> 'approved' OR deadline >= $6)""",
            workflow_id,
            run_id,
            state,
            who,
            why,
            at,
        )
        return done == "UPDATE 1"

    async def get(self, workflow_id: str, run_id: str) -> Approval | None:
        """Return one question."""
        row = await self._pool.fetchrow(
            "SELECT * FROM approvals WHERE workflow_id = $1 AND run_id = $2", workflow_id, run_id
        )
        return read(Approval, row) if row else None

    async def pending(self, mode: Mode) -> list[Approval]:
        """Return the open questions, the most urgent first."""
        rows = await self._pool.fetch(
            "SELECT * FROM approvals WHERE mode = $1 AND state = 'pending' ORDER BY deadline", mode
        )
        return read_all(Approval, rows)
