"""Touches and tape: what ingest saw and could not use, prints read back, and how far it read."""

from __future__ import annotations

import csv
import io
from datetime import datetime
from enum import StrEnum
from typing import Any

import asyncpg

from domain.market import Mode
from domain.money import Price, Shares
from domain.orders import Side
from domain.record import Id, Record, Utc
from store.rows import read_all

_COLUMNS = ("condition_id", "trade_id", "token_id", "side", "price", "size", "at")

# Lives as long as the connection and is empty again after every commit.
_BATCH = """CREATE TEMPORARY TABLE IF NOT EXISTS tape_batch (LIKE tape_trades)
ON COMMIT DELETE ROWS"""

_KEEP = """INSERT INTO tape_trades (condition_id, trade_id, token_id, side, price, size, at)
SELECT condition_id, trade_id, token_id, side, price, size, at FROM tape_batch
ORDER BY condition_id, trade_id  -- two replicas write the same prints and must not cross
ON CONFLICT (condition_id, trade_id) DO NOTHING"""


class TouchKind(StrEnum):
    """missed: known, but too old when it could be sent. unseen: a gap hides what happened."""

    MISSED = "missed"
    UNSEEN = "unseen"


class LostTouch(Record):
    """A touch that started no trade, and why."""

    mode: Mode
    condition_id: Id
    token_id: Id
    threshold: Price
    kind: TouchKind
    price: Price | None = None
    venue_time: Utc | None = None
    seen_at: Utc
    epoch: int = 0
    reason: str


class TapeTrade(Record):
    """A print of the venue's trade list."""

    condition_id: Id
    trade_id: Id
    token_id: Id
    side: Side
    price: Price
    size: Shares
    at: Utc


class Touches:
    """Touches that were lost; none of them in silence."""

    def __init__(self, pool: asyncpg.Pool[Any]) -> None:
        self._pool = pool

    async def record(self, touches: list[LostTouch]) -> int:
        """Write lost touches and return how many were new (STO-M3)."""
        written = await self._pool.fetch(
            """INSERT INTO touches (mode, condition_id, token_id, threshold, kind, price,
                   venue_time, seen_at, epoch, reason)
               SELECT mode, condition_id, token_id, threshold, kind, price, venue_time, seen_at,
                   epoch, reason FROM jsonb_populate_recordset(NULL::touches, $1)
               ON CONFLICT DO NOTHING RETURNING touch_id""",
            [t.model_dump(mode="json") for t in touches],
        )
        return len(written)

    async def since(self, since: datetime, limit: int = 200) -> list[LostTouch]:
        """Return the newest lost touches first."""
        rows = await self._pool.fetch(
            "SELECT * FROM touches WHERE seen_at >= $1 ORDER BY seen_at DESC LIMIT $2", since, limit
        )
        return read_all(LostTouch, rows)


class Tape:
    """Prints that were read back by REST, and watermarks that only move forward."""

    def __init__(self, pool: asyncpg.Pool[Any]) -> None:
        self._pool = pool

    async def put(self, trades: list[TapeTrade]) -> int:
        """Write prints and return how many were new: a retry returns 0 (STO-M3).

        By COPY, into a table of this session alone, and from there in one statement.
        """
        async with self._pool.acquire() as connection, connection.transaction():
            await connection.execute(_BATCH)
            await connection.copy_to_table(
                "tape_batch", source=_csv(trades), columns=_COLUMNS, format="csv"
            )
            written = await connection.execute(_KEEP)
        return int(written.split()[-1])

    async def of_condition(self, condition_id: str, since: datetime) -> list[TapeTrade]:
        """Return the prints of a market since a time, oldest first."""
        rows = await self._pool.fetch(
            "SELECT * FROM tape_trades WHERE condition_id = $1 AND at >= $2 ORDER BY at, trade_id",
            condition_id,
            since,
        )
        return read_all(TapeTrade, rows)

    async def advance(self, kind: str, key: str, at: datetime) -> datetime:
        """Move a watermark forward and return where it stands; it never goes back (STO-M2)."""
        stands: datetime = await self._pool.fetchval(
            """INSERT INTO watermarks AS w (kind, key, at) VALUES ($1, $2, $3)
               ON CONFLICT (kind, key) DO UPDATE SET at = greatest(w.at, excluded.at)
               RETURNING at""",
            kind,
            key,
            at,
        )
        return stands

    async def watermark(self, kind: str, key: str) -> datetime | None:
        """Return where a watermark stands."""
        stands: datetime | None = await self._pool.fetchval(
            "SELECT at FROM watermarks WHERE kind = $1 AND key = $2", kind, key
        )
        return stands


def _csv(trades: list[TapeTrade]) -> io.BytesIO:
    """Return the rows as COPY reads them: exact decimals, aware times."""
    text = io.StringIO()
    rows = csv.writer(text, quoting=csv.QUOTE_ALL)  # unquoted, an empty text would be NULL
    for trade in trades:
        plain = trade.model_dump(mode="json")
        rows.writerow([plain[column] for column in _COLUMNS])
    return io.BytesIO(text.getvalue().encode())
