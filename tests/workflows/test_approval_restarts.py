"""Fault matrix O3: a question outlives the worker that asked it; its answer has one effect."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from temporalio.client import Client, WorkflowFailureError
from temporalio.worker import Worker

from domain.trade import Stage
from tests.fakes.desk import Desk
from tests.workflows.conftest import Floor
from tests.workflows.test_trade import asking, in_stage
from worker.runner import sandboxed
from workflows.messages import Approve, Reject
from workflows.trade import TradeWorkflow


class Shift:
    """Workers come and go on one queue; the desk's memory stands for store and venue."""

    def __init__(self, client: Client) -> None:
        self.client, self.desk = client, Desk()
        self.queue = f"shift-{uuid.uuid4().hex}"
        self.floor = Floor(client, self.desk, self.queue)

    @asynccontextmanager
    async def worker(self) -> AsyncIterator[None]:
        """Run one worker without a cache of workflows: each task replays from the history."""
        async with Worker(
            self.client,
            task_queue=self.queue,
            workflows=[TradeWorkflow],
            activities=self.desk.activities,
            workflow_runner=sandboxed(),
            max_cached_workflows=0,
        ):
            yield


@pytest.fixture
def shift(temporal_client: Client) -> Shift:
    return Shift(temporal_client)


async def asked(shift: Shift, seconds: float) -> Any:
    """Return a trade that asked, and whose worker is gone since."""
    shift.desk.opened = [asking(seconds)]
    async with shift.worker():
        trade = await shift.floor.start()
        await in_stage(trade, Stage.AWAITING_APPROVAL)
    return trade


async def test_a_yes_after_a_restart_buys_once_however_often_it_is_said(shift: Shift) -> None:
    trade = await asked(shift, 60)
    async with shift.worker():
        first = await trade.execute_update(TradeWorkflow.approve, Approve(who="ann"), id="yes")
        again = await trade.execute_update(TradeWorkflow.approve, Approve(who="ann"), id="yes")
        assert first == again  # one update, delivered twice
        said = (trade.execute_update(TradeWorkflow.approve, Approve(who=w)) for w in "bcd")
        await asyncio.gather(*said, return_exceptions=True)  # refused, unless still in time
        assert (await trade.result()).ending is Stage.SETTLED
    assert shift.desk.posted == ["0xentry1"]
    assert shift.desk.calls.count("answer:approved") == 1
    assert len(shift.desk.asked) == 1


async def test_the_deadline_holds_although_nobody_worked_when_it_passed(shift: Shift) -> None:
    trade = await asked(shift, 1.0)
    async with shift.worker():
        with pytest.raises(WorkflowFailureError) as failure:
            await trade.result()
        assert "nobody answered" in str(failure.value.cause)
        with pytest.raises(Exception, match="already completed"):
            await trade.execute_update(TradeWorkflow.approve, Approve(who="ann"))
    assert shift.desk.posted == [] and shift.desk.calls[-1] == "answer:expired"


async def test_a_no_after_a_restart_is_for_good(shift: Shift) -> None:
    trade = await asked(shift, 60)
    async with shift.worker():
        await trade.execute_update(TradeWorkflow.reject, Reject(who="ann"))
        assert (await trade.result()).ending is Stage.DECLINED
    assert shift.desk.posted == []
