"""Positions: what each trade holds, how it came, and how it ended."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import asyncpg

from domain.ledger import Exit, ExitKind
from domain.market import Mode
from domain.money import ZERO, Price, Shares, Usd, usd
from domain.orders import FillStatus
from domain.positions import PositionState
from domain.record import Record
from store.audit import Connection
from store.booking import POSITION_COLUMNS, StoredPosition, Trade, book, lock_trade, read_position
from store.errors import ModeNeeded, UnknownTrade

_SELECT = f"SELECT {POSITION_COLUMNS} FROM positions"  # noqa: S608 - column names
_AT_RESULT = """SELECT coalesce(sum(p.shares + coalesce(
    (SELECT sum(e.shares) FROM exits e
     WHERE e.workflow_id = p.workflow_id AND e.mode = p.mode AND e.kind = $4), 0)), 0)
FROM claims c JOIN positions p USING (workflow_id, mode)
WHERE c.mode = $1 AND c.condition_id = $2 AND p.token_id = $3"""

_SETTLE_LEFT = """
INSERT INTO settlements (workflow_id, mode, kind, payout, proceeds, reason, at)
SELECT c.workflow_id, c.mode, $3, $4, $5, $6, $7 FROM claims c
WHERE c.workflow_id = $1 AND c.mode = $2
  AND NOT EXISTS (SELECT 1 FROM orders o WHERE o.workflow_id = c.workflow_id
                  AND o.mode = c.mode AND o.closed_at IS NULL)
ON CONFLICT DO NOTHING RETURNING true"""

_EXIT = "exit_id, kind, final, shares, cost, proceeds, fees, profit, reason, at"


class Settled(Record):
    """How a trade ended, over its whole life. `profit` is net of all fees, None is unknown.

    `already` says that the books had been closed before and this call changed nothing.
    """

    already: bool
    shares: Shares  # that were left for the ending
    proceeds: Usd | None  # of the ending alone
    fees: Usd
    profit: Usd | None
    position: StoredPosition


class Positions:
    """One position per trade; its id is the workflow's, for ever (XD-18)."""

    def __init__(self, pool: asyncpg.Pool[Any]) -> None:
        self._pool = pool

    async def get(self, workflow_id: str, mode: Mode | None = None) -> StoredPosition | None:
        """Return the position of a trade.

        Raises:
            ModeNeeded: the trade exists in both modes and `mode` was not given.
        """
        rows = await self._pool.fetch(
            _SELECT + " WHERE workflow_id = $1 AND ($2::text IS NULL OR mode = $2)",
            workflow_id,
            mode,
        )
        if len(rows) > 1:
            raise ModeNeeded(f"expected one position of {workflow_id}, was in both modes")
        return _position(rows[0]) if rows else None

    async def open(self, mode: Mode) -> list[StoredPosition]:
        """Return what is held, unmanaged positions too, oldest first."""
        rows = await self._pool.fetch(
            _SELECT + " WHERE mode = $1 AND state IN ('open', 'unmanaged') ORDER BY created_at",
            mode,
        )
        return [_position(row) for row in rows]

    async def of_token(self, mode: Mode, token_id: str) -> list[StoredPosition]:
        """Return what is held of one token; over all trades it adds up to the venue's figure."""
        rows = await self._pool.fetch(
            _SELECT + " WHERE mode = $1 AND token_id = $2 AND state IN ('open', 'unmanaged')"
            " ORDER BY created_at",
            mode,
            token_id,
        )
        return [_position(row) for row in rows]

    async def at_result(self, mode: Mode, condition_id: str, token_id: str) -> Shares:
        """Return the shares of a token that are held or were settled at its market's result.

        One statement, so that a trade that settles meanwhile is counted once.
        """
        return Shares(
            await self._pool.fetchval(_AT_RESULT, mode, condition_id, token_id, ExitKind.RESOLUTION)
        )

    async def worthless(self, mode: Mode, token_ids: list[str]) -> set[str]:
        """Return which of these tokens we settled at nothing: their shares stay in the wallet."""
        rows = await self._pool.fetch(
            "SELECT token_id FROM positions WHERE mode = $1 AND token_id = ANY($2) AND payout = 0",
            mode,
            token_ids,
        )
        return {row["token_id"] for row in rows}

    async def exits(self, workflow_id: str, mode: Mode) -> list[Exit]:
        """Return the exits of a trade, oldest first; at most one is final."""
        rows = await self._pool.fetch(
            f"SELECT {_EXIT} FROM exits WHERE workflow_id = $1 AND mode = $2"  # noqa: S608  # our own constant, no value
            " ORDER BY at, exit_id",
            workflow_id,
            mode,
        )
        return [Exit.model_validate(dict(row)) for row in rows]

    async def mark_unmanaged(
        self, workflow_id: str, at: datetime, mode: Mode | None = None
    ) -> StoredPosition | None:
        """Leave what is held to a person: still ours, still counted, no longer looked after."""
        async with self._pool.acquire() as connection, connection.transaction():
            mode = await _mode(connection, workflow_id, mode)
            await lock_trade(connection, workflow_id, mode, at)
            await connection.execute(
                "UPDATE positions SET state = 'unmanaged', changed_at = $3"
                " WHERE workflow_id = $1 AND mode = $2 AND state = 'open'",
                workflow_id,
                mode,
                at,
            )
            return await read_position(connection, workflow_id, mode)

    async def settle(
        self,
        workflow_id: str,
        payout: Price,
        proceeds: Usd | None,
        resolution: str,
        at: datetime,
        mode: Mode | None = None,
    ) -> Settled:
        """Close what is left at the market's payout, one exit for it (XD-3, EXE-M3).

        `proceeds` is what the venue really paid; None means payout times shares. Idempotent:
        the first ending stays, except that a later call may add the proceeds.

        Raises:
            UnknownTrade: there is no position of this trade.
        """
        ending = (ExitKind.RESOLUTION, payout, proceeds, resolution)
        return await self._end(workflow_id, mode, ending, at)

    async def settle_left(
        self,
        workflow_id: str,
        mode: Mode,
        shares: Shares,
        payout: Price,
        proceeds: Usd,
        resolution: str,
        at: datetime,
    ) -> bool:
        """Close what a person was left with, at the market's payout; say whether this call did.

        No change unless it is unmanaged, holds exactly the `shares` that were looked at, has only
        final fills and no open order. The first ending stays.

        Raises:
            UnknownTrade: there is no claim of this trade.
        """
        ending = (ExitKind.RESOLUTION, payout, proceeds, resolution)
        async with self._pool.acquire() as connection, connection.transaction():
            trade = await lock_trade(connection, workflow_id, mode, at)
            if not _at_rest(trade, shares):
                return False
            done = await connection.fetchval(_SETTLE_LEFT, workflow_id, mode, *ending, at)
            if done:
                await book(connection, await lock_trade(connection, workflow_id, mode, at), at)
        return bool(done)

    async def write_off(
        self, workflow_id: str, reason: str, at: datetime, mode: Mode | None = None
    ) -> Settled:
        """Close what is left as worth nothing to us, though no result says so: dust.

        Raises:
            UnknownTrade: there is no position of this trade.
        """
        ending = (ExitKind.EXTERNAL, None, Usd(ZERO), reason)
        return await self._end(workflow_id, mode, ending, at)

    async def _end(
        self,
        workflow_id: str,
        mode: Mode | None,
        ending: tuple[ExitKind, Price | None, Usd | None, str],
        at: datetime,
    ) -> Settled:
        async with self._pool.acquire() as connection, connection.transaction():
            mode = await _mode(connection, workflow_id, mode)
            before = await lock_trade(connection, workflow_id, mode, at)
            changed = await connection.fetchval(
                """INSERT INTO settlements AS s (workflow_id, mode, kind, payout, proceeds,
                       reason, at) VALUES ($1, $2, $3, $4, $5, $6, $7)
                   ON CONFLICT (workflow_id, mode) DO UPDATE SET proceeds = excluded.proceeds
                       WHERE s.proceeds IS NULL AND excluded.proceeds IS NOT NULL
                   RETURNING true""",
                workflow_id,
                mode,
                *ending,
                at,
            )
            if changed:
                await book(connection, await lock_trade(connection, workflow_id, mode, at), at)
            return await _settled(connection, before, already=before.ending is not None)


