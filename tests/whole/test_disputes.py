"""Fault matrix R2: a result that is disputed ends nothing, and moves no order."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from domain.money import usd
from domain.trade import Stage
from sim.acts import perform
from sim.faults import Fault
from store.orders import Orders
from tests.house import House
from tests.waiting import eventually
from tests.whole.conftest import Opener
from tests.whole.test_paths import in_stage


@pytest.mark.parametrize("acts", [["dispute"], ["propose", "dispute"]])
async def test_a_dispute_settles_nothing_and_sells_nothing_at_the_pinned_price(
    houses: Opener, acts: list[str]
) -> None:
    """The price is pinned at 0.999 as if it were over; then the market resolves against us."""
    async with houses("exits.min_hold=0s", "exits.target=none", "exits.stop=none") as house:
        shown = house.market(rate="0.07")
        trade = await house.trade(house.touch(shown))
        await in_stage(trade, Stage.HOLDING)
        engine = house.sim.engine
        for name in acts:
            match = {"condition_id": shown.condition_id}
            perform(engine, Fault(name=name, match=match), engine.now())
        house.show(shown, {"0.998": "500"}, {"0.999": "500"})
        await looked(house, shown, times=5)
        told = await house.desk.venue.resolution(shown.condition_id)
        assert told is not None and (told.disputed, told.payouts) == (True, {})
        assert (await trade.describe()).close_time is None
        assert len(await Orders(house.desk.pool).of_workflow(trade.id)) == 1
        house.resolve(shown, winner=1)
        result = await asyncio.wait_for(trade.result(), 60)
        assert (result.ending, result.proceeds) == (Stage.SETTLED, usd(0))
        assert result.profit == usd(-(result.cost + result.fees))
        assert (await house.judge()).clean


async def looked(house: House, shown: Any, times: int) -> None:
    """Wait until the trade has asked so many times more whether its market is over."""
    asked, seen = house.desk.venue.resolution, []

    async def counted(condition_id: str) -> Any:
        seen.append(condition_id)
        return await asked(condition_id)

    house.desk.holding._venue.resolution = counted  # type: ignore[method-assign]  # only counts
    await eventually(lambda: seen.count(shown.condition_id) >= times, within=30)
