"""Marks: best bid and ask of tokens with a live trade, for pages and charts; never for money."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import asyncpg

from domain.market import Mode
from domain.money import Price
from domain.record import Id, Record, Utc
from store.rows import read_all

_LIVE = """SELECT token_id FROM claims WHERE mode = $1 AND state = 'claimed'
UNION SELECT token_id FROM positions WHERE mode = $1 AND state IN ('open', 'unmanaged')
UNION SELECT token_id FROM orders WHERE mode = $1 AND closed_at IS NULL"""


class Mark(Record):
    """The top of one token's book at one moment; a missing side is None."""

    token_id: Id
    at: Utc
    bid: Price | None
    ask: Price | None


class Marks:
    """Prices of what is traded."""

    def __init__(self, pool: asyncpg.Pool[Any]) -> None:
        self._pool = pool

    async def live_tokens(self, mode: Mode) -> frozenset[str]:
        """Return the tokens of trades that are under way."""
        return frozenset(row["token_id"] for row in await self._pool.fetch(_LIVE, mode))

    async def put(self, marks: list[Mark]) -> None:
        """Write marks; one token has one mark at one time."""
        await self._pool.execute(
            """INSERT INTO marks (token_id, at, bid, ask)
               SELECT token_id, at, bid, ask FROM jsonb_populate_recordset(NULL::marks, $1)
               ON CONFLICT DO NOTHING""",
            [mark.model_dump(mode="json") for mark in marks],
        )

    async def of_token(
        self, token_id: str, since: datetime, until: datetime, limit: int = 600
    ) -> list[Mark]:
        """Return at most about `limit` marks of a token, evenly thinned, oldest first."""
        rows = await self._pool.fetch(
            """SELECT token_id, at, bid, ask FROM (
                   SELECT m.*, row_number() OVER (ORDER BY at) AS n, count(*) OVER () AS total
                   FROM marks m WHERE token_id = $1 AND at BETWEEN $2 AND $3) t
               WHERE n % greatest(total / $4, 1) = 0 OR n = total ORDER BY at""",
            token_id,
            since,
            until,
            limit,
        )
        return read_all(Mark, rows)

    async def sweep(self, before: datetime) -> int:
        """Drop marks older than a time; returns how many."""
        done = await self._pool.execute("DELETE FROM marks WHERE at < $1", before)
        return int(done.split()[-1])
