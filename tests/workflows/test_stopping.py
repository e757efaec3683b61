"""workflows/exiting.py and work_order.py: a person's stop reaches an order that is on its way."""

from __future__ import annotations

import asyncio

import pytest
from temporalio.client import WorkflowFailureError
from temporalio.exceptions import CancelledError

from activities.messages import OrderTruth
from domain.money import shares
from domain.orders import OrderStatus
from domain.trade import Stage
from tests.fakes.desk import Desk, killed
from tests.waiting import eventually
from tests.workflows.conftest import Floor
from tests.workflows.test_trade import in_stage
from workflows.messages import Abandon, ExitNow
from workflows.trade import TradeWorkflow

BY_ANN = Abandon(who="ann")


async def test_shares_that_a_person_keeps_are_not_sold_by_an_exit_that_was_being_prepared(
    floor: Floor, desk: Desk
) -> None:
    desk.resolve = False
    trade = await floor.start()
    await in_stage(trade, Stage.HOLDING)
    desk.preparing.clear()  # the venue does not answer
    await trade.execute_update(TradeWorkflow.exit_now, ExitNow(who="ann"))
    await eventually(lambda: "prepare_exit:1" in desk.calls, within=30)
    await trade.execute_update(TradeWorkflow.abandon, BY_ANN)
    desk.preparing.set()
    result = await trade.result()
    assert (result.ending, result.shares) == (Stage.ABANDONED, shares(10))
    assert desk.posted == ["0xentry1"]


async def test_an_entry_that_the_venue_does_not_take_yet_is_given_up_when_a_person_cancels(
    floor: Floor, desk: Desk
) -> None:
    desk.not_ready = True
    desk.truths["0xentry1"] = [
        OrderTruth(order_id="0xentry1", status=OrderStatus.PREPARED, evidence="not posted yet")
    ]
    desk.after_cancel["0xentry1"] = killed("0xentry1")
    trade = await floor.start()
    await eventually(lambda: desk.refusals > 1, within=30)
    await trade.cancel()
    with pytest.raises(WorkflowFailureError) as failure:
        await asyncio.wait_for(trade.result(), 20)
    assert isinstance(failure.value.cause, CancelledError)
    given_up = desk.refusals
    assert desk.posted == [] and desk.cancelled == ["0xentry1"]
    events = [e async for e in trade.fetch_history_events()]
    assert any(e.HasField("activity_task_canceled_event_attributes") for e in events)
    assert desk.refusals == given_up  # the server begins no further attempt
