"""A trade held for ninety days, with time skipped: its history stays short (design 15)."""

from __future__ import annotations

import sys
from datetime import timedelta
from pathlib import Path

from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from activities.messages import HoldView, News
from domain.rules import PaceRules
from domain.trade import Stage
from tests.fakes.desk import WON, Desk, a_trigger, plan
from tests.temporal import search_attribute_keys
from worker.runner import sandboxed
from workflows.messages import TradeStart
from workflows.trade import TradeWorkflow

DAYS = 90
LOOK = timedelta(hours=6)


class Patient(Desk):
    """Says "nothing yet" until ninety days have passed."""

    def __init__(self) -> None:
        super().__init__()
        self.plan = plan(pace=PaceRules(hold_poll=LOOK))
        self.looks = 0

    def _view(self) -> HoldView:
        self.looks += 1
        seen = {"shares": self.held, "confirmed": self.held, "cost": self.cost}
        if self.looks < DAYS * timedelta(days=1) / LOOK:
            return HoldView(news=News.NOTHING, **seen)
        return HoldView(news=News.RESOLVED, reason="won", resolution=WON, **seen)


async def test_ninety_days_of_holding_stay_under_five_hundred_events() -> None:
    desk = Patient()
    server = Path(sys.executable).parent / "temporal-test-server"
    async with await WorkflowEnvironment.start_time_skipping(
        test_server_existing_path=str(server), data_converter=pydantic_data_converter
    ) as environment:
        await _register(environment)
        async with Worker(
            environment.client,
            task_queue="patience",
            workflows=[TradeWorkflow],
            activities=desk.activities,
            workflow_runner=sandboxed(),
        ):
            began = await environment.get_current_time()
            handle = await environment.client.start_workflow(
                TradeWorkflow.run,
                TradeStart(trigger=a_trigger("0xlong")),
                id="0xlong:0.95",
                task_queue="patience",
            )
            result = await handle.result()
            held = await environment.get_current_time() - began
            events = len((await handle.fetch_history()).events)
    assert result.ending is Stage.SETTLED
    assert held >= timedelta(days=DAYS - 8)
    assert events < 500, f"expected fewer than 500 events, was {events} after {held}"
    assert desk.levels, "conditional exits begin after seven days: their levels are stored"


async def _register(environment: WorkflowEnvironment) -> None:
    """Tell the server our search attributes, which the dev server learns at its start."""
    from temporalio.api.enums.v1 import IndexedValueType
    from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest

    kinds = {
        key.name: IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD
        if key.indexed_value_type.name == "KEYWORD"
        else IndexedValueType.INDEXED_VALUE_TYPE_DOUBLE
        for key in search_attribute_keys()
    }
    await environment.client.operator_service.add_search_attributes(
        AddSearchAttributesRequest(search_attributes=kinds, namespace="default")
    )
