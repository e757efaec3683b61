"""store/orders.py, `looked`: silence counts only while somebody listens (fault matrix C1)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from domain.proof import ABSENCE, LAG, STEP, STRANGE_STEP
from store.claims import Claims
from store.orders import Orders
from tests.store.examples import NOW, WIDE, buy, funded, signed, touch

SECOND = timedelta(seconds=1)


async def posted(pool: asyncpg.Pool[Any]) -> tuple[Orders, str]:
    """Return the store with one BUY that was posted at NOW."""
    orders, ours = Orders(pool), signed()
    await funded(pool, 1_000, NOW)
    await Claims(pool).take(touch(), "run-1", NOW)
    await orders.prepare(buy(touch()), ours, WIDE, NOW)
    await orders.posting(ours.order_id, NOW)
    return orders, ours.order_id


async def test_what_passes_between_two_looks_adds_up(pool: asyncpg.Pool[Any]) -> None:
    orders, key = await posted(pool)
    for seconds in (2, 4, 9):
        order = await orders.looked(key, NOW + seconds * SECOND, STEP, STEP)
    assert order.lived == 9 * SECOND


@pytest.mark.parametrize("jump", [timedelta(hours=1), timedelta(days=400)])
async def test_a_jump_counts_no_more_than_one_step(
    pool: asyncpg.Pool[Any], jump: timedelta
) -> None:
    orders, key = await posted(pool)
    await orders.looked(key, NOW + 2 * SECOND, STEP, STEP)
    assert (await orders.looked(key, NOW + jump, STEP, STEP)).lived == 2 * SECOND + STEP
    assert not (await orders.looked(key, NOW, STEP, STEP)).lived  # and back again: it is told anew
    assert (await orders.looked(key, NOW + SECOND, STEP, STEP)).lived == SECOND


async def test_the_silence_after_a_cancel_is_counted_from_its_answer_on(
    pool: asyncpg.Pool[Any],
) -> None:
    orders, key = await posted(pool)
    await orders.looked(key, NOW + 8 * SECOND, STEP, STEP)
    await orders.cancel_answered(key, NOW + 8 * SECOND, done=False)
    order = await orders.looked(key, NOW + 11 * SECOND, STEP, STEP)
    assert order.watched_since(order.cancel_lived) == 3 * SECOND
    await orders.cancel_answered(key, NOW + 11 * SECOND, done=False)  # the first answer stays
    order = await orders.looked(key, NOW + 12 * SECOND, STEP, STEP)
    assert order.watched_since(order.cancel_lived) == 4 * SECOND


async def test_a_cancel_that_ended_the_order_begins_the_wait_for_its_fills(
    pool: asyncpg.Pool[Any],
) -> None:
    orders, key = await posted(pool)
    await orders.looked(key, NOW + 4 * SECOND, STEP, STEP)
    await orders.cancel_answered(key, NOW + 4 * SECOND, done=False)  # not found: not there yet
    for seconds in range(8, 48, 4):
        await orders.looked(key, NOW + seconds * SECOND, STEP, STEP)
    await orders.cancel_answered(key, NOW + 44 * SECOND, done=True)
    order = await orders.looked(key, NOW + 47 * SECOND, STEP, STEP)
    assert order.watched_since(order.cancel_lived) == 3 * SECOND
    await orders.cancel_answered(key, NOW + 47 * SECOND, done=False)  # over since then
    order = await orders.looked(key, NOW + 48 * SECOND, STEP, STEP)
    assert order.watched_since(order.cancel_lived) == 4 * SECOND


async def test_another_post_begins_the_silence_anew(pool: asyncpg.Pool[Any]) -> None:
    orders, key = await posted(pool)
    await orders.looked(key, NOW + 6 * SECOND, STEP, STEP)
    await orders.posting(key, NOW + 13 * SECOND)
    assert (await orders.looked(key, NOW + 14 * SECOND, STEP, STEP)).lived == SECOND


async def test_two_workers_whose_clocks_differ_count_no_second_twice(
    pool: asyncpg.Pool[Any],
) -> None:
    orders, key = await posted(pool)
    ahead = 10 * SECOND
    await orders.looked(key, NOW + ahead, STEP, STEP)
    for seconds in (2, 4, 6):
        await orders.looked(key, NOW + seconds * SECOND, STEP, STEP)
        order = await orders.looked(key, NOW + seconds * SECOND + ahead, STEP, STEP)
    assert order.lived == STEP + 6 * SECOND  # of the difference one step, once


async def test_a_worker_whose_clock_is_minutes_ahead_proves_no_silence_together_with_another(
    pool: asyncpg.Pool[Any],
) -> None:
    orders, key = await posted(pool)
    for seconds in range(0, 300, 2):
        await orders.looked(key, NOW + (600 + seconds) * SECOND, STEP, STEP)
        order = await orders.looked(key, NOW + seconds * SECOND, STEP, STEP)
    assert not order.lived


async def test_an_adopted_order_may_be_looked_at_seldom(pool: asyncpg.Pool[Any]) -> None:
    orders, key = await posted(pool)
    await pool.execute("UPDATE orders SET adopted = true")
    order = await orders.looked(key, NOW + 60 * SECOND, STEP, STRANGE_STEP)
    assert order.lived == STRANGE_STEP


def test_one_jump_of_a_clock_satisfies_no_rule_of_the_proof() -> None:
    assert STEP < LAG < STRANGE_STEP < ABSENCE
