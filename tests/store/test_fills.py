"""store/fills.py: each match once, each reversal once, the promise exact at all times."""

from __future__ import annotations

import asyncio
import itertools
from typing import Any

import asyncpg
import pytest

from domain.market import Mode
from domain.money import price, shares, usd
from domain.orders import Fill, FillStatus, OrderStatus
from domain.positions import PositionState
from domain.trade import ClaimState
from store.account import Account
from store.claims import Claims
from store.errors import FillConflict, UnknownOrder
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
    buy,
    crashing,
    funded,
    match,
    sell,
    signed,
    touch,
)

P = Mode.PAPER
CONFIRMED = FillStatus.CONFIRMED
FAILED = FillStatus.FAILED


async def sold(pool: asyncpg.Pool[Any], attempt: int = 1, count: str = "20") -> StoredOrder:
    """Prepare an exit of the trade."""
    intent = sell(touch(), attempt, shares=shares(count))
    order = await Orders(pool).prepare(intent, signed(), WIDE, NOW)
    assert isinstance(order, StoredOrder), order
    return order


async def test_a_partial_fill_keeps_the_promise_of_the_rest(pool: asyncpg.Pool[Any]) -> None:
    """EXE-H2: limit x unfilled, so that price improvement leaves no residue."""
    await funded(pool)
    order = await bought(pool, touch())
    applied = await Fills(pool).apply(P, match(order, count="8", price=price("0.93")), NOW)
    assert (applied.new, applied.changed) == (True, True)
    assert (applied.order.status, applied.order.filled) == (OrderStatus.PARTIAL, shares(8))
    assert (applied.position.shares, applied.position.cost) == (shares(8), usd("7.44"))
    account = await Account(pool).get(P)
    assert (account.reserved, account.unsettled) == (usd("11.40"), usd("7.49"))
    assert (await Fills(pool).of_order(order.signed.order_id)) == [
        match(order, count="8", price=price("0.93"))
    ]


async def test_a_fill_is_applied_once(pool: asyncpg.Pool[Any]) -> None:
    """XD-10: from the stream, from the poll and from the reconciliation."""
    await funded(pool)
    order = await bought(pool, touch())
    answers = await asyncio.gather(
        *(Fills(pool).apply(P, match(order, count="8"), NOW) for _ in range(8))
    )
    assert sorted(a.new for a in answers) == [False] * 7 + [True]
    assert {a.position.shares for a in answers} == {shares(8)}
    assert await Account(pool).drift() == []


async def test_the_first_buy_makes_the_claim_entered(pool: asyncpg.Pool[Any]) -> None:
    await funded(pool)
    order = await bought(pool, touch())
    await Fills(pool).apply(P, match(order, count="1"), NOW)
    row = await Claims(pool).get(P, touch().workflow_id)
    assert row and row.state is ClaimState.ENTERED and row.slot


async def test_full_fills_do_not_close_the_order_by_themselves(pool: asyncpg.Pool[Any]) -> None:
    """A FAK spends dollars and may bring more shares: only the venue's proof ends it."""
    await funded(pool)
    order = await bought(pool, touch())
    applied = await Fills(pool).apply(P, match(order), NOW)
    assert (applied.order.status, applied.order.closed_at) == (OrderStatus.PARTIAL, None)
    more = await Fills(pool).apply(P, match(order, "t2", count="0.5"), NOW)
    assert (more.order.filled, more.order.unfilled) == (shares("20.5"), NONE)
    account = await Account(pool).get(P)
    assert (account.reserved, account.fee_reserved) == (NONE, NONE)


async def test_a_failed_fill_gives_its_money_back_to_the_promise(pool: asyncpg.Pool[Any]) -> None:
    """Fault matrix G1: MATCHED then FAILED, reversed once, budget returned once."""
    await funded(pool)
    order = await bought(pool, touch())
    before = await Account(pool).get(P)
    await Fills(pool).apply(P, match(order, count="8"), NOW)
    for _ in range(3):
        applied = await Fills(pool).apply(P, match(order, count="8", status=FAILED), NOW)
    assert (applied.changed, applied.order.status) == (False, OrderStatus.LIVE)
    assert (applied.position.shares, applied.position.fees) == (NONE, NONE)
    assert applied.position.state is PositionState.CLOSED
    after = await Account(pool).get(P)
    assert (after.reserved, after.fee_reserved) == (before.reserved, before.fee_reserved)
    assert (after.unsettled, after.position_cost, after.open_slots) == (NONE, NONE, 1)


