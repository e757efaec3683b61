"""Fault matrix G2: a match that retries on chain is neither sold nor bought a second time."""

from __future__ import annotations

import asyncio
from datetime import datetime

from domain.orders import FillStatus, Intent, Leg, Side, SignedOrder
from domain.trade import Stage
from sim.faults import Fault
from store.fills import Fills
from store.orders import Orders
from tests.house import House
from tests.whole.test_paths import in_stage
from workflows.messages import ExitNow
from workflows.trade import TradeWorkflow


async def test_nothing_is_sold_before_the_match_that_retries_is_confirmed(house: House) -> None:
    engine = house.sim.engine
    engine.faults.add(Fault(name="settle_retry", args={"delay_s": 3}), engine.now())
    sign, seen = house.desk.venue.sign, []

    async def looking(intent: Intent, salt: int, at: datetime) -> SignedOrder:
        if intent.side is Side.SELL:
            bought = await Fills(house.desk.pool).of_workflow(intent.workflow_id)
            seen.append([fill.status for fill in bought])
        return await sign(intent, salt, at)

    house.desk.venue.sign = looking  # type: ignore[method-assign]  # only looks
    trade = await house.trade(house.touch(house.market()))
    await in_stage(trade, Stage.HOLDING)
    (fill,) = await Fills(house.desk.pool).of_workflow(trade.id)
    assert fill.status is not FillStatus.CONFIRMED
    await trade.execute_update(TradeWorkflow.exit_now, ExitNow(who="ann", why="news"))
    assert (await asyncio.wait_for(trade.result(), 60)).ending is Stage.SETTLED
    assert seen == [[FillStatus.CONFIRMED]]
    legs = [o.intent.leg for o in await Orders(house.desk.pool).of_workflow(trade.id)]
    assert legs == [Leg.ENTRY, Leg.EXIT]
    judged = await house.judge()
    assert judged.clean and judged.profit_difference_usd == 0, judged
