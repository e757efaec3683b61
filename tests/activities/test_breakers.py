"""activities/breakers.py: what a person said meanwhile stays."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import asyncpg

from activities.breakers import WHO, Breakers
from activities.clock import utc_now
from domain.market import Mode
from domain.rules import RiskRules
from domain.trade import HaltState
from store.account import Account
from store.alerts import Alerts
from store.fills import Fills
from store.orders import Orders


class Failing(Orders):
    """Orders that all failed; a person halts while they are counted."""

    def __init__(self, pool: asyncpg.Pool[Any], halt: HaltState) -> None:
        super().__init__(pool)
        self._account, self._halt = Account(pool), halt

    async def error_ratio(self, mode: Mode, since: datetime) -> tuple[int, int]:
        if self._halt is not HaltState.ACTIVE:
            await self._account.halt(mode, self._halt, "ann", "stop everything", utc_now())
        return 50, 50


async def checked(pool: asyncpg.Pool[Any], halt: HaltState) -> tuple[int, set[str]]:
    """Return how many breaches were told, and the keys of the alerts."""
    alerts, account = Alerts(pool), Account(pool)
    orders = Failing(pool, halt)
    breakers = Breakers(orders, Fills(pool), account, alerts, RiskRules(), utc_now)
    found = await breakers.check(Mode.PAPER)
    told = await alerts.recent(datetime(2020, 1, 1, tzinfo=UTC))
    return len(found), {alert.key for alert in told}


async def test_a_breaker_never_weakens_the_halt_a_person_sets_meanwhile(
    pool: asyncpg.Pool[Any],
) -> None:
    assert await checked(pool, HaltState.HALTED) == (0, set())
    row = await Account(pool).get(Mode.PAPER)
    assert (row.halt, row.halt_why) == (HaltState.HALTED, "stop everything")
    assert await pool.fetchval("SELECT count(*) FROM audit WHERE who = $1", WHO) == 0


async def test_a_breaker_that_stops_entries_is_audited_and_told(pool: asyncpg.Pool[Any]) -> None:
    found, told = await checked(pool, HaltState.ACTIVE)
    assert found == 1 and f"breaker:{Mode.PAPER}" in told
    assert (await Account(pool).get(Mode.PAPER)).halt is HaltState.REDUCING
    audit = await pool.fetchrow("SELECT who, what, result FROM audit")
    assert audit and tuple(audit) == (WHO, "halt", "reducing, 0 open trades")
