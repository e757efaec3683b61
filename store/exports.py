"""Exports: whole tables as rows, for spreadsheets and tax."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import asyncpg

from domain.lots import Move
from domain.market import Mode
from domain.record import Id
from store.rows import read_all
from store.views import TRADES

_QUERIES = {
    "trades": TRADES + " WHERE c.mode = $1 AND c.seen_at >= $2 ORDER BY c.seen_at, c.workflow_id",
    "orders": """SELECT created_at, order_id, workflow_id, leg, attempt, side, tif, limit_price,
        shares, filled, status, posts, first_posted_at, closed_at, venue_text FROM orders
        WHERE mode = $1 AND created_at >= $2 ORDER BY created_at, order_id""",
    "fills": """SELECT matched_at, trade_id, order_id, workflow_id, token_id, side, price, shares,
        cash, fee, status, maker, settled_at FROM fills
        WHERE mode = $1 AND matched_at >= $2 ORDER BY matched_at, trade_id""",
    "exits": """SELECT at, exit_id, workflow_id, kind, final, shares, cost, proceeds, fees, profit,
        reason FROM exits WHERE mode = $1 AND at >= $2 ORDER BY at, exit_id""",
    "decisions": """SELECT at, condition_id, token_id, threshold, workflow_id, stage, verdict,
        filter, reason, score, limit_price, stake, strategy, strategy_version, settings_hash
        FROM decisions WHERE mode = $1 AND at >= $2 ORDER BY at, decision_id""",
}

# Everything that brought or took shares before a moment: a fill, or what was booked without one.
_MOVES = """
SELECT f.token_id, f.workflow_id, o.condition_id, f.matched_at AS at,
       f.trade_id || ' ' || f.order_id AS key, f.side = 'BUY' AS comes, f.shares,
       f.cash AS value, f.fee, 'sale' AS how
FROM fills f JOIN orders o USING (order_id)
WHERE f.mode = $1 AND f.status <> 'failed' AND f.matched_at < $2
UNION ALL
SELECT p.token_id, p.workflow_id, p.condition_id, e.at, e.exit_id, false, e.shares, e.proceeds, 0,
       e.kind
FROM exits e JOIN positions p USING (workflow_id, mode)
WHERE e.mode = $1 AND e.kind <> 'sale' AND e.shares > 0 AND e.at < $2
UNION ALL
SELECT p.token_id, p.workflow_id, p.condition_id, a.at, 'adjust:' || a.adjustment_id, true,
       a.shares, a.cost, 0, 'adopted'
FROM adjustments a JOIN positions p USING (workflow_id, mode)
WHERE a.mode = $1 AND a.shares > 0 AND a.at < $2
"""


class TokenMove(Move):
    """A move, and whose."""

    token_id: Id
    condition_id: Id
    workflow_id: Id


class Exports:
    """Reads whole tables; amounts exact, times in UTC."""

    def __init__(self, pool: asyncpg.Pool[Any]) -> None:
        self._pool = pool

    async def rows(self, what: str, mode: Mode, since: datetime) -> list[dict[str, object]]:
        """Return the rows of trades, orders, fills, exits or decisions, the oldest first."""
        return [dict(row) for row in await self._pool.fetch(_QUERIES[what], mode, since)]

    async def moves(self, mode: Mode, before: datetime) -> list[TokenMove]:
        """Return all that brought or took shares before a moment, of every trade."""
        return read_all(TokenMove, await self._pool.fetch(_MOVES, mode, before))
