"""store/orders.py, `looked`: silence counts only while somebody listens (fault matrix C1)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from domain.proof import STEP
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
        order = await orders.looked(key, NOW + seconds * SECOND, STEP)
    assert order.lived == 9 * SECOND


@pytest.mark.parametrize("jump", [timedelta(hours=1), timedelta(days=400)])
async def test_a_jump_counts_no_more_than_one_step(
    pool: asyncpg.Pool[Any], jump: timedelta
) -> None:
    orders, key = await posted(pool)
    await orders.looked(key, NOW + 2 * SECOND, STEP)
    assert (await orders.looked(key, NOW + jump, STEP)).lived == 2 * SECOND + STEP
    assert (await orders.looked(key, NOW, STEP)).lived == 2 * SECOND + STEP  # and back again
    assert (await orders.looked(key, NOW + SECOND, STEP)).lived == 3 * SECOND + STEP


async def test_the_silence_after_a_cancel_is_counted_from_its_answer_on(
    pool: asyncpg.Pool[Any],
) -> None:
    orders, key = await posted(pool)
    await orders.looked(key, NOW + 8 * SECOND, STEP)
    await orders.cancel_answered(key, NOW + 8 * SECOND)
    order = await orders.looked(key, NOW + 11 * SECOND, STEP)
    assert order.watched_since(order.cancel_lived) == 3 * SECOND
    await orders.cancel_answered(key, NOW + 11 * SECOND)  # the first answer stays
    order = await orders.looked(key, NOW + 12 * SECOND, STEP)
    assert order.watched_since(order.cancel_lived) == 4 * SECOND


async def test_another_post_begins_the_silence_anew(pool: asyncpg.Pool[Any]) -> None:
    orders, key = await posted(pool)
    await orders.looked(key, NOW + 12 * SECOND, STEP)
    await orders.posting(key, NOW + 13 * SECOND)
    assert (await orders.looked(key, NOW + 14 * SECOND, STEP)).lived == SECOND


async def test_two_workers_whose_clocks_differ_count_no_second_twice(
    pool: asyncpg.Pool[Any],
) -> None:
    orders, key = await posted(pool)
    ahead = 10 * SECOND
    await orders.looked(key, NOW + ahead, STEP)
    for seconds in (2, 4, 6):
        await orders.looked(key, NOW + seconds * SECOND, STEP)
        order = await orders.looked(key, NOW + seconds * SECOND + ahead, STEP)
    assert order.lived == 16 * SECOND  # 6 s passed, 10 of the difference, counted once
