"""Decisions: why each touch did or did not become a trade; every one is a row."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import asyncpg

from domain.decision import Decision, DecisionStage, Verdict
from domain.market import Mode
from domain.money import Price
from domain.record import Id, Record, Utc
from store.rows import read_all

_RECORD = """
INSERT INTO decisions (workflow_id, run_id, seq, mode, condition_id, token_id, threshold, stage,
    verdict, reason, filter, values, strategy, strategy_version, limit_price, stake, score, book,
    settings_hash, at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)
ON CONFLICT (workflow_id, run_id, stage, seq)
    WHERE workflow_id IS NOT NULL AND run_id IS NOT NULL DO NOTHING
RETURNING decision_id
"""


class DecisionRow(Record):
    """A decision with what it was about. `book` is the book it rested on, as plain JSON."""

    workflow_id: str | None = None
    run_id: str | None = None
    seq: int = 0
    mode: Mode
    condition_id: Id
    token_id: Id
    threshold: Price
    stage: DecisionStage
    decision: Decision
    book: dict[str, object] | None = None
    settings_hash: str = ""
    at: Utc


class FunnelRow(Record):
    """How many decisions one rule took at one stage."""

    stage: DecisionStage
    verdict: Verdict
    filter: str
    decisions: int


class Decisions:
    """Every verdict, with reason, rule, figures and strategy version."""

    def __init__(self, pool: asyncpg.Pool[Any]) -> None:
        self._pool = pool

    async def record(self, row: DecisionRow) -> bool:
        """Write a decision; False when (workflow, run, stage, seq) was written before."""
        d = row.decision
        written = await self._pool.fetchval(
            _RECORD,
            row.workflow_id,
            row.run_id,
            row.seq,
            row.mode,
            row.condition_id,
            row.token_id,
            row.threshold,
            row.stage,
            d.verdict,
            d.reason,
            d.filter,
            d.values,
            d.strategy,
            d.strategy_version,
            d.limit,
            d.stake,
            d.score,
            row.book,
            row.settings_hash,
            row.at,
        )
        return written is not None

    async def of_condition(self, condition_id: str, limit: int = 100) -> list[DecisionRow]:
        """Return the decisions about a market, newest first."""
        rows = await self._pool.fetch(
            "SELECT * FROM decisions WHERE condition_id = $1"
            " ORDER BY at DESC, decision_id DESC LIMIT $2",
            condition_id,
            limit,
        )
        return [read_decision(row) for row in rows]

    async def funnel(self, since: datetime, until: datetime) -> list[FunnelRow]:
        """Return how many decisions each rule took in a time, the commonest first."""
        rows = await self._pool.fetch(
            """SELECT stage, verdict, filter, count(*) AS decisions FROM decisions
               WHERE at >= $1 AND at < $2 GROUP BY stage, verdict, filter
               ORDER BY decisions DESC, stage, filter""",
            since,
            until,
        )
        return read_all(FunnelRow, rows)


def read_decision(row: asyncpg.Record) -> DecisionRow:
    """Return the decision of a row of the table."""
    data = dict(row)
    decision = Decision(limit=data["limit_price"], decided_at=data["at"], **data)
    return DecisionRow(decision=decision, **data)
