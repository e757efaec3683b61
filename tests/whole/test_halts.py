"""Fault matrix O1: a halt at every step. No post follows it; what takes risk away goes on."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from temporalio.client import WorkflowFailureError

from activities.clock import utc_now
from domain.market import Mode
from domain.orders import Landing, Leg, OrderStatus
from domain.trade import HaltState, Stage
from sim.faults import Fault
from store.account import Account
from store.decisions import Decisions
from store.orders import Orders
from store.stored_order import StoredOrder
from tests.house import House
from tests.waiting import eventually
from tests.whole.test_paths import in_stage
from workflows.messages import ExitNow
from workflows.trade import TradeWorkflow


async def halt(house: House, state: HaltState) -> None:
    """Halt as a person does; when it returns the halt is acknowledged."""
    await Account(house.desk.pool).halt(Mode.PAPER, state, "ann", "drill", utc_now())


async def orders(house: House, trade: Any) -> list[StoredOrder]:
    return await Orders(house.desk.pool).of_workflow(trade.id)


@pytest.mark.parametrize("state", [HaltState.HALTED, HaltState.REDUCING])
async def test_a_halt_during_signing_keeps_the_order_from_the_books_and_the_venue(
    house: House, state: HaltState
) -> None:
    sign = house.desk.venue.sign

    async def then_halt(*given: Any) -> Any:
        signed = await sign(*given)
        await halt(house, state)
        return signed

    house.desk.venue.sign = then_halt  # type: ignore[assignment,method-assign]  # just here
    trade = await house.trade(house.touch(house.market()))
    with pytest.raises(WorkflowFailureError) as failure:
        await asyncio.wait_for(trade.result(), 60)
    assert state.value in str(failure.value.cause)
    assert await orders(house, trade) == [] and not house.sim.engine.exchange.memory.orders
    assert (await Account(house.desk.pool).get(Mode.PAPER)).reserved == 0


async def test_a_halt_between_two_posts_leaves_one_and_the_fill_of_the_first_is_found(
    house: House,
) -> None:
    """Posting, then unknown: the repeat is not sent, and asking for the fate goes on."""
    engine, post = house.sim.engine, house.desk.venue.post
    engine.faults.add(Fault(name="accepted_late", args={"delay_s": 1}), engine.now())
    posted: list[Landing] = []

    async def then_halt(*given: Any, **named: Any) -> Any:
        answer = await post(*given, **named)
        posted.append(answer.landing)
        await halt(house, HaltState.HALTED)
        return answer

    house.desk.venue.post = then_halt  # type: ignore[method-assign]  # just here
    shown = house.market()
    trade = await house.trade(house.touch(shown))
    await in_stage(trade, Stage.HOLDING)
    (order,) = await orders(house, trade)
    assert (posted, order.posts, order.status) == ([Landing.UNKNOWN], 1, OrderStatus.FILLED)
    assert len(engine.exchange.memory.orders) == 1
    await a_halted_trade_redeems(house, shown, trade)


async def a_halted_trade_redeems(house: House, shown: Any, trade: Any) -> None:
    """Money coming back needs no order: a full halt does not hold it up."""
    house.resolve(shown)
    result = await asyncio.wait_for(trade.result(), 60)
    assert result.ending is Stage.SETTLED and result.profit > 0
    assert (await Account(house.desk.pool).get(Mode.PAPER)).halt is HaltState.HALTED
    assert (await house.judge()).clean


async def test_a_full_halt_holds_an_exit_back_and_reducing_lets_it_pass(house: House) -> None:
    shown = house.market()
    trade = await house.trade(house.touch(shown))
    await in_stage(trade, Stage.HOLDING)
    await halt(house, HaltState.HALTED)
    await trade.execute_update(TradeWorkflow.exit_now, ExitNow(who="ann", why="news"))

    async def blocked() -> bool:
        rows = await Decisions(house.desk.pool).of_condition(shown.condition_id)
        return any("was halted" in row.decision.reason for row in rows)

    await eventually(blocked, within=30)
    assert [o.intent.leg for o in await orders(house, trade)] == [Leg.ENTRY]
    await halt(house, HaltState.REDUCING)
    result = await asyncio.wait_for(trade.result(), 60)
    assert result.ending is Stage.SETTLED
    assert [o.intent.leg for o in await orders(house, trade)] == [Leg.ENTRY, Leg.EXIT]
    judged = await house.judge()
    assert judged.profit_difference_usd == 0 and judged.duplicate_orders == 0


async def test_a_halt_between_the_sale_and_its_post_keeps_it_until_reducing(house: House) -> None:
    trade = await house.trade(house.touch(house.market()))
    await in_stage(trade, Stage.HOLDING)
    posting, first = house.desk.orders._orders.posting, [HaltState.HALTED]

    async def after_a_halt(*given: Any) -> Any:
        if first:
            await halt(house, first.pop())
        return await posting(*given)

    house.desk.orders._orders.posting = after_a_halt  # type: ignore[assignment,method-assign]  # just before
    await trade.execute_update(TradeWorkflow.exit_now, ExitNow(who="ann", why="news"))

    async def refused() -> bool:
        sales = [o for o in await orders(house, trade) if o.intent.leg is Leg.EXIT]
        return bool(sales) and sales[0].status is OrderStatus.EXPIRED

    await eventually(refused, within=30)
    assert all(o.posts == 0 for o in await orders(house, trade) if o.intent.leg is Leg.EXIT)
    await halt(house, HaltState.REDUCING)
    assert (await asyncio.wait_for(trade.result(), 60)).ending is Stage.SETTLED
