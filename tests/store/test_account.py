"""store/account.py: the balance, the halt switch, and many sessions at once."""

from __future__ import annotations

import asyncio
from typing import Any

import asyncpg

from domain.market import Mode
from domain.money import usd
from domain.orders import OrderStatus
from domain.trade import HaltState
from store.account import Account
from store.claims import Claims
from store.fills import Fills
from store.orders import Orders
from store.pool import open_pool
from store.stored_order import Limit, Refusal, StoredOrder
from tests.store.examples import NOW, SECOND, WIDE, bought, buy, funded, match, signed, touch

P = Mode.PAPER
HOUR = 3600 * SECOND


async def test_an_older_balance_never_replaces_a_younger_one(pool: asyncpg.Pool[Any]) -> None:
    account = Account(pool)
    assert (await account.get(P)).tradeable(usd(0)) is None
    await account.set_balance(P, usd(50), NOW + SECOND)
    late = await account.set_balance(P, usd(1_000), NOW)
    assert (late.balance, late.balance_at) == (usd(50), NOW + SECOND)
    assert late.tradeable(usd(100)) == usd(0)


async def test_a_balance_from_a_clock_that_was_ahead_gives_way(pool: asyncpg.Pool[Any]) -> None:
    """C1: else nothing younger would be believed until that hour has come."""
    account = Account(pool)
    await account.set_balance(P, usd(1_000), NOW + HOUR, now=NOW + HOUR)
    found = await account.set_balance(P, usd(50), NOW + SECOND, now=NOW + 2 * SECOND)
    assert (found.balance, found.balance_at) == (usd(50), NOW + SECOND)


async def test_a_balance_is_never_dated_later_than_it_was_stored(pool: asyncpg.Pool[Any]) -> None:
    """C1: the clock stepped back while the venue was asked."""
    found = await Account(pool).set_balance(P, usd(50), NOW + HOUR, now=NOW)
    assert found.balance_at == NOW


async def test_a_late_answer_to_a_worker_that_stood_still_is_ignored(
    pool: asyncpg.Pool[Any],
) -> None:
    """P3: it was asked an hour ago and its worker is let go only now."""
    account = Account(pool)
    await account.set_balance(P, usd(50), NOW + HOUR, now=NOW + HOUR)
    late = await account.set_balance(P, usd(1_000), NOW, now=NOW + HOUR)
    assert late.balance == usd(50)


async def test_halting_tells_how_many_open_trades_it_affects(pool: asyncpg.Pool[Any]) -> None:
    await funded(pool)
    for n in range(3):
        await bought(pool, touch(f"0xc{n}", str(n)))
    assert await Account(pool).halt(P, HaltState.HALTED, "ann", "fire drill", NOW) == 3
    row = await Account(pool).get(P)
    assert (row.halt, row.halt_why, row.halt_at) == (HaltState.HALTED, "fire drill", NOW)
    audit = await pool.fetchrow("SELECT who, what, target, why, result FROM audit")
    assert audit and tuple(audit) == ("ann", "halt", "paper", "fire drill", "halted, 3 open trades")


async def race(dsn: str, rules: Any, same_market: bool = False) -> list[StoredOrder | Refusal]:
    """Let sixteen sessions reserve 19 dollars each, at the same time."""
    pools = [await open_pool(dsn, max_size=1) for _ in range(16)]
    await funded(pools[0], 10_000)
    intents = []
    for n in range(16):
        trigger = touch("0xone" if same_market else f"0xr{n}", str(n))
        await Claims(pools[n]).take(trigger, "run-1", NOW)
        intents.append(buy(trigger, attempt=n + 1))
    answers = await asyncio.gather(
        *(Orders(p).prepare(i, signed(), rules, NOW) for p, i in zip(pools, intents, strict=True))
    )
    assert await Account(pools[0]).drift() == []
    for pool in pools:
        await pool.close()
    return answers


async def test_sixteen_sessions_never_exceed_a_cap_together(dsn: str) -> None:
    """XD-19: every cap is a sum that somebody else is changing at that moment."""
    account = await open_pool(dsn, max_size=1)
    caps = {
        "max_positions": (5, Limit.MAX_POSITIONS),
        "max_per_event": (usd(95), Limit.MAX_PER_EVENT),
        "max_total": (usd(95), Limit.MAX_TOTAL),
        "reserve_floor": (usd(10_000 - 5 * usd("19.20")), Limit.FUNDS),
    }
    for cap, (value, limit) in caps.items():
        await clear(account)
        answers = await race(dsn, WIDE.model_copy(update={cap: value}))
        refused = [a.limit for a in answers if isinstance(a, Refusal)]
        assert (len(answers) - len(refused), set(refused)) == (5, {limit}), cap
    await clear(account)
    answers = await race(dsn, WIDE.model_copy(update={"max_per_market": usd(95)}), True)
    assert sum(isinstance(a, StoredOrder) for a in answers) == 5
    await account.close()


async def clear(pool: asyncpg.Pool[Any]) -> None:
    """End every order and forget every trade."""
    await pool.execute("TRUNCATE claims, orders, reservations, fills, positions, exits CASCADE")
    await pool.execute(
        "UPDATE account SET reserved = 0, fee_reserved = 0, position_cost = 0, unsettled = 0,"
        " open_slots = 0"
    )


async def test_everything_at_once_ends_in_one_account(dsn: str) -> None:
    """Sessions that reserve, fill, end and refresh in parallel wait for each other in one order:
    no deadlock, no drift."""
    pool = await open_pool(dsn, max_size=12)
    await funded(pool, 100_000)

    async def trade(n: int) -> None:
        order = await bought(pool, touch(f"0xp{n}", str(n)))
        key = order.signed.order_id
        await asyncio.gather(
            Orders(pool).posting(key, NOW),
            Fills(pool).apply(P, match(order, f"a{n}", "5"), NOW),
            Fills(pool).apply(P, match(order, f"b{n}", "6"), NOW),
            funded(pool, 100_000, NOW + n * SECOND),
        )
        await Orders(pool).close(key, OrderStatus.CANCELLED, "the rest", NOW)

    await asyncio.gather(*(trade(n) for n in range(24)))
    row = await Account(pool).get(P)
    assert (row.reserved, row.open_slots) == (usd(0), 24)
    assert row.position_cost == usd(24 * 11 * usd("0.95"))
    assert await Account(pool).drift() == []
    await pool.close()
