"""Trades for pages: those under way with their latest price, and the story of one."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

import asyncpg

from domain.market import Mode
from domain.money import Price, Shares, Usd
from domain.record import Record, Utc
from store.decisions import DecisionRow, read_decision
from store.rows import read, read_all
from store.views import TRADES, TradeLine

_UNDER_WAY = f"""
WITH ids AS MATERIALIZED (
    SELECT workflow_id FROM claims WHERE mode = $1 AND state = 'claimed'
    UNION SELECT workflow_id FROM positions WHERE mode = $1 AND state IN ('open', 'unmanaged')
    UNION SELECT workflow_id FROM orders WHERE mode = $1 AND closed_at IS NULL
), t AS ({TRADES} WHERE c.mode = $1 AND c.workflow_id IN (SELECT workflow_id FROM ids))
SELECT t.*, m.bid, m.ask, m.at AS marked_at, l.above AS target, l.below AS stop,
       k.verdict AS last_verdict, mk.end_time, mk.slug
FROM t
LEFT JOIN LATERAL (SELECT bid, ask, at FROM marks WHERE token_id = t.token_id
                   ORDER BY at DESC LIMIT 1) m ON true
LEFT JOIN levels l ON l.workflow_id = t.workflow_id AND l.mode = t.mode
LEFT JOIN markets mk ON mk.condition_id = t.condition_id
LEFT JOIN LATERAL (SELECT verdict FROM decisions WHERE workflow_id = t.workflow_id
                   ORDER BY decision_id DESC LIMIT 1) k ON true
ORDER BY t.seen_at DESC, t.workflow_id LIMIT $2
"""  # noqa: S608 - a constant of store/views.py

_CLOSED = f"""
WITH ids AS MATERIALIZED (
    SELECT workflow_id FROM positions WHERE mode = $1 AND state IN ('closed', 'resolved')
    ORDER BY closed_at DESC, workflow_id LIMIT $2 OFFSET $3
)
{TRADES} WHERE c.mode = $1 AND c.workflow_id IN (SELECT workflow_id FROM ids)
ORDER BY p.closed_at DESC, c.workflow_id
"""  # noqa: S608  # our own constant, no value

_OVER = """
SELECT p.workflow_id FROM positions p LEFT JOIN markets m USING (condition_id)
WHERE p.mode = $1 AND p.state = 'open' AND p.shares > 0
  AND (m.condition_id IS NULL OR m.closed OR NOT m.accepting_orders OR m.end_time IS NULL
       OR m.end_time <= $2)
ORDER BY p.created_at LIMIT $3
"""

_TOUCH = """SELECT price, size, source, venue_time, seen_at, epoch, claimed_at, slug, retry_after,
    state AS claim FROM claims WHERE mode = $1 AND workflow_id = $2"""


class OpenTrade(TradeLine):
    """A trade under way with what its token is worth now; prices per share, None is unknown."""

    bid: Price | None
    ask: Price | None
    marked_at: Utc | None
    target: Price | None
    stop: Price | None
    last_verdict: str | None
    end_time: Utc | None
    slug: str | None

    @property
    def worth(self) -> Usd | None:
        """Return what the shares would bring at the best bid, before fees; None is unknown."""
        return None if self.bid is None else Usd(self.shares * self.bid)

    @property
    def unrealised(self) -> Usd | None:
        """Return the profit on paper at the best bid, before the fee of a sale."""
        worth = self.worth
        return None if worth is None or not self.shares else Usd(worth - self.cost)


class TouchFact(Record):
    """The touch that began a trade, as it was claimed."""

    price: Price
    size: Shares | None
    source: str
    venue_time: Utc
    seen_at: Utc
    epoch: int
    claimed_at: Utc
    slug: str
    retry_after: Utc | None
    claim: str


class ProfitPoint(Record):
    """What was booked at one moment, and the sum until then."""

    at: Utc
    profit: Decimal
    total: Decimal


class DeskTrades:
    """Lists for the desk."""

    def __init__(self, pool: asyncpg.Pool[Any]) -> None:
        self._pool = pool

    async def under_way(self, mode: Mode, limit: int = 500) -> list[OpenTrade]:
        """Return the trades that are not over, the latest first."""
        return read_all(OpenTrade, await self._pool.fetch(_UNDER_WAY, mode, limit))

    async def over(self, mode: Mode, now: datetime, limit: int = 500) -> list[str]:
        """Return open trades whose market is over, as far as is known; unknown counts as over."""
        rows = await self._pool.fetch(_OVER, mode, now, limit)
        return [str(row["workflow_id"]) for row in rows]

    async def closed(self, mode: Mode, limit: int, offset: int = 0) -> list[TradeLine]:
        """Return settled trades, the latest first."""
        return read_all(TradeLine, await self._pool.fetch(_CLOSED, mode, limit, offset))

    async def one(self, mode: Mode, workflow_id: str) -> TradeLine | None:
        """Return one trade by its id."""
        row = await self._pool.fetchrow(
            TRADES + " WHERE c.mode = $1 AND c.workflow_id = $2", mode, workflow_id
        )
        return read(TradeLine, row) if row else None

    async def touch(self, mode: Mode, workflow_id: str) -> TouchFact | None:
        """Return the touch that began a trade."""
        row = await self._pool.fetchrow(_TOUCH, mode, workflow_id)
        return read(TouchFact, row) if row else None

    async def decisions(self, workflow_id: str, limit: int = 100) -> list[DecisionRow]:
        """Return what was decided in a trade, oldest first."""
        rows = await self._pool.fetch(
            "SELECT * FROM (SELECT * FROM decisions WHERE workflow_id = $1"
            " ORDER BY decision_id DESC LIMIT $2) d ORDER BY decision_id",
            workflow_id,
            limit,
        )
        return [read_decision(row) for row in rows]

    async def profit(self, mode: Mode, since: datetime, limit: int = 2000) -> list[ProfitPoint]:
        """Return booked profit over time, oldest first; exits of unknown profit are left out."""
        rows = await self._pool.fetch(
            """SELECT at, profit, sum(profit) OVER (ORDER BY at, exit_id) AS total FROM (
                   SELECT at, exit_id, profit FROM exits
                   WHERE mode = $1 AND at >= $2 AND profit IS NOT NULL
                   ORDER BY at DESC, exit_id DESC LIMIT $3) e ORDER BY at, exit_id""",
            mode,
            since,
            limit,
        )
        return read_all(ProfitPoint, rows)