def _at_rest(trade: Trade, shares: Shares) -> bool:
    """Return whether an abandoned trade holds these shares still, and nothing of it moves."""
    return (
        trade.exists
        and trade.frame.unmanaged
        and trade.ending is None
        and all(f.status in (FillStatus.CONFIRMED, FillStatus.FAILED) for f in trade.fills)
        and trade.books().holding.shares == shares
    )


def _position(row: Any) -> StoredPosition:
    return StoredPosition.model_validate(dict(row))


async def _mode(connection: Connection, workflow_id: str, mode: Mode | None) -> Mode:
    rows = await connection.fetch(
        "SELECT mode FROM positions WHERE workflow_id = $1 AND ($2::text IS NULL OR mode = $2)",
        workflow_id,
        mode,
    )
    if not rows:
        raise UnknownTrade(f"expected a position of {workflow_id}, was none")
    if len(rows) > 1:
        raise ModeNeeded(f"expected one position of {workflow_id}, was in both modes")
    return Mode(rows[0]["mode"])


async def _settled(connection: Connection, trade: Trade, *, already: bool) -> Settled:
    frame = trade.frame
    rows = await connection.fetch(
        f"SELECT {_EXIT} FROM exits WHERE workflow_id = $1 AND mode = $2",  # noqa: S608  # our own constant, no value
        frame.workflow_id,
        frame.mode,
    )
    exits = [Exit.model_validate(dict(row)) for row in rows]
    last = next((e for e in exits if e.kind in (ExitKind.RESOLUTION, ExitKind.EXTERNAL)), None)
    profits = [e.profit for e in exits]
    position = await read_position(connection, frame.workflow_id, frame.mode)
    if position is None:
        raise UnknownTrade(f"expected a position of {frame.workflow_id}, was none")
    known = [p for p in profits if p is not None]
    return Settled(
        already=already,
        shares=last.shares if last else Shares(ZERO),
        proceeds=last.proceeds if last else Usd(ZERO),
        fees=position.fees,
        profit=usd(sum(known, ZERO)) if len(known) == len(profits) else None,
        position=position,
    )


__all__ = ["PositionState", "Positions", "Settled", "StoredPosition"]
