"""Markets: the catalogue, written only where something really changed."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import asyncpg

from domain.market import Fee, Market, Token

_FIELDS = (
    "condition_id question slug group_title category event_id end_time tick min_size neg_risk "
    "augmented_neg_risk protocol active closed accepting_orders resolution_status"
).split()
_COLUMNS = [*_FIELDS, "tags", "fee_rate", "fee_exponent", "fee_taker_only"]
_LIST = ", ".join(_COLUMNS)
_SET = ", ".join(f"{c} = excluded.{c}" for c in _COLUMNS)
_OLD = ", ".join(f"m.{c}" for c in _COLUMNS)
_NEW = ", ".join(f"excluded.{c}" for c in _COLUMNS)

_UPSERT = f"""
INSERT INTO markets AS m ({_LIST}, changed_at)
SELECT {_LIST}, now() FROM jsonb_populate_recordset(NULL::markets, $1)
ON CONFLICT (condition_id) DO UPDATE SET {_SET}, changed_at = now()
WHERE ({_OLD}) IS DISTINCT FROM ({_NEW})
RETURNING condition_id
"""  # noqa: S608 - column names above

_TOKENS = """
INSERT INTO tokens AS t (token_id, condition_id, outcome, outcome_index)
SELECT token_id, condition_id, outcome, outcome_index
FROM jsonb_populate_recordset(NULL::tokens, $1)
ON CONFLICT (token_id) DO UPDATE SET outcome = excluded.outcome,
    outcome_index = excluded.outcome_index, condition_id = excluded.condition_id
WHERE (t.outcome, t.outcome_index, t.condition_id)
    IS DISTINCT FROM (excluded.outcome, excluded.outcome_index, excluded.condition_id)
RETURNING condition_id
"""

_SELECT = f"""
SELECT {_LIST}, (SELECT jsonb_agg(jsonb_build_object('token_id', t.token_id, 'outcome', t.outcome,
    'index', t.outcome_index) ORDER BY t.outcome_index) FROM tokens t
    WHERE t.condition_id = m.condition_id) AS tokens
FROM markets m
"""  # noqa: S608 - column names above

AT_ONCE = 25  # markets made between two breaths, about 1 ms: ingest reads its stream on this loop


class TokenMoved(ValueError):
    """A token is now said to belong to another market: a data error, nothing was written (Q6)."""


class Markets:
    """The market catalogue; a token belongs to one market for ever."""

    def __init__(self, pool: asyncpg.Pool[Any]) -> None:
        self._pool = pool

    async def upsert(self, markets: Iterable[Market]) -> int:
        """Write markets and return how many were new or really changed (STO-M3).

        All or nothing. Listeners on the channel `markets` are told when something changed.

        Raises:
            TokenMoved: a token is known in another market.
        """
        given = {m.condition_id: m for m in markets}  # the last word of a batch counts
        if not given:
            return 0
        ordered = [given[key] for key in sorted(given)]  # two writers lock in one order
        rows, tokens = await _rows(ordered)
        async with self._pool.acquire() as connection, connection.transaction():
            try:
                changed = await connection.fetch(_UPSERT, rows)
                moved = await connection.fetch(_TOKENS, tokens)
            except asyncpg.CheckViolationError as e:
                if "to stay in market" in str(e):
                    raise TokenMoved(str(e)) from e
                raise
        return len({row["condition_id"] for row in [*changed, *moved]})

    async def get(self, condition_id: str) -> Market | None:
        """Return one market."""
        row = await self._pool.fetchrow(_SELECT + " WHERE m.condition_id = $1", condition_id)
        return _market(row) if row else None

    async def by_token(self, token_id: str) -> Market | None:
        """Return the market a token belongs to."""
        row = await self._pool.fetchrow(
            _SELECT + " WHERE m.condition_id ="  # noqa: S608 - column names
            " (SELECT condition_id FROM tokens WHERE token_id = $1)",
            token_id,
        )
        return _market(row) if row else None

    async def horizon(self) -> datetime:
        """Return the database's time up to which no change can appear any more.

        Changes carry the time their transaction began, so this is when the oldest one began that
        still runs. A transaction of another database role is not seen.
        """
        found: datetime = await self._pool.fetchval(
            "SELECT least(now(), min(xact_start)) FROM pg_stat_activity"
            " WHERE datname = current_database() AND backend_type = 'client backend'"
        )
        return found

    async def changed_since(self, since: datetime) -> list[Market]:
        """Return the markets written anew from a time on, closed ones included.

        The time is the database's: begin the next question at the `horizon` of this one.
        """
        rows = await self._pool.fetch(
            _SELECT + " WHERE m.changed_at >= $1 ORDER BY m.changed_at", since
        )
        return await _markets(rows)

    async def active(
        self, ends_after: datetime | None = None, ends_before: datetime | None = None
    ) -> list[Market]:
        """Return the markets that take orders, those of unknown end included, soonest first."""
        rows = await self._pool.fetch(
            _SELECT + " WHERE m.active AND NOT m.closed AND m.accepting_orders"
            " AND ($1::timestamptz IS NULL OR m.end_time IS NULL OR m.end_time >= $1)"
            " AND ($2::timestamptz IS NULL OR m.end_time <= $2)"
            " ORDER BY m.end_time, m.condition_id",
            ends_after,
            ends_before,
        )
        return await _markets(rows)


async def _rows(
    markets: Sequence[Market],
) -> tuple[list[dict[str, object]], list[dict[str, object]]]:
    """Return the rows of markets and of their tokens, with breaths between."""
    rows: list[dict[str, object]] = []
    tokens: list[dict[str, object]] = []
    for number, market in enumerate(markets, start=1):
        rows.append(_market_row(market))
        tokens += _token_rows(market)
        if not number % AT_ONCE:
            await asyncio.sleep(0)
    return rows, tokens


async def _markets(rows: Sequence[asyncpg.Record]) -> list[Market]:
    """Return the markets of rows, with breaths between."""
    found: list[Market] = []
    for number, row in enumerate(rows, start=1):
        found.append(_market(row))
        if not number % AT_ONCE:
            await asyncio.sleep(0)
    return found


def _market_row(m: Market) -> dict[str, object]:
    row = {key: value for key, value in m.model_dump(mode="json").items() if key in _FIELDS}
    fee = {"fee_rate": m.fee.rate, "fee_exponent": m.fee.exponent}
    return {**row, **fee, "tags": list(m.tags), "fee_taker_only": m.fee.taker_only}


def _token_rows(m: Market) -> list[dict[str, object]]:
    return [
        {
            "token_id": t.token_id,
            "condition_id": m.condition_id,
            "outcome": t.outcome,
            "outcome_index": t.index,
        }
        for t in m.tokens
    ]


def _market(row: asyncpg.Record) -> Market:
    fee = Fee(rate=row["fee_rate"], exponent=row["fee_exponent"], taker_only=row["fee_taker_only"])
    tokens = tuple(Token.model_validate(t) for t in row["tokens"] or ())
    fields = {key: row[key] for key in _FIELDS}
    return Market(tags=tuple(row["tags"]), fee=fee, tokens=tokens, **fields)
