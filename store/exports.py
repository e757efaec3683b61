"""Exports: whole tables as rows, for spreadsheets and tax."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import asyncpg

from domain.market import Mode
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


class Exports:
    """Reads whole tables; amounts exact, times in UTC."""

    def __init__(self, pool: asyncpg.Pool[Any]) -> None:
        self._pool = pool

    async def rows(self, what: str, mode: Mode, since: datetime) -> list[dict[str, object]]:
        """Return the rows of trades, orders, fills, exits or decisions, the oldest first."""
        return [dict(row) for row in await self._pool.fetch(_QUERIES[what], mode, since)]
