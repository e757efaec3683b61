"""Orders: the intent and its signed bytes, stored with the promise of money, before any post."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import asyncpg

from domain.market import Mode
from domain.money import Shares
from domain.orders import Intent, Landing, Leg, OrderStatus, SignedOrder
from domain.rules import RiskRules
from store.errors import ModeNeeded, UnknownOrder
from store.rows import only
from store.stored_order import (
    ORDER_COLUMNS,
    ORDER_SELECT,
    Limit,
    PostPermit,
    Refusal,
    StoredOrder,
    fresh_order,
    known_row,
    new_row,
    to_order,
    to_refusal,
)

_RESERVE = "CALL reserve_order($1, $2, $3, NULL, NULL, NULL, NULL)"

_POSTING = """
UPDATE orders o SET posts = o.posts + 1, first_posted_at = coalesce(o.first_posted_at, $2),
    last_posted_at = $2, lived = interval '0', looked_at = $2
FROM account a
WHERE o.order_id = $1 AND a.mode = o.mode AND o.closed_at IS NULL AND NOT o.adopted
  AND (a.halt = 'active' OR (a.halt = 'reducing' AND o.side = 'SELL'))
RETURNING a.halt, o.posts, o.status
"""

# LANDED and KILLED prove something about the order. Any other answer judges one post only: while
# an earlier post is unanswered, or was answered "unknown", the order's fate stays unknown.
_LANDED = f"""
UPDATE orders o SET answers = least(o.posts, o.answers + 1),
    landing = CASE WHEN o.landing = 'landed' OR $2 IN ('landed', 'killed') THEN
                       CASE WHEN o.landing = 'landed' THEN o.landing ELSE $2 END
                   WHEN o.landing = 'unknown' OR o.posts > o.answers + 1 THEN 'unknown'
                   ELSE $2 END,
    status = CASE WHEN o.closed_at IS NOT NULL OR o.status = 'partial' THEN o.status
                  WHEN $3::text IN ('live', 'partial') THEN 'live'
                  WHEN $2 = 'landed' THEN 'live'
                  WHEN o.status = 'prepared' AND ($2 = 'unknown' OR o.posts > o.answers + 1)
                      THEN 'unknown'
                  ELSE o.status END,
    venue_text = $4, matched = coalesce($5, o.matched)