async def test_a_fill_that_fails_after_the_end_frees_its_money(pool: asyncpg.Pool[Any]) -> None:
    await funded(pool)
    order = await bought(pool, touch())
    await Fills(pool).apply(P, match(order), NOW)
    await Orders(pool).close(order.signed.order_id, OrderStatus.FILLED, "trades add up", NOW)
    await Fills(pool).apply(P, match(order, status=FAILED), NOW)
    account = await Account(pool).get(P)
    assert (account.reserved, account.unsettled, account.position_cost) == (NONE, NONE, NONE)
    assert account.open_slots == 0
    row = await Claims(pool).get(P, touch().workflow_id)
    assert row and row.state is ClaimState.ENTERED  # never bought again


@pytest.mark.parametrize("final", [CONFIRMED, FAILED])
async def test_the_first_final_status_stays(pool: asyncpg.Pool[Any], final: FillStatus) -> None:
    await funded(pool)
    order = await bought(pool, touch())
    await Fills(pool).apply(P, match(order, status=final), NOW)
    for late in FillStatus:
        applied = await Fills(pool).apply(P, match(order, status=late), NOW)
        assert not applied.changed
    assert [f.status for f in await Fills(pool).of_workflow(touch().workflow_id)] == [final]


async def test_news_in_any_order_ends_in_the_same_books(pool: asyncpg.Pool[Any]) -> None:
    """Fault matrix W1: duplicates, swapped and delayed events change nothing."""
    await funded(pool, 10_000)
    ends = set()
    for n, order_of_news in enumerate(itertools.permutations(range(4))):
        trigger = touch(f"0xp{n}", str(n))
        order = await bought(pool, trigger)
        sale = signed()
        news: list[Fill] = [
            match(order, f"a{n}", "8", status=FillStatus.MINED),
            match(order, f"b{n}", "4", status=FAILED, matched_at=NOW + SECOND),
            match(order, f"a{n}", "8", status=CONFIRMED),
            match(order, f"c{n}", "3", status=CONFIRMED, matched_at=NOW + 2 * SECOND),
        ]
        for index in order_of_news:
            applied = await Fills(pool).apply(P, news[index], NOW)
        position = applied.position
        ends.add((position.shares, position.shares_confirmed, position.cost, position.fees))
        assert sale.order_id
    assert ends == {(shares(11), shares(11), usd("10.45"), usd("0.10"))}
    assert await Account(pool).drift() == []


async def test_spent_money_is_not_tradeable_until_the_balance_shows_it(
    pool: asyncpg.Pool[Any],
) -> None:
    """G4: between the fill and a balance asked for after its confirmation, it counts as gone."""
    await funded(pool, 40)
    order = await bought(pool, touch())
    await Fills(pool).apply(P, match(order), NOW)
    await Claims(pool).take(touch("0xc2", "22"), "run-1", NOW)
    other = buy(touch("0xc2", "22"), funds=usd("21"))

    async def fits() -> bool:
        kept = await Orders(pool).prepare(other, signed(), WIDE, NOW)
        return isinstance(kept, StoredOrder)

    assert not await fits()
    await funded(pool, 40, NOW + SECOND)  # the venue still shows the money that is gone
    assert not await fits()
    await Fills(pool).apply(P, match(order, status=CONFIRMED), NOW + 2 * SECOND)
    await funded(pool, 40, NOW + SECOND)  # asked before the confirmation: proves nothing
    assert not await fits()
    await funded(pool, 21, NOW + 3 * SECOND)
    assert await fits()


async def test_a_sale_books_its_profit_and_its_fees(pool: asyncpg.Pool[Any]) -> None:
    """XD-14, EXE-H1: a partial exit reduces the position, and is one exit with its profit."""
    await funded(pool)
    order = await bought(pool, touch())
    await Fills(pool).apply(P, match(order, fee=usd("0.10")), NOW)
    exit_ = await sold(pool)
    await Orders(pool).explain(exit_.signed.order_id, "profit target")
    for trade, at in (("s1", NOW + SECOND), ("s2", NOW + 2 * SECOND)):
        fill = match(exit_, trade, "6", price=price("0.99"), fee=usd("0.02"), matched_at=at)
        applied = await Fills(pool).apply(P, fill, NOW)
    assert (applied.position.shares, applied.position.cost) == (shares(8), usd("7.60"))
    assert applied.order.status is OrderStatus.PARTIAL
    [sale] = await Positions(pool).exits(touch().workflow_id, P)
    assert (sale.shares, sale.cost, sale.proceeds) == (shares(12), usd("11.40"), usd("11.88"))
    assert (sale.fees, sale.profit) == (usd("0.10"), usd("0.38"))
    assert (sale.final, sale.reason) == (False, "profit target")


