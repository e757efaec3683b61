"""store/claims.py"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from domain.market import Mode
from domain.money import price
from domain.orders import OrderStatus
from domain.trade import ClaimState
from store.claims import Claims
from store.fills import Fills
from store.orders import Orders
from store.stored_order import StoredOrder, new_row
from tests.store.examples import NOW, WIDE, bought, buy, funded, match, signed, touch
from tests.waiting import eventually

P = Mode.PAPER
KEY = (P, "0xc1", price("0.95"))


async def test_fifty_sessions_claim_one_condition_and_one_wins(dsn: str) -> None:
    """STO-H1, COR-H1, G2: with different tokens, on fifty connections of their own."""
    from store.pool import open_pool

    pools = [await open_pool(dsn, max_size=1) for _ in range(50)]
    answers = await asyncio.gather(
        *(Claims(p).take(touch(token=str(n)), f"run-{n}", NOW) for n, p in enumerate(pools))
    )
    winners = [a for a in answers if a.won]
    assert len(winners) == 1
    assert {a.owner_run for a in answers} == {winners[0].owner_run}
    await asyncio.gather(*(p.close() for p in pools))


async def test_a_second_row_of_one_touch_is_refused_by_the_index(pool: asyncpg.Pool[Any]) -> None:
    """STO-H1: also for a statement that forgets to ask."""
    await Claims(pool).take(touch(), "run-1", NOW)
    with pytest.raises(asyncpg.UniqueViolationError):
        await pool.execute(
            "INSERT INTO claims SELECT mode, condition_id, threshold, 'another', owner_run, state,"
            " reason, retry_after, slot, attempt_base, token_id, outcome, outcome_index, price,"
            " size, source, venue_time, seen_at, epoch, question, slug, event_id, claimed_at,"
            " changed_at FROM claims"
        )


async def test_the_same_run_may_ask_again(pool: asyncpg.Pool[Any]) -> None:
    first = await Claims(pool).take(touch(), "run-1", NOW)
    again = await Claims(pool).take(touch(), "run-1", NOW)
    assert (first.won, again.won) == (True, True)


async def test_paper_never_blocks_live(pool: asyncpg.Pool[Any]) -> None:
    """Q8: mode is part of the key."""
    paper = await Claims(pool).take(touch(), "run-1", NOW)
    live = await Claims(pool).take(touch(mode=Mode.LIVE), "run-2", NOW)
    assert paper.won and live.won


async def test_a_released_touch_can_be_taken_again(pool: asyncpg.Pool[Any]) -> None:
    """COR-H2: a failure before anything was posted does not block the market for ever."""
    claims = Claims(pool)
    await claims.take(touch(), "run-1", NOW)
    later = NOW + timedelta(minutes=5)
    assert await claims.release(*KEY, "run-1", "no funds", later, NOW)
    [spent] = await claims.spent(P, NOW)
    assert (spent.state, spent.retry_after) == (ClaimState.RELEASED, later)
    assert await claims.spent(P, later) == []
    taken = await claims.take(touch(token="22"), "run-2", later)
    row = await claims.get(P, touch().workflow_id)
    assert taken.won and row and (row.token_id, row.reason) == ("22", "")


async def test_release_is_repeatable_and_only_for_the_owner(pool: asyncpg.Pool[Any]) -> None:
    claims = Claims(pool)
    await claims.take(touch(), "run-1", NOW)
    assert not await claims.release(*KEY, "run-2", "mine?", None, NOW)
    assert await claims.release(*KEY, "run-1", "no", None, NOW)
    assert await claims.release(*KEY, "run-1", "no", None, NOW)
    assert not await claims.decline(*KEY, "run-1", "changed my mind", NOW)


async def test_a_touch_is_not_released_while_its_order_may_fill(pool: asyncpg.Pool[Any]) -> None:
    await funded(pool)
    order = await bought(pool, touch())
    claims = Claims(pool)
    assert not await claims.release(*KEY, "run-1", "tired", None, NOW)
    await Orders(pool).close(order.signed.order_id, OrderStatus.KILLED, "nothing there", NOW)
    assert await claims.release(*KEY, "run-1", "tired", None, NOW)


async def test_a_release_that_waits_for_a_reserve_finds_its_order(
    pool: asyncpg.Pool[Any],
) -> None:
    """The release looks for orders after it has the lock, not before: none is left behind."""
    await funded(pool)
    claims = Claims(pool)
    await claims.take(touch(), "run-1", NOW)
    async with pool.acquire() as reserver:
        transaction = reserver.transaction()
        await transaction.start()  # a reserve under way: it holds the claim and stored its order
        await reserver.execute("SELECT 1 FROM claims FOR NO KEY UPDATE")
        row = new_row(buy(touch()), signed(), NOW)
        await reserver.execute(
            "INSERT INTO orders SELECT * FROM jsonb_populate_record(NULL::orders, $1)", row
        )
        await reserver.execute("UPDATE claims SET slot = true")
        release = asyncio.create_task(claims.release(*KEY, "run-1", "tired", None, NOW))
        waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        await eventually(lambda: pool.fetchval(waiting))
        await transaction.commit()
    assert await release is False
    kept = await claims.get(P, touch().workflow_id)
    assert kept and kept.state is ClaimState.CLAIMED


async def test_a_later_run_numbers_its_attempts_after_the_earlier_ones(
    pool: asyncpg.Pool[Any],
) -> None:
    """One signature per (workflow, leg, attempt), for ever; a new run needs a new attempt."""
    await funded(pool)
    claims, orders = Claims(pool), Orders(pool)
    order = await bought(pool, touch())
    await orders.close(order.signed.order_id, OrderStatus.KILLED, "nothing there", NOW)
    await claims.release(*KEY, "run-1", "killed", None, NOW)
    again = await claims.take(touch(), "run-2", NOW)
    assert again.attempt_base == 1
    assert (await claims.take(touch(), "run-2", NOW)).attempt_base == 1
    second = buy(touch(), attempt=2, run_id="run-2")
    assert isinstance(await orders.prepare(second, signed(), WIDE, NOW), StoredOrder)


async def test_an_entered_touch_is_entered_for_ever(pool: asyncpg.Pool[Any]) -> None:
    await funded(pool)
    claims = Claims(pool)
    order = await bought(pool, touch())
    await Fills(pool).apply(P, match(order), NOW)
    answer = await claims.take(touch(), "run-2", NOW)
    assert (answer.won, answer.state) == (False, ClaimState.ENTERED)
    await Orders(pool).close(order.signed.order_id, OrderStatus.FILLED, "trades", NOW)
    assert not await claims.release(*KEY, "run-1", "no", None, NOW)
    with pytest.raises(asyncpg.CheckViolationError, match="to stay entered"):
        await pool.execute("UPDATE claims SET state = 'released'")


async def test_a_fill_after_the_release_makes_it_entered(pool: asyncpg.Pool[Any]) -> None:
    """Money was spent after all: whatever was believed before, this market is done."""
    await funded(pool)
    claims = Claims(pool)
    order = await bought(pool, touch())
    await Orders(pool).close(order.signed.order_id, OrderStatus.CANCELLED, "it said so", NOW)
    await claims.release(*KEY, "run-1", "cancelled", None, NOW)
    assert (await claims.take(touch(token="22"), "run-2", NOW)).won
    applied = await Fills(pool).apply(P, match(order), NOW)
    row = await claims.get(P, touch().workflow_id)
    assert row and (row.state, row.owner_run) == (ClaimState.ENTERED, "run-2")
    assert applied.position.token_id == "11"
    again = buy(touch(token="22"), attempt=2, run_id="run-2")
    refused = await Orders(pool).prepare(again, signed(), WIDE, NOW)
    assert not isinstance(refused, StoredOrder) and refused.limit == "claim"


async def test_the_run_that_entered_may_try_for_the_rest(pool: asyncpg.Pool[Any]) -> None:
    await funded(pool)
    order = await bought(pool, touch())
    await Fills(pool).apply(P, match(order, count="5"), NOW)
    await Orders(pool).close(order.signed.order_id, OrderStatus.CANCELLED, "it said so", NOW)
    rest = buy(touch(), attempt=2)
    assert isinstance(await Orders(pool).prepare(rest, signed(), WIDE, NOW), StoredOrder)


async def test_an_operator_may_allow_a_declined_touch(pool: asyncpg.Pool[Any]) -> None:
    claims = Claims(pool)
    await claims.take(touch(), "run-1", NOW)
    assert await claims.decline(*KEY, "run-1", "weather", NOW)
    assert not (await claims.take(touch(), "run-2", NOW)).won
    assert await claims.allow(*KEY, "ann", "it is no weather", NOW)
    assert not await claims.allow(*KEY, "ann", "twice", NOW)
    assert (await claims.take(touch(), "run-2", NOW)).won
    rows = await pool.fetch("SELECT who, what, result FROM audit ORDER BY audit_id")
    assert [r["result"] for r in rows] == ["released", "was not declined"]


async def test_reconciliation_takes_over_a_claim_without_a_workflow(
    pool: asyncpg.Pool[Any],
) -> None:
    claims = Claims(pool)
    await claims.take(touch(), "run-1", NOW)
    [stale] = await claims.in_state(P, ClaimState.CLAIMED, NOW)
    assert stale.owner_run == "run-1"
    assert await claims.take_over(P, stale.workflow_id, "run-9", "its run is gone", NOW)
    assert (await claims.take(touch(), "run-9", NOW)).won
    assert not await claims.take_over(P, "0xother:0.95", "run-9", "", NOW)
    assert await claims.get(P, "0xother:0.95") is None
