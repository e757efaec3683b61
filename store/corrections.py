"""Corrections: what reconciliation proved and no fill of ours explains."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import asyncpg

from domain.market import Mode
from domain.money import Price, Shares, Usd
from domain.positions import AgeSource, HoldPolicy
from store.audit import Connection
from store.booking import StoredPosition, Trade, book, lock_trade, read_position
from store.errors import UnknownTrade


class Corrections:
    """Adopted and adjusted positions; each change is a row of its own (G10, G12, XD-2)."""

    def __init__(self, pool: asyncpg.Pool[Any]) -> None:
        self._pool = pool

    async def adopt(
        self,
        mode: Mode,
        workflow_id: str,
        condition_id: str,
        token_id: str,
        outcome: str,
        outcome_index: int,
        threshold: Price,
        event_id: str | None,
        owner_run: str,
        shares: Shares,
        cost: Usd | None,
        opened_at: datetime | None,
        age_source: AgeSource,
        hold_policy: HoldPolicy,
        at: datetime,
    ) -> StoredPosition | None:
        """Take in shares (or, with 0 shares, an order to come) that no trade of ours explains.

        Makes the claim as well, entered, so that the market is not bought once more. Idempotent
        by trade: a second call adds nothing. `opened_at` None is an unknown age (G10). Shares of
        another token than the trade's, or of a market that was settled, do not fit into its
        books: the position is returned as it was.
        """
        async with self._pool.acquire() as connection, connection.transaction():
            await connection.execute(
                """INSERT INTO claims (mode, condition_id, threshold, workflow_id, owner_run, state,
                       reason, token_id, outcome, outcome_index, price, source, venue_time, seen_at,
                       event_id, claimed_at, changed_at)
                   VALUES ($1, $2, $3, $4, $5, 'entered', 'adopted', $6, $7, $8, $3, 'backfill',
                       $9, $9, $10, $9, $9)
                   ON CONFLICT (mode, condition_id, threshold) DO UPDATE
                       SET state = 'entered', changed_at = $9""",
                mode,
                condition_id,
                threshold,
                workflow_id,
                owner_run,
                token_id,
                outcome,
                outcome_index,
                at,
                event_id,
            )
            trade = await lock_trade(connection, workflow_id, mode, at)
            if shares > 0 and _fits(trade, token_id):
                await _adjust(connection, trade, shares, cost, "adopted", at)
                frame = trade.frame.model_copy(
                    update={
                        "token_id": token_id,
                        "age_source": age_source,
                        "hold_policy": hold_policy,
                        "opened_at": opened_at,
                    }
                )
                fresh = await lock_trade(connection, workflow_id, mode, at)
                await book(connection, fresh.model_copy(update={"frame": frame}), at)
            return await read_position(connection, workflow_id, mode)

    async def adjust(
        self,
        workflow_id: str,
        mode: Mode,
        shares: Shares,
        cost: Usd | None,
        cause: str,
        at: datetime,
    ) -> StoredPosition | None:
        """Make the position hold `shares`, as the venue proved; the difference is recorded.

        Shares gained come at `cost` (None: unknown); shares lost become an exit of unknown
        profit. No change when it holds them already.

        Raises:
            UnknownTrade: there is no position of this trade.
        """
        async with self._pool.acquire() as connection, connection.transaction():
            trade = await lock_trade(connection, workflow_id, mode, at)
            held = trade.books().holding.shares
            if not trade.exists:
                raise UnknownTrade(f"expected a position of {workflow_id}, was none")
            if shares != held:
                await _adjust(connection, trade, Shares(shares - held), cost, cause, at)
                await book(connection, await lock_trade(connection, workflow_id, mode, at), at)
            return await read_position(connection, workflow_id, mode)

    async def missed(
        self, workflow_id: str, mode: Mode, at: datetime, apart: timedelta = timedelta(0)
    ) -> int:
        """Count one more reconciliation that did not find the shares; return how many in a row.

        Two readings less than `apart` from each other are one: a repeated run counts once.
        """
        await self._pool.execute(
            "UPDATE positions SET misses = misses + 1, changed_at = $3, missed_at = $3"
            " WHERE workflow_id = $1 AND mode = $2"
            " AND (misses = 0 OR missed_at IS NULL OR missed_at <= $3::timestamptz - $4::interval)",
            workflow_id,
            mode,
            at,
            apart,
        )
        count = await self._pool.fetchval(
            "SELECT misses FROM positions WHERE workflow_id = $1 AND mode = $2", workflow_id, mode
        )
        return int(count or 0)

    async def seen(self, workflow_id: str, mode: Mode) -> None:
        """Forget the misses: the venue holds the shares."""
        await self._pool.execute(
            "UPDATE positions SET misses = 0 WHERE workflow_id = $1 AND mode = $2 AND misses > 0",
            workflow_id,
            mode,
        )


def _fits(trade: Trade, token_id: str) -> bool:
    """Return whether a trade has no position, or an empty one that these shares may reopen."""
    if not trade.exists:
        return True
    empty = trade.books().holding.shares == 0
    return empty and trade.ending is None and trade.frame.token_id == token_id


async def _adjust(
    connection: Connection, trade: Trade, change: Shares, cost: Usd | None, cause: str, at: datetime
) -> None:
    await connection.execute(
        "INSERT INTO adjustments (workflow_id, mode, shares, cost, cause, at)"
        " VALUES ($1, $2, $3, $4, $5, $6)",
        trade.frame.workflow_id,
        trade.frame.mode,
        change,
        cost if change > 0 else None,
        cause,
        at,
    )