async def test_the_last_share_sold_closes_the_position_once(pool: asyncpg.Pool[Any]) -> None:
    await funded(pool)
    order = await bought(pool, touch())
    await Fills(pool).apply(P, match(order), NOW)
    await Orders(pool).close(order.signed.order_id, OrderStatus.FILLED, "trades", NOW)
    exit_ = await sold(pool)
    gone = match(exit_, "s1", price=price("0.90"), matched_at=NOW + SECOND)
    applied = await Fills(pool).apply(P, gone, NOW)
    assert applied.position.state is PositionState.CLOSED
    [sale] = await Positions(pool).exits(touch().workflow_id, P)
    assert (sale.final, sale.profit) == (True, usd("-1.10"))
    account = await Account(pool).get(P)
    assert (account.open_slots, account.position_cost) == (0, NONE)
    reopened = await Fills(pool).apply(P, gone.model_copy(update={"status": FAILED}), NOW)
    assert reopened.position.state is PositionState.OPEN
    assert await Positions(pool).exits(touch().workflow_id, P) == []
    assert (await Account(pool).get(P)).open_slots == 1
    assert await Account(pool).drift() == []


async def test_a_fill_that_tells_another_story_is_drift(pool: asyncpg.Pool[Any]) -> None:
    await funded(pool)
    order = await bought(pool, touch())
    await Fills(pool).apply(P, match(order), NOW)
    with pytest.raises(FillConflict, match="expected"):
        await Fills(pool).apply(P, match(order).model_copy(update={"token_id": "99"}), NOW)
    with pytest.raises(UnknownOrder):
        await Fills(pool).apply(P, match(order).model_copy(update={"order_id": "0xno"}), NOW)


async def test_of_a_size_that_changes_the_first_stays_and_the_fill_still_settles(
    pool: asyncpg.Pool[Any],
) -> None:
    await funded(pool)
    order = await bought(pool, touch())
    first = await Fills(pool).apply(P, match(order), NOW)
    other = match(order).model_copy(update={"shares": shares(19), "status": CONFIRMED})
    applied = await Fills(pool).apply(P, other, NOW)
    assert "19" in applied.conflict and not first.conflict
    assert applied.position.shares == applied.position.shares_confirmed == first.position.shares


async def test_a_mean_price_that_moves_with_late_legs_keeps_the_first_and_settles(
    pool: asyncpg.Pool[Any],
) -> None:
    await funded(pool)
    order = await bought(pool, touch())
    await Fills(pool).apply(P, match(order), NOW)
    later = match(order).model_copy(update={"price": price("0.94"), "status": FillStatus.CONFIRMED})
    applied = await Fills(pool).apply(P, later, NOW)
    (kept,) = await Fills(pool).of_order(later.order_id)
    assert applied.changed and kept.status is FillStatus.CONFIRMED
    assert kept.price == match(order).price


@pytest.mark.parametrize("budget", range(11))
async def test_a_crash_between_any_two_statements_applies_the_fill_once(
    pool: asyncpg.Pool[Any], budget: int
) -> None:
    """EXE-M1: the half of a fill is no fill; the retry brings it whole."""
    await funded(pool)
    order = await bought(pool, touch())
    try:
        await Fills(crashing(pool, budget)).apply(P, match(order, count="8"), NOW)
    except (Crash, asyncpg.InterfaceError, asyncpg.PostgresError):
        assert await Account(pool).drift() == []
    applied = await Fills(pool).apply(P, match(order, count="8"), NOW)
    assert applied.position.shares == shares(8)
    assert await Account(pool).drift() == []


async def test_the_breaker_counts_failed_settlements(pool: asyncpg.Pool[Any]) -> None:
    await funded(pool)
    order = await bought(pool, touch())
    for trade, status in (("a", FAILED), ("b", CONFIRMED), ("c", FillStatus.MATCHED)):
        await Fills(pool).apply(P, match(order, trade, "2", status=status), NOW)
    assert await Fills(pool).reversal_ratio(P, NOW) == (1, 3)
    assert [f.trade_id for f in await Fills(pool).unsettled(P)] == ["c"]
