"""Views: what people and reports read. Read-only; nothing here is used to decide about money."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

import asyncpg

from domain.market import Mode
from domain.money import Price, Shares, Usd
from domain.record import Record, Utc
from store.rows import only, read, read_all

TRADES = """
SELECT c.workflow_id, c.mode, c.condition_id, c.token_id, c.question, c.outcome, c.threshold,
       c.price AS touched, c.seen_at, c.reason, c.owner_run AS run_id,
       CASE WHEN p.state IN ('closed', 'resolved') THEN 'settled'
            WHEN p.state = 'unmanaged' THEN 'abandoned'
            WHEN coalesce(o.unknown, 0) > 0 THEN 'unknown'
            WHEN p.state = 'open' THEN 'holding'
            WHEN c.state = 'released' THEN 'not_entered'
            WHEN c.state = 'declined' THEN 'declined'
            WHEN coalesce(o.working, 0) > 0 THEN 'entering'
            ELSE 'screening' END AS state,
       coalesce(p.bought, 0) AS bought, coalesce(p.shares, 0) AS shares,
       coalesce(p.cost, 0) AS cost, f.entry_price, coalesce(f.spent, 0) AS spent,
       coalesce(f.fees, 0) AS fees, p.payout, e.profit, p.closed_at,
       coalesce(o.orders, 0) AS orders, coalesce(f.fills, 0) AS fills
FROM claims c
LEFT JOIN positions p USING (workflow_id, mode)
LEFT JOIN LATERAL (
    SELECT count(*) AS orders, count(*) FILTER (WHERE status = 'unknown') AS unknown,
           count(*) FILTER (WHERE closed_at IS NULL) AS working
    FROM orders WHERE workflow_id = c.workflow_id AND mode = c.mode) o ON true
LEFT JOIN LATERAL (
    SELECT count(*) AS fills, sum(fee) AS fees,
           sum(cash) FILTER (WHERE side = 'BUY') AS spent,
           round(sum(cash) FILTER (WHERE side = 'BUY')
                 / nullif(sum(shares) FILTER (WHERE side = 'BUY'), 0), 6) AS entry_price
    FROM fills
    WHERE workflow_id = c.workflow_id AND mode = c.mode AND status <> 'failed') f ON true
LEFT JOIN LATERAL (
    SELECT sum(profit) AS profit FROM exits
    WHERE workflow_id = c.workflow_id AND mode = c.mode) e ON true
"""

_ORDERS = """SELECT order_id, leg, attempt, side, tif, limit_price AS limit, shares, filled, status,
    posts, coalesce(landing, '') AS landing, venue_text, evidence, created_at, first_posted_at,
    closed_at FROM orders WHERE workflow_id = $1 AND mode = $2 ORDER BY created_at"""

_FILLS = """SELECT trade_id, order_id, side, price, shares, fee, status, matched_at, maker
    FROM fills WHERE workflow_id = $1 AND mode = $2 ORDER BY matched_at"""

_EXITS = """SELECT exit_id, kind, final, shares, cost, proceeds, fees, profit, reason, at
    FROM exits WHERE workflow_id = $1 AND mode = $2 ORDER BY at"""

_REASONS = """SELECT verdict || ' · ' || filter AS reason, count(*) AS times FROM decisions
    WHERE mode = $1 AND at >= $2 GROUP BY 1 ORDER BY 2 DESC, 1"""

_TOTALS = """
SELECT (SELECT count(*) FROM claims WHERE mode = $1 AND seen_at >= $2) AS triggers,
       (SELECT count(*) FROM orders WHERE mode = $1 AND created_at >= $2) AS orders,
       (SELECT count(*) FROM fills
        WHERE mode = $1 AND matched_at >= $2 AND status <> 'failed') AS fills,
       (SELECT coalesce(sum(profit), 0) FROM exits WHERE mode = $1 AND at >= $2) AS profit,
       (SELECT coalesce(sum(fee), 0) FROM fills
        WHERE mode = $1 AND matched_at >= $2 AND status <> 'failed') AS fees
"""

_LATENCY = """SELECT coalesce(percentile_cont(ARRAY[0.5, 0.95, 0.99]) WITHIN GROUP (ORDER BY ms),
    '{NULL,NULL,NULL}') FROM (
    SELECT extract(epoch FROM o.first_posted_at - c.seen_at)::float8 * 1000 AS ms
    FROM orders o JOIN claims c USING (workflow_id, mode)
    WHERE o.mode = $1 AND o.created_at >= $2 AND o.leg = 'entry' AND o.first_posted_at IS NOT NULL
      AND o.attempt = c.attempt_base + 1) posts"""


class TradeLine(Record):
    """One trade in one line. Dollars and shares; `profit` None while nothing is booked."""

    workflow_id: str
    run_id: str
    mode: Mode
    condition_id: str
    token_id: str
    question: str
    outcome: str
    threshold: Price
    touched: Price
    seen_at: Utc
    state: str
    reason: str
    bought: Shares
    shares: Shares
    cost: Usd
    spent: Usd
    entry_price: Price | None
    fees: Usd
    payout: Price | None
    profit: Usd | None
    closed_at: Utc | None
    orders: int
    fills: int


class Totals(Record):
    """Sums over a stretch of time. Profit is net of fees."""

    triggers: int
    orders: int
    fills: int
    profit: Usd
    fees: Usd


class Views:
    """Lists and sums for the CLI, the dashboard and reports."""

    def __init__(self, pool: asyncpg.Pool[Any]) -> None:
        self._pool = pool

    async def trades(
        self, mode: Mode, since: datetime | None = None, limit: int = 1000
    ) -> list[TradeLine]:
        """Return trades, the latest first."""
        query = TRADES + " WHERE c.mode = $1 AND ($2::timestamptz IS NULL OR c.seen_at >= $2)"
        query += " ORDER BY c.seen_at DESC, c.workflow_id LIMIT $3"
        return read_all(TradeLine, await self._pool.fetch(query, mode, since, limit))

    async def find(self, mode: Mode, text: str, limit: int = 20) -> list[TradeLine]:
        """Return trades whose id begins with the text, or whose market or slug it is."""
        query = TRADES + " WHERE c.mode = $1 AND (starts_with(c.workflow_id, $2)"
        query += " OR c.condition_id = $2 OR c.slug = $2) ORDER BY c.seen_at DESC LIMIT $3"
        return read_all(TradeLine, await self._pool.fetch(query, mode, text, limit))

    async def details(self, mode: Mode, workflow_id: str) -> dict[str, list[dict[str, object]]]:
        """Return the orders, fills and exits of a trade, in the order they happened."""
        parts = {"orders": _ORDERS, "fills": _FILLS, "exits": _EXITS}
        return {
            name: [dict(row) for row in await self._pool.fetch(query, workflow_id, mode)]
            for name, query in parts.items()
        }

    async def totals(self, mode: Mode, since: datetime) -> Totals:
        """Return sums of what happened since then."""
        return read(Totals, only(await self._pool.fetchrow(_TOTALS, mode, since)))

    async def reasons(self, mode: Mode, since: datetime) -> dict[str, int]:
        """Return how many decisions were taken for each reason, the most frequent first."""
        rows = await self._pool.fetch(_REASONS, mode, since)
        return {row["reason"]: row["times"] for row in rows}

    async def touch_to_post(self, mode: Mode, since: datetime) -> list[Decimal | None]:
        """Return p50, p95 and p99 in milliseconds from seeing a touch to posting its order."""
        found = await self._pool.fetchval(_LATENCY, mode, since)
        return [None if ms is None else round(Decimal(ms), 1) for ms in found]
