"""Standing: the figures of the front page, and the lists behind it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import asyncpg

from domain.market import Mode
from domain.money import Price, Usd
from domain.record import Record, Utc
from store.decisions import DecisionRow, read_decision
from store.rows import only, read, read_all

_RESULT = """
SELECT count(*) FILTER (WHERE profit > 0) AS won, count(*) FILTER (WHERE profit <= 0) AS lost,
       count(*) FILTER (WHERE profit IS NULL) AS unknown, coalesce(sum(profit), 0) AS profit,
       coalesce(sum(profit) FILTER (WHERE at >= $3), 0) AS today, coalesce(sum(fees), 0) AS fees
FROM exits WHERE mode = $1 AND at >= $2
"""

_FACTS = """
SELECT (SELECT count(*) FROM orders WHERE mode = $1 AND closed_at IS NULL AND status = 'unknown'
            AND first_posted_at < $2) AS unknown_orders,
       (SELECT min(first_posted_at) FROM orders WHERE mode = $1 AND closed_at IS NULL
            AND status = 'unknown') AS oldest_unknown,
       (SELECT count(*) FROM touches WHERE mode = $1 AND kind = 'unseen' AND seen_at >= $3)
            AS unseen,
       (SELECT count(*) FROM touches WHERE mode = $1 AND kind = 'missed' AND seen_at >= $3)
            AS missed,
       (SELECT count(*) FROM alerts WHERE state = 'queued' AND raised_at < $4) AS undelivered,
       (SELECT count(*) FROM alerts WHERE state = 'dead' AND raised_at >= $3) AS dead_alerts,
       (SELECT count(*) FROM positions WHERE mode = $1 AND state = 'unmanaged') AS unmanaged,
       now() AS database_now
"""

_WATCHED = """
SELECT c.workflow_id, c.condition_id, c.token_id, c.question, c.outcome, c.threshold,
       c.price AS touched, c.seen_at, d.reason, d.score, d.at AS looked_at, m.end_time, k.bid, k.ask
FROM claims c
JOIN LATERAL (SELECT verdict, reason, score, at FROM decisions
              WHERE workflow_id = c.workflow_id AND run_id = c.owner_run
              ORDER BY decision_id DESC LIMIT 1) d ON d.verdict = 'watch'
LEFT JOIN markets m USING (condition_id)
LEFT JOIN LATERAL (SELECT bid, ask FROM marks WHERE token_id = c.token_id
                   ORDER BY at DESC LIMIT 1) k ON true
WHERE c.mode = $1 AND c.state = 'claimed' ORDER BY c.seen_at DESC LIMIT $2
"""

_OPEN = """
SELECT m.condition_id, m.question, m.category, m.end_time, m.active, m.closed, m.accepting_orders,
       b.condition_id IS NOT NULL AS blocked
FROM markets m LEFT JOIN blocks b USING (condition_id)
WHERE m.active AND NOT m.closed AND m.accepting_orders ORDER BY m.end_time, m.condition_id LIMIT $1
"""

_MARKETS = """
SELECT m.condition_id, m.question, m.category, m.end_time, m.active, m.closed, m.accepting_orders,
       b.condition_id IS NOT NULL AS blocked
FROM markets m LEFT JOIN blocks b USING (condition_id)
WHERE m.condition_id = $1 OR m.slug = $1 OR strpos(lower(m.question), lower($1)) > 0
ORDER BY m.active AND NOT m.closed DESC, m.end_time NULLS LAST, m.condition_id LIMIT $2
"""


class Result(Record):
    """What all exits since a time came to. Dollars; a win is an exit with a profit (XD-3)."""

    won: int
    lost: int
    unknown: int
    profit: Usd
    today: Usd
    fees: Usd


class DeskFacts(Record):
    """Counts that should be zero on a good day."""

    unknown_orders: int
    oldest_unknown: Utc | None
    unseen: int
    missed: int
    undelivered: int
    dead_alerts: int
    unmanaged: int
    database_now: Utc


class Watched(Record):
    """A touch on the watchlist: looked at again each hour."""

    workflow_id: str
    condition_id: str
    token_id: str
    question: str
    outcome: str
    threshold: Price
    touched: Price
    seen_at: Utc
    reason: str
    score: str | None
    looked_at: Utc
    end_time: Utc | None
    bid: Price | None
    ask: Price | None


class MarketLine(Record):
    """One market of the catalogue."""

    condition_id: str
    question: str
    category: str | None
    end_time: Utc | None
    active: bool
    closed: bool
    accepting_orders: bool
    blocked: bool


class Standing:
    """Reads for the front page; every one of them by an index."""

    def __init__(self, pool: asyncpg.Pool[Any]) -> None:
        self._pool = pool

    async def result(self, mode: Mode, since: datetime, today: datetime) -> Result:
        """Return the sums of all exits since a time; `today` is where the day begins."""
        return read(Result, only(await self._pool.fetchrow(_RESULT, mode, since, today)))

    async def facts(
        self, mode: Mode, unknown_before: datetime, recent: datetime, queued_before: datetime
    ) -> DeskFacts:
        """Return the counts that should be zero."""
        row = await self._pool.fetchrow(_FACTS, mode, unknown_before, recent, queued_before)
        return read(DeskFacts, only(row))

    async def watched(self, mode: Mode, limit: int = 200) -> list[Watched]:
        """Return the watchlist, the latest touch first."""
        return read_all(Watched, await self._pool.fetch(_WATCHED, mode, limit))

    async def markets(self, text: str, limit: int = 50) -> list[MarketLine]:
        """Return markets by id, slug or a part of the question; those still open first.

        Without a text: those that can be traded, the next to end first.
        """
        if not text:
            return read_all(MarketLine, await self._pool.fetch(_OPEN, limit))
        return read_all(MarketLine, await self._pool.fetch(_MARKETS, text, limit))

    async def decisions(self, mode: Mode, limit: int = 100) -> list[DecisionRow]:
        """Return the newest decisions about all markets."""
        rows = await self._pool.fetch(
            "SELECT * FROM decisions WHERE mode = $1 ORDER BY at DESC, decision_id DESC LIMIT $2",
            mode,
            limit,
        )
        return [read_decision(row) for row in rows]

    async def unseen_alerts(self, since: datetime) -> int:
        """Return how many alerts since a time nobody acknowledged."""
        count: int = await self._pool.fetchval(
            "SELECT count(*) FROM alerts WHERE seen_by IS NULL AND raised_at >= $1", since
        )
        return count
