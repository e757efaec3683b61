"""What an operator does with the `temporal` program is safe in every case (docs/operating.md)."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from temporalio.client import WorkflowExecutionStatus
from temporalio.testing import WorkflowEnvironment

from domain.trade import Stage
from tests.house import House
from tests.waiting import eventually
from tests.whole.test_paths import in_stage
from workflows.messages import TradeResult

PROGRAM = Path(sys.executable).parent / "temporal"


async def temporal_cli(environment: WorkflowEnvironment, *words: str) -> str:
    """Run the program against the server of the tests and return what it printed."""
    address = environment.client.service_client.config.target_host
    process = await asyncio.create_subprocess_exec(
        PROGRAM,
        "--address",
        address,
        *words,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    said, failed = await process.communicate()
    assert process.returncode == 0, failed.decode()
    return said.decode()


async def held(house: House) -> Any:
    shown = house.market()
    trade = await house.trade(house.touch(shown))
    await in_stage(trade, Stage.HOLDING)
    return shown, trade


async def end(house: House, workflow_id: str, run_id: str | None = None) -> TradeResult:
    handle = house.client.get_workflow_handle(workflow_id, run_id=run_id, result_type=TradeResult)
    result: TradeResult = await asyncio.wait_for(handle.result(), 60)
    return result


async def test_show_describe_and_query_tell_the_story(
    house: House, temporal: WorkflowEnvironment
) -> None:
    shown, trade = await held(house)
    said = await temporal_cli(temporal, "workflow", "show", "-w", trade.id)
    assert "ActivityTaskScheduled" in said
    answer = await temporal_cli(
        temporal, "workflow", "query", "-w", trade.id, "--type", "status", "-o", "json"
    )
    assert json.loads(answer)["queryResult"][0]["stage"] == "holding"
    house.resolve(shown)
    assert (await end(house, trade.id)).ending is Stage.SETTLED


async def test_a_signal_by_hand_is_a_hint_and_changes_nothing(
    house: House, temporal: WorkflowEnvironment
) -> None:
    shown, trade = await held(house)
    event = json.dumps({"order_id": "0xnobody", "kind": "confirmed"})
    await temporal_cli(
        temporal, "workflow", "signal", "-w", trade.id, "--name", "venue_event", "-i", event
    )
    house.resolve(shown)
    assert (await end(house, trade.id)).ending is Stage.SETTLED
    assert (await house.judge()).clean


async def test_cancel_abandons_the_trade_and_keeps_its_shares(
    house: House, temporal: WorkflowEnvironment
) -> None:
    _, trade = await held(house)
    await temporal_cli(temporal, "workflow", "cancel", "-w", trade.id)
    result = await end(house, trade.id)
    assert result.ending is Stage.ABANDONED and result.shares > 0
    assert (await house.judge()).duplicate_orders == 0


async def test_a_terminated_trade_is_found_by_the_next_reconciliation(
    house: House, temporal: WorkflowEnvironment
) -> None:
    shown, trade = await held(house)
    await temporal_cli(temporal, "workflow", "terminate", "-w", trade.id, "--reason", "drill")

    async def adopted() -> bool:
        await house.reconcile()
        found = await house.client.get_workflow_handle(trade.id).describe()
        return found.status is WorkflowExecutionStatus.RUNNING

    await eventually(adopted, within=90, every=1)
    house.resolve(shown)
    assert (await end(house, trade.id)).ending is Stage.SETTLED
    assert (await house.judge()).clean


async def test_a_reset_to_the_first_task_finds_its_own_order_and_buys_nothing_twice(
    house: House, temporal: WorkflowEnvironment
) -> None:
    shown, trade = await held(house)
    await temporal_cli(
        temporal,
        "workflow",
        "reset",
        "-w",
        trade.id,
        "-t",
        "FirstWorkflowTask",
        "--reason",
        "drill",
    )
    again = house.client.get_workflow_handle(trade.id)
    await in_stage(again, Stage.HOLDING)
    house.resolve(shown)
    assert (await end(house, trade.id)).ending is Stage.SETTLED
    judged = await house.judge()
    assert judged.clean, judged
    assert len(house.sim.engine.exchange.memory.orders) == 1
