"""A person stops a trade while its order is being posted: nothing more leaves, nothing is lost."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from temporalio.client import WorkflowFailureError

from domain.market import Mode
from domain.orders import Landing, OrderStatus
from domain.trade import Stage
from store.account import Account
from store.orders import Orders
from tests.house import House
from tests.waiting import eventually
from tests.whole.conftest import Opener
from venue.records import Post


async def test_no_post_follows_a_stop_while_the_venue_takes_none(houses: Opener) -> None:
    """The venue restarts and would take the order long before its time is over."""
    async with houses("entry.post_within=20s") as house:
        real, posts = house.desk.venue.post, [0]
        open_for_business = asyncio.Event()

        async def restarting(*given: Any, **named: Any) -> Any:
            posts[0] += 1
            if open_for_business.is_set():
                return await real(*given, **named)
            soon = timedelta(milliseconds=100)
            no = Landing.NOT_READY
            return Post(landing=no, attempt=no, text="restarting", retry_after=soon)

        house.desk.venue.post = restarting  # type: ignore[method-assign]  # just here
        trade = await house.trade(house.touch(house.market()))
        await eventually(lambda: posts[0] >= 2, within=30)
        await trade.cancel()
        with pytest.raises(WorkflowFailureError):  # Canceled: nothing was bought
            await asyncio.wait_for(trade.result(), 15)
        open_for_business.set()
        (order,) = await Orders(house.desk.pool).of_workflow(trade.id)
        assert (order.status, order.evidence) == (OrderStatus.EXPIRED, "the venue took no post")
        assert order.posts == posts[0] and not house.sim.engine.exchange.memory.orders
        assert (await Account(house.desk.pool).get(Mode.PAPER)).reserved == 0


async def test_a_post_under_way_when_a_person_stops_is_read_back_and_its_shares_stay(
    house: House,
) -> None:
    """The attempt is cancelled and goes on all the same: the venue took it before."""
    post, arrived, answered = house.desk.venue.post, asyncio.Event(), asyncio.Event()

    async def slowly(*given: Any, **named: Any) -> Any:
        answer = await post(*given, **named)
        arrived.set()
        await answered.wait()
        return answer

    cancel, asked = house.desk.venue.cancel, asyncio.Event()

    async def noted(order_id: str) -> Any:
        asked.set()
        return await cancel(order_id)

    house.desk.venue.post = slowly  # type: ignore[method-assign]  # just here
    house.desk.venue.cancel = noted  # type: ignore[method-assign]  # just here
    trade = await house.trade(house.touch(house.market()))
    await asyncio.wait_for(arrived.wait(), 30)
    await trade.cancel()
    await asyncio.wait_for(asked.wait(), 10)  # the answer was not waited for
    (order,) = await Orders(house.desk.pool).of_workflow(trade.id)
    assert (order.closed_at, order.posts, order.answers) == (None, 1, 0)
    answered.set()
    result = await asyncio.wait_for(trade.result(), 60)
    assert result.ending is Stage.ABANDONED and result.shares > 20
    assert (await house.judge()).clean
