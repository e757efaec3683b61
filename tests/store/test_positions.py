"""store/positions.py and store/corrections.py"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import asyncpg
import pytest

from domain.ledger import ExitKind
from domain.market import Mode
from domain.money import Usd, price, shares, usd
from domain.orders import FillStatus, OrderStatus
from domain.positions import AgeSource, HoldPolicy, PositionState
from store.account import Account
from store.booking import StoredPosition
from store.claims import Claims
from store.corrections import Corrections
from store.errors import UnknownTrade
from store.fills import Fills
from store.orders import Orders
from store.positions import Positions
from store.stored_order import StoredOrder
from tests.store.examples import (
    NONE,
    NOW,
    SECOND,
    WIDE,
    Crash,
    bought,
    crashing,
    funded,
    match,
    sell,
    signed,
    touch,
)

P = Mode.PAPER
W = touch().workflow_id


async def held(pool: asyncpg.Pool[Any]) -> None:
    """Hold 20 shares, bought for 19.00 and a fee of 0.05."""
    await funded(pool)
    order = await bought(pool, touch())
    await Fills(pool).apply(P, match(order, status=FillStatus.CONFIRMED), NOW)
    await Orders(pool).close(order.signed.order_id, OrderStatus.FILLED, "trades", NOW)


async def adopted(pool: asyncpg.Pool[Any], cost: Usd | None = None) -> StoredPosition | None:
    """Adopt shares that no trade explains."""
    return await Corrections(pool).adopt(
        P,
        W,
        "0xc1",
        "11",
        "Yes",
        0,
        price("0.95"),
        "e1",
        "run-1",
        shares(10),
        cost,
        None,
        AgeSource.UNKNOWN,
        HoldPolicy.NEW,
        NOW,
    )


@pytest.mark.parametrize(
    ("payout", "proceeds", "profit"),
    [("1", None, "0.95"), ("0", None, "-19.05"), ("0.5", None, "-9.05"), ("1", "19.9", "0.85")],
)
async def test_resolution_books_the_profit_once(
    pool: asyncpg.Pool[Any], payout: str, proceeds: str | None, profit: str
) -> None:
    """XD-3: one exit event for one ending, however often it is told."""
    await held(pool)
    paid = None if proceeds is None else usd(proceeds)
    first = await Positions(pool).settle(W, price(payout), paid, "resolved", NOW)
    again = await Positions(pool).settle(W, price(payout), paid, "resolved", NOW + SECOND)
    assert (first.already, again.already) == (False, True)
    assert first.profit == again.profit == usd(profit)
    assert (first.fees, first.shares) == (usd("0.05"), shares(20))
    assert first.position.state is PositionState.RESOLVED
    [end] = await Positions(pool).exits(W, P)
    assert (end.kind, end.final, end.profit) == (ExitKind.RESOLUTION, True, usd(profit))
    account = await Account(pool).get(P)
    assert (account.open_slots, account.position_cost) == (0, NONE)
    assert await Account(pool).drift() == []


async def test_the_real_proceeds_may_come_later(pool: asyncpg.Pool[Any]) -> None:
    """EXE-M3: settled at the payout first, then corrected to what the venue really paid."""
    await held(pool)
    await Positions(pool).settle(W, price(1), None, "yes", NOW)
    late = await Positions(pool).settle(W, price(1), usd("19.99"), "yes", NOW)
    again = await Positions(pool).settle(W, price(1), usd("5"), "yes", NOW)
    assert late.profit == again.profit == usd("0.94")


async def test_settling_in_parallel_is_one_exit(pool: asyncpg.Pool[Any]) -> None:
    await held(pool)
    ends = await asyncio.gather(
        *(Positions(pool).settle(W, price(1), None, "yes", NOW) for _ in range(6))
    )
    assert sorted(e.already for e in ends) == [False] + [True] * 5
    assert len(await Positions(pool).exits(W, P)) == 1


@pytest.mark.parametrize("budget", range(0, 19, 2))
async def test_a_crash_while_settling_books_it_once(pool: asyncpg.Pool[Any], budget: int) -> None:
    await held(pool)
    try:
        await Positions(crashing(pool, budget)).settle(W, price(1), None, "yes", NOW)
    except (Crash, asyncpg.InterfaceError, asyncpg.PostgresError):
        assert await Account(pool).drift() == []
    assert (await Positions(pool).settle(W, price(1), None, "yes", NOW)).profit == usd("0.95")


async def test_a_fill_found_after_the_ending_is_part_of_it(pool: asyncpg.Pool[Any]) -> None:
    """XD-17: late news corrects the books instead of breaking them."""
    await funded(pool)
    order = await bought(pool, touch())
    await Fills(pool).apply(P, match(order, "t1", "10", fee=usd(0)), NOW)
    await Positions(pool).settle(W, price(1), None, "yes", NOW + SECOND)
    late = match(order, "t2", "10", fee=usd(0), matched_at=NOW + 2 * SECOND)
    applied = await Fills(pool).apply(P, late, NOW + 2 * SECOND)
    assert (applied.position.state, applied.position.shares) == (PositionState.RESOLVED, NONE)
    [end] = await Positions(pool).exits(W, P)
    assert (end.shares, end.profit) == (shares(20), usd(1))


async def test_dust_is_written_off_as_a_known_loss(pool: asyncpg.Pool[Any]) -> None:
    """XD-3: given up for nothing, and no result of the market says so."""
    await held(pool)
    end = await Positions(pool).write_off(W, "dust", NOW)
    assert (end.profit, end.proceeds, end.shares) == (usd("-19.05"), usd(0), shares(20))
    assert (end.position.state, end.position.payout) == (PositionState.CLOSED, None)
    assert await Positions(pool).worthless(P, ["11"]) == set()
    row = await pool.fetchrow("SELECT exits, unknown FROM daily_results")
    assert row and (row["exits"], row["unknown"]) == (1, 0)


async def test_only_a_lost_market_makes_a_token_worthless(pool: asyncpg.Pool[Any]) -> None:
    await held(pool)
    assert await Positions(pool).worthless(P, ["11"]) == set()
    await Positions(pool).settle(W, price(0), None, "no", NOW)
    assert await Positions(pool).worthless(P, ["11", "22"]) == {"11"}
    assert await Positions(pool).worthless(Mode.LIVE, ["11"]) == set()


async def test_shares_that_come_back_after_a_full_sale_reopen_the_position_once(
    pool: asyncpg.Pool[Any],
) -> None:
    await held(pool)
    sale = await Orders(pool).prepare(sell(touch()), signed(), WIDE, NOW)
    assert isinstance(sale, StoredOrder)
    sold = match(sale, "t2", status=FillStatus.CONFIRMED)
    assert (await Fills(pool).apply(P, sold, NOW)).position.state is PositionState.CLOSED
    for _ in range(2):
        again = await adopted(pool)
        assert again and (again.shares, again.state) == (shares(10), PositionState.OPEN)
    assert await Account(pool).drift() == []


async def test_shares_of_a_settled_market_do_not_reopen_its_books(pool: asyncpg.Pool[Any]) -> None:
    await held(pool)
    await Positions(pool).settle(W, price(1), None, "yes", NOW)
    closed = await adopted(pool)
    assert closed and (closed.shares, closed.state) == (NONE, PositionState.RESOLVED)
    assert await pool.fetchval("SELECT count(*) FROM adjustments") == 0


async def test_an_abandoned_position_stays_ours_and_counted(pool: asyncpg.Pool[Any]) -> None:
    await held(pool)
    left = await Positions(pool).mark_unmanaged(W, NOW)
    assert left and left.state is PositionState.UNMANAGED
    assert [p.workflow_id for p in await Positions(pool).open(P)] == [W]
    account = await Account(pool).get(P)
    assert (account.open_slots, account.position_cost) == (1, usd(19))
    end = await Positions(pool).settle(W, price(1), None, "yes", NOW)
    assert end.profit == usd("0.95")


async def test_shares_without_a_trade_are_adopted_once(pool: asyncpg.Pool[Any]) -> None:
    """G10: no invented time and no invented cost; the market is not bought again."""
    first, second = await adopted(pool), await adopted(pool)
    assert first == second and first
    assert (first.shares, first.shares_confirmed, first.cost_known) == (
        shares(10),
        shares(10),
        False,
    )
    assert (first.opened_at, first.age_source) == (None, AgeSource.UNKNOWN)
    assert not (await Claims(pool).take(touch(), "run-2", NOW)).won
    account = await Account(pool).get(P)
    assert (account.position_cost, account.open_slots) == (usd(10), 1)  # a dollar a share
    end = await Positions(pool).settle(W, price(1), None, "yes", NOW)
    assert (end.profit, end.proceeds) == (None, usd(10))
    assert await Account(pool).drift() == []


async def test_a_known_cost_makes_the_profit_known(pool: asyncpg.Pool[Any]) -> None:
    position = await adopted(pool, cost=usd("9.30"))
    assert position and (position.cost, position.cost_known) == (usd("9.30"), True)
    assert (await Positions(pool).settle(W, price(1), None, "yes", NOW)).profit == usd("0.70")


async def test_a_size_that_differs_is_corrected_with_a_record(pool: asyncpg.Pool[Any]) -> None:
    """G12: sold elsewhere in part; what is left keeps its share of the cost."""
    await held(pool)
    for _ in range(2):
        less = await Corrections(pool).adjust(W, P, shares(5), None, "venue holds less", NOW)
    assert less and (less.shares, less.cost, less.cost_known) == (shares(5), usd("4.75"), True)
    [gone] = await Positions(pool).exits(W, P)
    assert (gone.kind, gone.shares, gone.profit) == (ExitKind.ADJUSTMENT, shares(15), None)
    later = NOW + SECOND
    more = await Corrections(pool).adjust(W, P, shares(6), None, "venue holds more", later)
    assert more and (more.shares, more.cost_known) == (shares(6), False)
    none = await Corrections(pool).adjust(W, P, shares(0), None, "all gone", later + SECOND)
    assert none and none.state is PositionState.CLOSED
    assert [e.final for e in await Positions(pool).exits(W, P)] == [False, True]
    assert await Account(pool).drift() == []


async def test_misses_are_counted_until_it_is_seen(pool: asyncpg.Pool[Any]) -> None:
    """XD-2: one empty answer closes nothing; two in a row are a reason to look."""
    await held(pool)
    corrections = Corrections(pool)
    assert [await corrections.missed(W, P, NOW) for _ in range(2)] == [1, 2]
    await corrections.seen(W, P)
    assert await corrections.missed(W, P, NOW) == 1
    position = await Positions(pool).get(W)
    assert position and position.misses == 1
    assert await corrections.missed("0xno:0.95", P, NOW) == 0


async def test_trades_on_one_token_add_up(pool: asyncpg.Pool[Any]) -> None:
    await held(pool)
    await held_more(pool)
    assert sum(p.shares for p in await Positions(pool).of_token(P, "11")) == shares(40)
    assert await Positions(pool).of_token(P, "99") == []


async def held_more(pool: asyncpg.Pool[Any]) -> None:
    """Hold 20 shares of the same token in a second trade, at another threshold."""
    other = touch().model_copy(update={"threshold": price("0.97")})
    order = await bought(pool, other)
    await Fills(pool).apply(P, match(order, "t2"), NOW)


async def test_an_unknown_trade_is_an_error_and_nothing_else(pool: asyncpg.Pool[Any]) -> None:
    assert await Positions(pool).get(W) is None
    with pytest.raises(UnknownTrade):
        await Positions(pool).settle(W, price(1), None, "yes", NOW)
    with pytest.raises(UnknownTrade):
        await Positions(pool).mark_unmanaged(W, NOW)
    with pytest.raises(UnknownTrade):
        await Corrections(pool).adjust(W, P, shares(1), None, "x", NOW)
    await Claims(pool).take(touch(), "run-1", NOW)
    with pytest.raises(UnknownTrade):
        await Corrections(pool).adjust(W, P, shares(1), None, "x", NOW)


async def left(pool: asyncpg.Pool[Any], count: str = "20") -> bool:
    """Settle what a person was left with, at nothing."""
    return await Positions(pool).settle_left(W, P, shares(count), price("0"), usd(0), "lost", NOW)


async def test_what_a_person_was_left_with_is_settled_once_by_many_at_the_same_time(
    pool: asyncpg.Pool[Any],
) -> None:
    await held(pool)
    await Positions(pool).mark_unmanaged(W, NOW, P)
    assert sorted(await asyncio.gather(*(left(pool) for _ in range(4)))) == [False] * 3 + [True]
    (lost,) = await Positions(pool).exits(W, P)
    assert (lost.kind, lost.profit) == (ExitKind.RESOLUTION, usd("-19.05"))
    account = await Account(pool).get(P)
    assert (account.open_slots, account.position_cost) == (0, usd(0))
    assert await Account(pool).drift() == []


@pytest.mark.parametrize("budget", range(0, 18, 3))
async def test_a_crash_while_a_leftover_is_settled_books_it_once(
    pool: asyncpg.Pool[Any], budget: int
) -> None:
    await held(pool)
    await Positions(pool).mark_unmanaged(W, NOW, P)
    with contextlib.suppress(Crash, asyncpg.InterfaceError, asyncpg.PostgresError):
        await left(crashing(pool, budget))
    await left(pool)
    assert len(await Positions(pool).exits(W, P)) == 1
    assert await Account(pool).drift() == []


async def test_what_is_managed_or_of_another_size_or_still_moves_is_no_leftover(
    pool: asyncpg.Pool[Any],
) -> None:
    await held(pool)
    assert not await left(pool)  # a run looks after it
    sale = await Orders(pool).prepare(sell(touch()), signed(), WIDE, NOW)
    assert isinstance(sale, StoredOrder)
    await Positions(pool).mark_unmanaged(W, NOW, P)
    assert not await left(pool)  # an order may still fill
    await Orders(pool).close(sale.signed.order_id, OrderStatus.EXPIRED, "never posted", NOW)
    assert not await left(pool, "19")
    failing = match(sale, "t2", "5")
    await Fills(pool).apply(P, failing, NOW)
    assert not await left(pool, "15")  # the sale may still fail
    final = failing.model_copy(update={"status": FillStatus.CONFIRMED})
    await Fills(pool).apply(P, final, NOW)
    assert await left(pool, "15")


async def test_shares_count_at_the_result_until_and_after_they_are_settled(
    pool: asyncpg.Pool[Any],
) -> None:
    """Of two trades, the second to be booked must know what the first one took."""
    await held(pool)
    positions = Positions(pool)
    assert await positions.at_result(P, "0xc1", "11") == shares(20)
    await positions.settle(W, price("1"), usd(20), "won", NOW, P)
    assert await positions.at_result(P, "0xc1", "11") == shares(20)
    assert await positions.at_result(P, "0xc1", "22") == shares(0)
