"""Fills: each match of our orders, applied once, reversed once, with all that follows from it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import asyncpg

from domain.ledger import Books
from domain.market import Mode
from domain.money import ZERO, Shares, moved
from domain.orders import Fill, FillStatus, Side
from domain.record import Record
from store.audit import Connection
from store.booking import (
    FILL_COLUMNS,
    StoredPosition,
    Trade,
    exit_rows,
    lock_trade,
    position_row,
    read_position,
)
from store.errors import FillConflict, UnknownOrder
from store.rows import only
from store.stored_order import StoredOrder, read_order

# MINED may fall back to RETRYING at the venue; we keep the better news until a final one.
_RANK = {
    FillStatus.MATCHED: 0,
    FillStatus.RETRYING: 1,
    FillStatus.MINED: 2,
    FillStatus.CONFIRMED: 3,
    FillStatus.FAILED: 3,
}


class Applied(Record):
    """What one report of a fill did. `new`: first heard of; `changed`: its status moved."""

    new: bool
    changed: bool
    conflict: str = ""  # not empty: the venue now tells another size, and the first one stays
    position: StoredPosition
    order: StoredOrder


class Fills:
    """The fills of our orders."""

    def __init__(self, pool: asyncpg.Pool[Any]) -> None:
        self._pool = pool

    async def apply(self, mode: Mode, fill: Fill, at: datetime) -> Applied:
        """Apply one report of a fill in one transaction; the same report again changes nothing.

        The key is (trade_id, order_id). Shares count once; the status only moves forward; the
        first of CONFIRMED and FAILED is final. FAILED takes the fill out of the books, gives its
        money back to the promise of a BUY that is still open, and else frees it. The promise is
        `limit x unfilled` before and after. The first BUY makes the claim entered, for ever.

        The account's balance stays what the venue said last. What a BUY spent counts as
        unsettled, hence not tradeable, until the fill is CONFIRMED and a balance was asked for
        after that: between the two the venue may still show the money (G4), and promising it a
        second time is the error to avoid; counting it out twice for some seconds is not.

        Raises:
            UnknownOrder: we never prepared or adopted this order.
            FillConflict: the venue now tells another side or token of a known fill, or the
                trade holds another token; nothing was changed.
        """
        async with self._pool.acquire() as connection, connection.transaction():
            owner = await connection.fetchrow(
                "SELECT workflow_id, mode, token_id, side, event_id FROM orders"
                " WHERE order_id = $1",
                fill.order_id,
            )
            if owner is None or owner["mode"] != mode:
                raise UnknownOrder(f"expected an order of ours in {mode}, was {fill.order_id!r}")
            if (fill.token_id, fill.side) != (owner["token_id"], owner["side"]):
                raise FillConflict(f"expected {owner['side']} {owner['token_id']}, was {fill}")
            trade = await lock_trade(connection, owner["workflow_id"], mode, at)
            known = next((f for f in trade.fills if _key(f) == _key(fill)), None)
            if known is None or _moves(known.status, fill.status):
                kept = fill if known is None else known.model_copy(update={"status": fill.status})
                await _book_fill(connection, trade, kept, owner["event_id"], at)
                changed = True
            else:
                changed = False
            applied = await _applied(connection, trade, fill, new=known is None, changed=changed)
            if known is None or known.shares == fill.shares:  # a mean price may move with late legs
                return applied
            return applied.model_copy(update={"conflict": f"expected {known}, was {fill}"})

    async def of_order(self, order_id: str) -> list[Fill]:
        """Return the fills of an order, in the venue's order of time."""
        rows = await self._pool.fetch(
            f"SELECT {FILL_COLUMNS} FROM fills WHERE order_id = $1"  # noqa: S608  # our own constant, no value
            " ORDER BY matched_at, trade_id",
            order_id,
        )
        return [Fill.model_validate(dict(row)) for row in rows]

    async def of_workflow(self, workflow_id: str, mode: Mode | None = None) -> list[Fill]:
        """Return the fills of a trade, in the venue's order of time."""
        rows = await self._pool.fetch(
            f"SELECT {FILL_COLUMNS} FROM fills WHERE workflow_id = $1"  # noqa: S608  # our own constant, no value
            " AND ($2::text IS NULL OR mode = $2) ORDER BY matched_at, trade_id",
            workflow_id,
            mode,
        )
        return [Fill.model_validate(dict(row)) for row in rows]

    async def unsettled(self, mode: Mode) -> list[Fill]:
        """Return the fills that are neither confirmed nor failed, oldest first."""
        rows = await self._pool.fetch(
            f"SELECT {FILL_COLUMNS} FROM fills WHERE mode = $1"  # noqa: S608  # our own constant, no value
            " AND settled_at IS NULL ORDER BY matched_at",
            mode,
        )
        return [Fill.model_validate(dict(row)) for row in rows]

    async def moving(self, mode: Mode, since: datetime) -> set[str]:
        """Return the tokens with a match that has not settled, or settled since a time."""
        rows = await self._pool.fetch(
            """SELECT token_id FROM fills WHERE mode = $1 AND settled_at IS NULL
               UNION SELECT token_id FROM fills WHERE mode = $1 AND settled_at >= $2
                   AND matched_at >= $2 - interval '1 day'""",
            mode,
            since,
        )
        return {row["token_id"] for row in rows}

    async def reversal_ratio(self, mode: Mode, since: datetime) -> tuple[int, int]:
        """Return (fills that failed, fills) matched since a time: the breaker."""
        row = await self._pool.fetchrow(
            "SELECT count(*) FILTER (WHERE status = 'failed') AS failed, count(*) AS fills"
            " FROM fills WHERE mode = $1 AND matched_at >= $2",
            mode,
            since,
        )
        return only(row)["failed"], only(row)["fills"]


