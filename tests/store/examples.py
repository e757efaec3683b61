"""Values that the tests of the store share, and a pool whose connections die on demand."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, cast

import asyncpg

from domain.market import Mode
from domain.money import price, shares, usd
from domain.orders import Fill, FillStatus, Intent, Leg, Side, SignedOrder, TimeInForce
from domain.rules import RiskRules
from domain.trigger import TouchSource, Trigger
from store.account import Account
from store.claims import Claims
from store.orders import Orders
from store.stored_order import StoredOrder

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
WIDE = RiskRules(
    max_positions=1_000,
    max_per_market=usd(10_000),
    max_per_event=usd(10_000),
    max_total=usd(100_000),
    max_daily_loss=usd(10_000),
    reserve_floor=usd(0),
)
NONE: Any = Decimal(0)  # of money, price or shares alike
_numbers = itertools.count(1)


def touch(condition: str = "0xc1", token: str = "11", mode: Mode = Mode.PAPER) -> Trigger:
    """Return a trigger on a market."""
    return Trigger(
        mode=mode,
        condition_id=condition,
        token_id=token,
        outcome="Yes",
        outcome_index=0,
        threshold=price("0.95"),
        price=price("0.95"),
        size=shares(60),
        source=TouchSource.TRADE,
        venue_time=NOW,
        seen_at=NOW,
        question="Will it hold?",
        event_id="e1",
    )


def buy(trigger: Trigger, attempt: int = 1, **change: Any) -> Intent:
    """Return the intent to buy 20 shares at 0.95 for at most 19.20 dollars."""
    values: dict[str, object] = {
        "mode": trigger.mode,
        "workflow_id": trigger.workflow_id,
        "run_id": "run-1",
        "leg": Leg.ENTRY,
        "attempt": attempt,
        "condition_id": trigger.condition_id,
        "token_id": trigger.token_id,
        "event_id": trigger.event_id,
        "side": Side.BUY,
        "tif": TimeInForce.FAK,
        "limit": price("0.95"),
        "shares": shares(20),
        "funds": usd("19.20"),
        "tick": price("0.01"),
        "post_before": NOW + timedelta(minutes=1),
        "settings_hash": "s",
    }
    return Intent.model_validate({**values, **change})


def sell(trigger: Trigger, attempt: int = 1, **change: Any) -> Intent:
    """Return the intent to sell 20 shares at 0.90."""
    values: dict[str, object] = {
        "leg": Leg.EXIT,
        "side": Side.SELL,
        "limit": price("0.90"),
        "funds": usd(0),
    }
    return buy(trigger, attempt, **{**values, **change})


def signed(order_id: str | None = None) -> SignedOrder:
    """Return signed bytes with a new id, unless one is given."""
    return SignedOrder(
        order_id=order_id or f"0xorder{next(_numbers)}",
        body='{"order": {}}',
        maker_amount=Decimal(19),
        taker_amount=Decimal(20),
        signed_at=NOW,
    )


def match(order: StoredOrder, trade: str = "t1", count: str = "20", **change: object) -> Fill:
    """Return a fill of the order at its limit."""
    values: dict[str, object] = {
        "trade_id": trade,
        "order_id": order.signed.order_id,
        "token_id": order.intent.token_id,
        "side": order.intent.side,
        "price": order.intent.limit,
        "shares": shares(count),
        "fee": usd("0.05"),
        "status": FillStatus.MATCHED,
        "matched_at": NOW,
    }
    return Fill.model_validate({**values, **change})


async def funded(pool: asyncpg.Pool[Any], balance: int = 1_000, at: datetime = NOW) -> None:
    """Give the paper account a fresh balance."""
    await Account(pool).set_balance(Mode.PAPER, usd(balance), at)


async def bought(
    pool: asyncpg.Pool[Any], trigger: Trigger, rules: RiskRules = WIDE, **change: Any
) -> StoredOrder:
    """Claim the trigger and prepare its buy."""
    await Claims(pool).take(trigger, "run-1", NOW)
    kept = await Orders(pool).prepare(buy(trigger, **change), signed(), rules, NOW)
    assert isinstance(kept, StoredOrder), kept
    return kept


class Crash(Exception):
    """The process died here, as far as its caller can tell."""


class _Connection:
    """A connection that dies before its n-th statement, or right after its last commit."""

    def __init__(self, connection: Any, pool: CrashingPool) -> None:
        self._connection = connection
        self._pool = pool

    def __getattr__(self, name: str) -> Any:
        thing = getattr(self._connection, name)
        if name not in ("execute", "fetch", "fetchrow", "fetchval"):
            return thing

        async def call(*args: object) -> object:
            await self._pool.count(self._connection)
            return await thing(*args)

        return call


class CrashingPool:
    """A pool that lets `budget` statements pass, kills the connection, and raises Crash."""

    def __init__(self, pool: asyncpg.Pool[Any], budget: int) -> None:
        self._pool = pool
        self.budget = budget

    async def count(self, connection: Any) -> None:
        if self.budget == 0:
            connection.terminate()
            raise Crash
        self.budget -= 1

    @contextlib.asynccontextmanager
    async def acquire(self) -> AsyncIterator[Any]:
        async with self._pool.acquire() as connection:
            yield _Connection(connection, self)
        if self.budget == 0:  # committed, but the answer never reached the caller
            raise Crash

    def __getattr__(self, name: str) -> Callable[..., Awaitable[object]]:
        async def call(*args: object) -> object:
            async with self.acquire() as connection:
                return await getattr(connection, name)(*args)

        return call


def crashing(pool: asyncpg.Pool[Any], budget: int) -> asyncpg.Pool[Any]:
    """Return a pool that crashes after `budget` statements."""
    return cast("asyncpg.Pool[Any]", CrashingPool(pool, budget))
