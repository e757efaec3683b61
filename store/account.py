"""Account: one row per mode with the venue's balance, our promises and the halt switch."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import asyncpg

from domain.market import Mode
from domain.money import Usd
from domain.record import Record, Utc
from domain.trade import HaltState
from store.audit import write_audit
from store.rows import only, read

AHEAD = timedelta(minutes=1)  # by which no clock of ours is ahead of another's

_ROW = """SELECT mode, balance, balance_at, halt, halt_why, halt_at, reserved, fee_reserved,
    position_cost, unsettled, open_slots FROM account"""


class AccountRow(Record):
    """The money of one mode, in dollars. `balance` None is unknown and lets nothing be bought."""

    mode: Mode
    balance: Usd | None
    balance_at: Utc | None
    halt: HaltState
    halt_why: str
    halt_at: Utc | None
    reserved: Usd  # limit x unfilled of the open buys
    fee_reserved: Usd  # their fee allowances
    position_cost: Usd  # of what is held
    unsettled: Usd  # spent, and perhaps not yet gone from the balance
    open_slots: int  # trades that count against max_positions

    def tradeable(self, reserve_floor: Usd) -> Usd | None:
        """Return what may be promised now, or None while the balance is unknown."""
        if self.balance is None:
            return None
        free = self.balance - self.unsettled - self.reserved - self.fee_reserved - reserve_floor
        return Usd(max(free, Usd(free - free)))


class Account:
    """Balance and halt state; the reserving transaction reads both under this row's lock."""

    def __init__(self, pool: asyncpg.Pool[Any]) -> None:
        self._pool = pool

    async def get(self, mode: Mode) -> AccountRow:
        """Return the account."""
        row = await self._pool.fetchrow(_ROW + " WHERE mode = $1", mode)
        return read(AccountRow, only(row))

    async def set_balance(
        self, mode: Mode, balance: Usd | None, at: datetime, *, now: datetime | None = None
    ) -> AccountRow:
        """Record what the venue said, or None when it could not be asked (XD-15, G4).

        `at` is our clock before the request left: fills confirmed before it are in the balance
        and stop counting as unsettled. A balance older than the one we have is ignored, unless
        that one lies in the future of `now`: then a clock had jumped (C1).
        """
        async with self._pool.acquire() as connection, connection.transaction():
            current = await connection.fetchval(
                "SELECT balance_at FROM account WHERE mode = $1 FOR NO KEY UPDATE", mode
            )
            at = at if now is None else min(at, now)  # the clock stepped back meanwhile
            jumped = now is not None and current is not None and current > now + AHEAD
            if current is None or at >= current or jumped:
                await connection.execute(
                    "UPDATE account SET balance = $2, balance_at = $3 WHERE mode = $1",
                    mode,
                    balance,
                    at,
                )
                if balance is not None:
                    await connection.execute(_NOW_VISIBLE, mode, at)
                    await connection.execute(_NOW_EXPLAINED, mode, at)
            row = await connection.fetchrow(_ROW + " WHERE mode = $1", mode)
        return read(AccountRow, only(row))

    async def halt(self, mode: Mode, state: HaltState, who: str, why: str, at: datetime) -> int:
        """Set the halt state and return how many open trades it affects; audited.

        No reservation that commits after this one has missed it: both lock the same row.
        """
        async with self._pool.acquire() as connection, connection.transaction():
            affected: int = await connection.fetchval(
                "UPDATE account SET halt = $2, halt_why = $3, halt_at = $4 WHERE mode = $1"
                " RETURNING open_slots",
                mode,
                state,
                why,
                at,
            )
            result = f"{state}, {affected} open trades"
            await write_audit(connection, at, who, "halt", mode, why, result)
        return affected

    async def trip(self, mode: Mode, who: str, why: str, at: datetime) -> int | None:
        """Set an active account to `reducing`; return the open trades it affects; audited.

        None: the account is not active any more, and what a person set meanwhile stays.
        """
        async with self._pool.acquire() as connection, connection.transaction():
            affected: int | None = await connection.fetchval(
                "UPDATE account SET halt = 'reducing', halt_why = $2, halt_at = $3"
                " WHERE mode = $1 AND halt = 'active' RETURNING open_slots",
                mode,
                why,
                at,
            )
            if affected is not None:
                result = f"{HaltState.REDUCING}, {affected} open trades"
                await write_audit(connection, at, who, "halt", mode, why, result)
        return affected

    async def drift(self) -> list[dict[str, object]]:
        """Return every running total that differs from its rows; empty, or a defect of ours."""
        rows = await self._pool.fetch("SELECT mode, total, kept, counted FROM account_drift")
        return [dict(row) for row in rows]


_NOW_VISIBLE = """UPDATE fills SET cash_pending = false
WHERE mode = $1 AND cash_pending AND status = 'confirmed' AND settled_at < $2"""

_NOW_EXPLAINED = """UPDATE orders SET unexplained = 0
WHERE mode = $1 AND unexplained > 0 AND closed_at < $2"""
