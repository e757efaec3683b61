"""Booking: load everything known of one trade, fold it, and write the result in one call."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from domain.ledger import Adjustment, Books, Ending, Exit, keep_books
from domain.market import Mode
from domain.orders import Fill
from domain.positions import AgeSource, HoldPolicy, Position, PositionState
from domain.record import Record, Utc
from store.audit import Connection
from store.errors import UnknownTrade

_POSITION = (
    "workflow_id mode condition_id token_id event_id shares shares_confirmed cost cost_known fees "
    "realised bought sold oversold state age_source hold_policy opened_at closed_at payout misses"
).split()
POSITION_COLUMNS = ", ".join(_POSITION)
FILL_COLUMNS = "trade_id, order_id, token_id, side, price, shares, fee, status, matched_at, maker"


class StoredPosition(Position):
    """A position as stored. `cost_known` False: adopted, with a cost nobody could tell."""

    event_id: str | None = None
    cost_known: bool = True
    misses: int = 0  # reconciliations in a row that did not find it at the venue


class Frame(Record):
    """What a position is apart from its fills."""

    workflow_id: str
    mode: Mode
    condition_id: str
    token_id: str
    event_id: str | None
    age_source: AgeSource = AgeSource.BOT
    hold_policy: HoldPolicy = HoldPolicy.ACTUAL
    unmanaged: bool = False
    opened_at: Utc | None = None  # for an adopted position: what its history says, or None
    created_at: Utc
    misses: int = 0


class Trade(Record):
    """One trade under the lock of its claim."""

    frame: Frame
    exists: bool  # a position row is there
    fills: tuple[Fill, ...]
    adjustments: tuple[Adjustment, ...]
    ending: Ending | None
    reasons: dict[str, str]

    def books(self, fills: tuple[Fill, ...] | None = None) -> Books:
        """Return the books, with other fills where given."""
        return keep_books(
            f"{self.frame.mode}:{self.frame.workflow_id}",
            self.fills if fills is None else fills,
            self.adjustments,
            self.ending,
            unmanaged=self.frame.unmanaged,
            reasons=self.reasons,
        )


async def lock_trade(connection: Connection, workflow_id: str, mode: Mode, at: datetime) -> Trade:
    """Lock the claim of a trade and load what its position is folded from.

    Every writer of a trade's money locks its claim first and the account last, so that two of
    them wait for each other and never in a circle.

    Raises:
        UnknownTrade: there is no claim.
    """
    key = (workflow_id, mode)
    claim = await connection.fetchrow(
        "SELECT condition_id, token_id, event_id, abandoned_at IS NOT NULL AS unmanaged FROM claims"
        " WHERE workflow_id = $1 AND mode = $2 FOR NO KEY UPDATE",
        *key,
    )
    if claim is None:
        raise UnknownTrade(f"expected a claim of {workflow_id} in {mode}, was none")
    fills = await connection.fetch(
        f"SELECT {FILL_COLUMNS} FROM fills WHERE workflow_id = $1 AND mode = $2",  # noqa: S608  # our own constant, no value
        *key,
    )
    adjustments = await connection.fetch(
        "SELECT 'adjust:' || adjustment_id AS key, shares, cost, at FROM adjustments"
        " WHERE workflow_id = $1 AND mode = $2",
        *key,
    )
    ending = await connection.fetchrow(
        "SELECT kind, payout, proceeds, reason, at FROM settlements"
        " WHERE workflow_id = $1 AND mode = $2",
        *key,
    )
    reasons = await connection.fetch(
        "SELECT order_id, reason FROM orders WHERE workflow_id = $1 AND mode = $2"
        " AND leg = 'exit' AND reason <> ''",
        *key,
    )
    row = await connection.fetchrow(
        "SELECT condition_id, token_id, event_id, age_source, hold_policy, opened_at, created_at,"
        " misses, state = 'unmanaged' AS unmanaged FROM positions"
        " WHERE workflow_id = $1 AND mode = $2",
        *key,
    )
    given: dict[str, Any] = dict(row) if row else {**claim, "created_at": at}
    given["unmanaged"] = given["unmanaged"] or claim["unmanaged"]  # sold meanwhile: row is closed
    return Trade(
        frame=Frame(workflow_id=workflow_id, mode=mode, **given),
        exists=row is not None,
        fills=tuple(Fill.model_validate(dict(f)) for f in fills),
        adjustments=tuple(Adjustment.model_validate(dict(a)) for a in adjustments),
        ending=Ending.model_validate(dict(ending)) if ending else None,
        reasons={r["order_id"]: r["reason"] for r in reasons},
    )


def position_row(frame: Frame, books: Books, at: datetime) -> dict[str, object]:
    """Return the row of `positions` for these books, as JSON for the booking functions."""
    opened = books.opened_at if frame.age_source is AgeSource.BOT else frame.opened_at
    closed = books.closed_at or at
    return {
        **books.holding.model_dump(mode="json"),
        "workflow_id": frame.workflow_id,
        "mode": frame.mode,
        "condition_id": frame.condition_id,
        "token_id": frame.token_id,
        "event_id": frame.event_id,
        "cost_known": books.cost_known,
        "state": books.state,
        "age_source": frame.age_source,
        "hold_policy": frame.hold_policy,
        "opened_at": opened,
        "closed_at": None if _is_open(books.state) else closed,
        "payout": books.payout,
        "misses": frame.misses,
        "created_at": frame.created_at,
        "changed_at": at,
    }


def exit_rows(frame: Frame, exits: tuple[Exit, ...]) -> list[dict[str, object]]:
    """Return the rows of `exits` for these books, as JSON for the booking functions."""
    key = {"workflow_id": frame.workflow_id, "mode": frame.mode}
    return [{**e.model_dump(mode="json"), **key} for e in exits]


async def book(connection: Connection, trade: Trade, at: datetime) -> Books:
    """Fold the trade and write its position and exits; the caller holds its lock."""
    books = trade.books()
    await connection.execute(
        "SELECT book_position($1, $2)",
        position_row(trade.frame, books, at),
        exit_rows(trade.frame, books.exits),
    )
    return books


async def read_position(
    connection: Connection, workflow_id: str, mode: Mode
) -> StoredPosition | None:
    """Return the position of a trade."""
    row = await connection.fetchrow(
        f"SELECT {POSITION_COLUMNS} FROM positions"  # noqa: S608 - column names above
        " WHERE workflow_id = $1 AND mode = $2",
        workflow_id,
        mode,
    )
    return StoredPosition.model_validate(dict(row)) if row else None


def _is_open(state: PositionState) -> bool:
    return state in (PositionState.OPEN, PositionState.UNMANAGED)
