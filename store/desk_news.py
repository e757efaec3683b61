"""News: trades that were entered or that ended, and that nobody was told of. Committed facts."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import asyncpg

from domain.market import Mode
from domain.money import Price, Shares, Usd
from domain.record import Record, Utc
from store.rows import read_all

_NEWS = """
WITH recent AS (
    SELECT * FROM positions WHERE mode = $1 AND state IN ('open', 'unmanaged') AND created_at >= $2
    UNION ALL
    SELECT * FROM positions WHERE mode = $1 AND state IN ('closed', 'resolved') AND closed_at >= $2
), said AS (
    SELECT 'entered' AS kind, r.* FROM recent r WHERE r.created_at >= $2
    UNION ALL
    SELECT 'settled' AS kind, r.* FROM recent r WHERE r.state IN ('closed', 'resolved')
)
SELECT s.kind, s.workflow_id, c.question, c.outcome, s.bought, s.payout, s.fees,
       coalesce(s.closed_at, s.created_at) AS at, f.spent, f.entry_price, e.profit
FROM said s JOIN claims c USING (workflow_id, mode)
LEFT JOIN LATERAL (
    SELECT sum(cash) AS spent, round(sum(cash) / nullif(sum(shares), 0), 6) AS entry_price
    FROM fills WHERE workflow_id = s.workflow_id AND mode = s.mode AND side = 'BUY'
      AND status <> 'failed') f ON true
LEFT JOIN LATERAL (
    SELECT CASE WHEN bool_and(profit IS NOT NULL) THEN sum(profit) END AS profit FROM exits
    WHERE workflow_id = s.workflow_id AND mode = s.mode) e ON true
WHERE NOT EXISTS (SELECT 1 FROM alert_gates
                  WHERE key = s.kind || ':' || s.mode || ':' || s.workflow_id)
ORDER BY at, s.kind LIMIT $3
"""


class News(Record):
    """One thing a person wants to hear of. `profit` None: not booked, or unknown."""

    kind: str  # entered or settled
    workflow_id: str
    question: str
    outcome: str
    bought: Shares
    spent: Usd | None
    entry_price: Price | None
    payout: Price | None
    fees: Usd
    profit: Usd | None
    at: Utc

    def key(self, mode: Mode) -> str:
        """Return the key of its alert: told once, ever."""
        return f"{self.kind}:{mode.value}:{self.workflow_id}"


class Untold:
    """What happened and was not told yet."""

    def __init__(self, pool: asyncpg.Pool[Any]) -> None:
        self._pool = pool

    async def since(self, mode: Mode, since: datetime, limit: int = 50) -> list[News]:
        """Return news since a time, oldest first."""
        return read_all(News, await self._pool.fetch(_NEWS, mode, since, limit))