def _key(fill: Fill) -> tuple[str, str]:
    return fill.trade_id, fill.order_id


def _moves(was: FillStatus, now: FillStatus) -> bool:
    return _RANK[now] > _RANK[was]


async def _book_fill(
    connection: Connection, trade: Trade, fill: Fill, event_id: str | None, at: datetime
) -> Books:
    if not trade.exists:  # what the order was for: the claim may have been taken again since
        frame = trade.frame.model_copy(update={"token_id": fill.token_id, "event_id": event_id})
        trade = trade.model_copy(update={"frame": frame})
    elif trade.frame.token_id != fill.token_id:
        raise FillConflict(f"expected a fill of token {trade.frame.token_id}, was {fill}")
    fills = (*(f for f in trade.fills if _key(f) != _key(fill)), fill)
    books = trade.books(fills)
    counted = [f for f in fills if f.order_id == fill.order_id]
    filled = sum((f.shares for f in counted if f.status is not FillStatus.FAILED), ZERO)
    await connection.execute(
        "SELECT book_fill($1, $2, $3, $4, $5)",
        _fill_row(trade, fill, at),
        Shares(filled),
        position_row(trade.frame, books, at),
        exit_rows(trade.frame, books.exits),
        at,
    )
    return books


def _fill_row(trade: Trade, fill: Fill, at: datetime) -> dict[str, object]:
    settled = fill.status in (FillStatus.CONFIRMED, FillStatus.FAILED)
    return {
        **fill.model_dump(mode="json"),
        "mode": trade.frame.mode,
        "workflow_id": trade.frame.workflow_id,
        "cash": moved(fill.price, fill.shares),
        "seen_at": at,
        "settled_at": at if settled else None,
        "cash_pending": fill.side is Side.BUY and fill.status is not FillStatus.FAILED,
    }


async def _applied(
    connection: Connection, trade: Trade, fill: Fill, *, new: bool, changed: bool
) -> Applied:
    frame = trade.frame
    position = await read_position(connection, frame.workflow_id, frame.mode)
    order = await read_order(connection, fill.order_id)
    return Applied(new=new, changed=changed, position=position, order=order)