WHERE o.order_id = $1
RETURNING {ORDER_COLUMNS}
"""  # noqa: S608 - column names above

_ABSENT = """UPDATE orders SET absent_at = CASE WHEN $2 THEN coalesce(absent_at, $3) END,
    absent_lived = CASE WHEN $2 THEN coalesce(absent_lived, lived, '0') END WHERE order_id = $1"""

_LOOKED = f"SELECT {ORDER_COLUMNS} FROM look_at($1, $2, $3, $4)"  # noqa: S608 - column names


class Orders:
    """Signed orders and the promises behind them."""

    def __init__(self, pool: asyncpg.Pool[Any]) -> None:
        self._pool = pool

    async def stored(
        self, workflow_id: str, leg: Leg, attempt: int, mode: Mode | None = None
    ) -> StoredOrder | None:
        """Return the order of this intent, if it was prepared.

        Raises:
            ModeNeeded: the trade exists in both modes and `mode` was not given.
        """
        rows = await self._pool.fetch(
            ORDER_SELECT + " WHERE workflow_id = $1 AND leg = $2 AND attempt = $3"
            " AND ($4::text IS NULL OR mode = $4)",
            *(workflow_id, leg, attempt, mode),
        )
        if len(rows) > 1:
            raise ModeNeeded(f"expected one order of {workflow_id}, was in both modes")
        return to_order(rows[0]) if rows else None

    async def prepare(
        self, intent: Intent, signed: SignedOrder, risk: RiskRules, at: datetime
    ) -> StoredOrder | Refusal:
        """Store the signed order and promise its money, or return the limit that is in the way.

        One transaction under the account row's lock decides (spec 14, XD-11, XD-19). When the
        intent (workflow, leg, attempt) is stored already, that order is returned and the new
        signature is forgotten: post only bytes that came from here. On return the row is on disk.

        A BUY promises `limit x shares` (rounded up to the micro-dollar) and, apart from it, the
        fee allowance `funds - limit x shares`. What is tradeable is: the venue's balance, minus
        what we spent that it may not show yet, minus all promises, minus the reserve floor.
        A slot of `max_positions` belongs to a trade from its first reservation until its claim
        is released or its position closed; a claim that only screens or watches holds none.
        A SELL asks for the halt state, and for shares that are held and not already offered.
        """
        given = new_row(intent, signed, at), risk.model_dump(mode="json"), at
        for _ in range(3):
            row = only(await self._pool.fetchrow(_RESERVE, *given))
            if row["refused_by"] != Limit.CONTENDED:
                break
        if row["outcome"] == "stored":
            return fresh_order(intent, signed, at)
        if row["outcome"] == "refused":
            return to_refusal(row)
        kept = await self.stored(intent.workflow_id, intent.leg, intent.attempt, intent.mode)
        if kept is None:  # pragma: no cover - rows of orders are never deleted
            raise UnknownOrder(f"expected {intent.workflow_id} to be stored, was gone")
        return kept

    async def posting(self, order_id: str, at: datetime) -> PostPermit:
        """Count one post that is about to happen, or refuse it. Call right before each post.

        Refused: the order is closed, or the account is halted, or reducing and this is a BUY.

        Raises:
            UnknownOrder: nothing with this id was prepared.
        """
        row = await self._pool.fetchrow(_POSTING, order_id, at)
        if row:
            return PostPermit(allowed=True, **row)
        row = await self._pool.fetchrow(
            "SELECT a.halt, o.posts, o.status FROM orders o JOIN account a USING (mode)"
            " WHERE o.order_id = $1",
            order_id,
        )
        return PostPermit(allowed=False, **known_row(row, order_id))

    async def landed(
        self,
        order_id: str,
        landing: Landing,
        status: OrderStatus | None,
        venue_text: str,
        at: datetime,
        matched: Shares | None = None,
    ) -> StoredOrder:
        """Record the answer to one post and return the order; its `landing` is the sum of all.

        LANDED stays. REFUSED and NOT_READY judge one post and count as UNKNOWN while an earlier
        one is unanswered. A terminal `status` is not believed here: see `close`.

        Raises:
            UnknownOrder: nothing with this id was prepared.
        """
        row = await self._pool.fetchrow(_LANDED, order_id, landing, status, venue_text, matched)
        return to_order(known_row(row, order_id))

    async def close(
        self,
        order_id: str,
        status: OrderStatus,
        evidence: str,
        at: datetime,
        judged_posts: int | None = None,
    ) -> StoredOrder:
        """End the order on the venue's proof and free the rest of its promise, at once.

        Idempotent; a closed order keeps its first ending. FILLED with fills still unseen frees
        nothing: the missing part counts as spent until a younger balance is known.
        `judged_posts` is how many posts the proof knew of: if one more was counted since, the
        order is returned open, for that post may still arrive.

        Raises:
            ValueError: the status is not terminal, or there is no evidence.
            UnknownOrder: nothing with this id was prepared.
        """
        if not status.terminal or not evidence:
            raise ValueError(f"expected a terminal status with evidence, was {status!r}")
        row = await self._pool.fetchrow(
            f"SELECT {ORDER_COLUMNS} FROM close_judged($1, $2, $3, $4, $5)",  # noqa: S608 - column names
            *(order_id, status, evidence, at, judged_posts),
        )
        return to_order(known_row(row, order_id))

    async def get(self, order_id: str) -> StoredOrder | None:
        """Return one order."""
        row = await self._pool.fetchrow(ORDER_SELECT + " WHERE order_id = $1", order_id)
        return to_order(row) if row else None

    async def of_workflow(self, workflow_id: str, mode: Mode | None = None) -> list[StoredOrder]:
        """Return the orders of a trade, oldest first."""
        rows = await self._pool.fetch(
            ORDER_SELECT + " WHERE workflow_id = $1 AND ($2::text IS NULL OR mode = $2)"
            " ORDER BY created_at, leg, attempt",
            *(workflow_id, mode),
        )
        return [to_order(row) for row in rows]

    async def cancel_answered(self, order_id: str, at: datetime, *, done: bool) -> None:
        """Note when the venue answered a cancel; the first time stays, unless this one is `done`.

        Then it ended the order, and fills that raced it are waited for from now on: earlier
        answers were of an order that was not there yet.
        """
        await self._pool.execute(
            "UPDATE orders SET"
            " cancel_answered_at = coalesce(CASE WHEN NOT $3 THEN cancel_answered_at END, $2),"
            " cancel_lived = coalesce(CASE WHEN NOT $3 THEN cancel_lived END, lived, '0')"
            " WHERE order_id = $1",
            *(order_id, at, done),
        )

    async def looked(
        self, order_id: str, at: datetime, most: timedelta, strange: timedelta
    ) -> StoredOrder:
        """Begin a look: add the time since the last, at most `most` (C1); return the order.

        `strange`: the most for an adopted order, which is looked at seldom.
        """
        row = await self._pool.fetchrow(_LOOKED, order_id, at, most, strange)
        if row is None:  # closed, or never posted
            row = await self._pool.fetchrow(ORDER_SELECT + " WHERE order_id = $1", order_id)
        return to_order(known_row(row, order_id))

    async def absent(self, order_id: str, at: datetime | None) -> StoredOrder:
        """Note since when an adopted order is missing at the venue; None: it is there."""
        row = await self._pool.fetchrow(
            f"{_ABSENT} RETURNING {ORDER_COLUMNS}",  # our own words
            *(order_id, at is not None, at),
        )
        return to_order(known_row(row, order_id))

    async def mark(self, order_id: str, status: OrderStatus) -> None:
        """Note what a look at an open order showed: prepared, unknown or live. Never an end."""
        await self._pool.execute(
            "UPDATE orders SET status = $2 WHERE order_id = $1 AND closed_at IS NULL"
            " AND status <> 'partial' AND $2 IN ('prepared', 'unknown', 'live')",
            *(order_id, status),
        )

    async def close_unposted(
        self, workflow_id: str, evidence: str, at: datetime, mode: Mode | None = None
    ) -> None:
        """End every order of a trade that was never posted, and free its promise.

        The rows are locked first: a post that begins meanwhile either is counted before, and its
        order stays, or finds its order closed and is refused.
        """
        key = (workflow_id, mode)
        async with self._pool.acquire() as connection, connection.transaction():
            await connection.execute(
                "SELECT 1 FROM claims WHERE workflow_id = $1 AND ($2::text IS NULL OR mode = $2)"
                " ORDER BY mode FOR NO KEY UPDATE",
                *key,
            )
            await connection.execute(
                """SELECT closed.order_id FROM (
                       SELECT order_id FROM orders WHERE workflow_id = $1 AND posts = 0
                         AND closed_at IS NULL AND NOT adopted
                         AND ($2::text IS NULL OR mode = $2) FOR UPDATE) unposted
                   CROSS JOIN LATERAL
                       close_order(unposted.order_id, 'expired', $3, $4) closed""",
                *(*key, evidence, at),
            )

    async def open(self, mode: Mode) -> list[StoredOrder]:
        """Return every order that the venue may still fill, oldest first."""
        rows = await self._pool.fetch(
            ORDER_SELECT + " WHERE mode = $1 AND closed_at IS NULL ORDER BY created_at", mode
        )
        return [to_order(row) for row in rows]

    async def owner(self, order_id: str) -> str | None:
        """Return the workflow id of the trade an order belongs to."""
        owner: str | None = await self._pool.fetchval(
            "SELECT workflow_id FROM orders WHERE order_id = $1", order_id
        )
        return owner

    async def explain(self, order_id: str, reason: str) -> None:
        """Say why an exit was placed; its exit row repeats it. Before its first fill, please."""
        await self._pool.execute(
            "UPDATE orders SET reason = $2 WHERE order_id = $1", order_id, reason
        )

    async def error_ratio(self, mode: Mode, since: datetime) -> tuple[int, int]:
        """Return (orders refused or still unknown, orders posted) since a time: the breaker."""
        row = only(
            await self._pool.fetchrow(
                """SELECT count(*) FILTER (WHERE landing IN ('refused', 'unknown')) AS bad,
                          count(*) AS all_posted
                   FROM orders WHERE mode = $1 AND created_at >= $2 AND posts > 0""",
                *(mode, since),
            )
        )
        return row["bad"], row["all_posted"]


__all__ = ["Limit", "Orders", "PostPermit", "Refusal", "StoredOrder"]
