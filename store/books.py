"""Books: the whole of one mode's account in one consistent look, for comparison with the venue."""

from __future__ import annotations

from typing import Any

import asyncpg

from domain.market import Mode
from domain.money import Shares, Usd
from domain.record import Record
from store.rows import only

_HELD = """SELECT token_id, sum(shares) AS shares FROM positions
    WHERE mode = $1 AND shares > 0 GROUP BY token_id"""

# Entry fees are booked with the exit: until then they are part of what was invested.
_SUMS = """
SELECT (SELECT coalesce(sum(profit), 0) FROM exits WHERE mode = $1) AS profit,
       (SELECT coalesce(sum(amount + fee_allowance), 0) FROM reservations WHERE mode = $1)
           AS reserved,
       (SELECT coalesce(sum(cost), 0) FROM positions WHERE mode = $1)
           + (SELECT coalesce(sum(fee), 0) FROM fills WHERE mode = $1 AND status <> 'failed')
           - (SELECT coalesce(sum(fees), 0) FROM exits WHERE mode = $1) AS invested,
       (SELECT coalesce(sum(entries - 1), 0) FROM (
           SELECT count(*) AS entries FROM orders
           WHERE mode = $1 AND leg = 'entry' AND filled > 0 AND NOT adopted
           GROUP BY workflow_id, run_id HAVING count(*) > 1) twice) AS second_entries
"""


class Books(Record):
    """Dollars, shares and order ids as we believe them."""

    orders: tuple[str, ...]
    shares: dict[str, Shares]
    profit: Usd  # booked, net of fees
    invested: Usd  # cost and fees of what is still held
    reserved: Usd
    second_entries: int


class BookKeeping:
    """Reads the books; never writes."""

    def __init__(self, pool: asyncpg.Pool[Any]) -> None:
        self._pool = pool

    async def read(self, mode: Mode) -> Books:
        """Return the books as of one moment."""
        async with self._pool.acquire() as connection:
            async with connection.transaction(isolation="repeatable_read", readonly=True):
                sums = only(await connection.fetchrow(_SUMS, mode))
                held = await connection.fetch(_HELD, mode)
                ids = await connection.fetch("SELECT order_id FROM orders WHERE mode = $1", mode)
        return Books(
            orders=tuple(row["order_id"] for row in ids),
            shares={row["token_id"]: row["shares"] for row in held},
            **dict(sums),
        )
