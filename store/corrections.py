"""Corrections: what reconciliation proved and no fill of ours explains."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import asyncpg

from domain.market import Mode
from domain.money import Price, Shares, Usd
from domain.orders import Intent, VenueOrder
from domain.positions import AgeSource, HoldPolicy
from store.audit import Connection
from store.booking import StoredPosition, Trade, book, lock_trade, read_position
from store.errors import OtherToken, UnknownTrade
from store.stored_order import StoredOrder, new_row, read_order


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
        as_of: datetime | None = None,
    ) -> StoredPosition | None:
        """Take in shares (or, with 0 shares, an order to come) that no trade of ours explains.

        Makes the claim as well, entered, so that the market is not bought once more. Idempotent
        by trade: a second call adds nothing. `opened_at` None is an unknown age (G10). Shares of a
        market that was settled do not fit into its books, and a reading that began before the
        trade's last change (`as_of`) explains nothing: the position is returned as it was.

        Raises:
            OtherToken: the trade is about another token; nothing was changed.
        """
        async with self._pool.acquire() as connection, connection.transaction():
            await connection.execute(
                """INSERT INTO claims (mode, condition_id, threshold, workflow_id, owner_run, state,
                       reason, token_id, outcome, outcome_index, price, source, venue_time, seen_at,
                       event_id, claimed_at, changed_at)
                   VALUES ($1, $2, $3, $4, $5, 'entered', 'adopted', $6, $7, $8, $3, 'backfill',
                       $9, $9, $10, $9, $9)
                   ON CONFLICT (mode, condition_id, threshold) DO UPDATE
                       SET state = 'entered', changed_at = $9,
                           token_id = CASE WHEN claims.state IN ('released', 'declined')
                               THEN excluded.token_id ELSE claims.token_id END""",
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
            if trade.frame.token_id != token_id:
                raise OtherToken(f"expected token {trade.frame.token_id}, was {token_id}")
            moved = as_of is not None and await _moved_since(connection, trade, as_of)
            if shares > 0 and _empty(trade) and not moved:
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

    async def adopt_order(self, intent: Intent, order: VenueOrder, at: datetime) -> StoredOrder:
        """Take in a live order of the venue that we have no record of; no cap can refuse it.

        The claim of the trade must exist (see `adopt`). Its bytes are unknown, so it is
        never posted; its promise counts like any other.
        """
        row = new_row(intent, None, at) | {
            "order_id": order.order_id,
            "status": "live",
            "adopted": True,
            "posts": 1,  # somebody posted it, and the venue has it
            "answers": 1,
            "landing": "landed",
            "last_posted_at": at,
            "signed_at": order.created_at or at,
        }
        async with self._pool.acquire() as connection, connection.transaction():
            await connection.execute(
                "SELECT 1 FROM claims WHERE workflow_id = $1 AND mode = $2 FOR NO KEY UPDATE",
                intent.workflow_id,
                intent.mode,
            )
            await connection.execute("SELECT adopt_order($1)", row)
            return await read_order(connection, order.order_id)

    async def adjust(
        self,
        workflow_id: str,
        mode: Mode,
        shares: Shares,
        cost: Usd | None,
        cause: str,
        at: datetime,
        compared: Shares | None = None,
    ) -> StoredPosition | None:
        """Make the position hold `shares`, as the venue proved; the difference is recorded.

        Shares gained come at `cost` (None: unknown); shares lost become an exit of unknown
        profit. No change when it holds them already, nor when it no longer holds what the
        venue's figure was `compared` with: then that figure is old.

        Raises:
            UnknownTrade: there is no position of this trade.
        """
        async with self._pool.acquire() as connection, connection.transaction():
            trade = await lock_trade(connection, workflow_id, mode, at)
            held = trade.books().holding.shares
            if not trade.exists:
                raise UnknownTrade(f"expected a position of {workflow_id}, was none")
            if shares != held and compared in (None, held):
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


def _empty(trade: Trade) -> bool:
    """Return whether a trade has no position, or an empty one that shares may reopen."""
    if not trade.exists:
        return True
    return trade.books().holding.shares == 0 and trade.ending is None


async def _moved_since(connection: Connection, trade: Trade, since: datetime) -> bool:
    """Return whether a match has not settled, or anything was settled or corrected since."""
    found: bool = await connection.fetchval(
        """SELECT EXISTS (SELECT 1 FROM fills WHERE workflow_id = $1 AND mode = $2
                          AND (settled_at IS NULL OR settled_at >= $3))
               OR EXISTS (SELECT 1 FROM adjustments WHERE workflow_id = $1 AND mode = $2
                          AND at >= $3)""",
        trade.frame.workflow_id,
        trade.frame.mode,
        since,
    )
    return found


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
