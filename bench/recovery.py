"""Recovery: trades are open, the worker is killed -9, another starts: when is each served again?

`python -m bench.recovery --trades 1000`. A real Temporal dev server and real workflows with a
scripted desk (activities that only remember), so that what is measured is Temporal and us. After
the kill every trade gets an update; its answer is the proof that it is served.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import subprocess
import sys
import time
import uuid
from datetime import timedelta
from pathlib import Path

from temporalio.client import Client, WorkflowHandle, WorkflowUpdateRPCTimeoutOrCancelledError
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.service import RPCError
from temporalio.worker import PollerBehaviorSimpleMaximum, Worker

from domain.money import price
from domain.rules import PaceRules
from tests.fakes.desk import Desk, a_trigger, plan
from tests.temporal import start_server
from worker.runner import unsandboxed
from workflows.messages import SetLevels, TradeStart
from workflows.reconcile import ReconcileWorkflow
from workflows.trade import TradeWorkflow

QUEUE = "recovery"
PATIENCE = timedelta(seconds=30)
AT_ONCE = 100  # starts and updates under way


def main() -> None:
    """Measure and print one JSON line; as `--worker ADDRESS` be the worker."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trades", type=int, default=100)
    parser.add_argument("--worker", default="", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        asyncio.run(serve(options.worker))
    else:
        print(json.dumps(asyncio.run(measure(options.trades))))


async def serve(address: str) -> None:
    """Run a worker with the options of production until killed."""
    client = await _connect(address)
    desk = Desk()
    desk.resolve = False  # everything stays open
    desk.plan = plan(pace=PaceRules())  # production's pace: nobody looks every 200 ms
    async with Worker(
        client,
        task_queue=QUEUE,
        workflows=[TradeWorkflow, ReconcileWorkflow],
        activities=desk.activities,
        workflow_runner=unsandboxed(),
        max_cached_workflows=5_000,
        max_concurrent_activities=200,
        workflow_task_poller_behavior=PollerBehaviorSimpleMaximum(10),
        nonsticky_to_sticky_poll_ratio=0.4,
        sticky_queue_schedule_to_start_timeout=timedelta(seconds=1),
    ):
        await asyncio.Event().wait()


async def measure(trades: int) -> dict[str, object]:
    """Open the trades, kill the worker, start another, and time the answers of all trades."""
    server = await start_server()
    worker = _worker(server.client.config()["service_client"].config.target_host)
    try:
        handles = await _open(server.client, trades)
        os.kill(worker.pid, signal.SIGKILL)
        worker.wait()
        killed = time.monotonic()
        worker = _worker(server.client.config()["service_client"].config.target_host)
        answered = sorted(await _ask_all(handles, killed))
    finally:
        worker.kill()
        worker.wait()
        await server.shutdown()
    return {
        "trades": trades,
        "served": len(answered),
        "seconds_from_kill": {
            "p50": round(answered[len(answered) // 2], 2),
            "p99": round(answered[min(len(answered) * 99 // 100, len(answered) - 1)], 2),
            "last": round(answered[-1], 2),
        },
        "load": os.getloadavg()[0],
    }


async def _open(client: Client, trades: int) -> list[WorkflowHandle[TradeWorkflow, object]]:
    gate = asyncio.Semaphore(AT_ONCE)

    async def one() -> WorkflowHandle[TradeWorkflow, object]:
        trigger = a_trigger(f"0x{uuid.uuid4().hex}")
        async with gate:
            handle = await client.start_workflow(
                TradeWorkflow.run,
                TradeStart(trigger=trigger),
                id=trigger.workflow_id,
                task_queue=QUEUE,
            )
        return handle

    handles = list(await asyncio.gather(*(one() for _ in range(trades))))
    while (await client.count_workflows("Stage = 'holding'")).count < trades:  # noqa: ASYNC110  # what is awaited gives no event
        await asyncio.sleep(0.5)  # a count changes by itself: nothing to wait upon
    return handles


async def _ask_all(
    handles: list[WorkflowHandle[TradeWorkflow, object]], killed: float
) -> list[float]:
    gate = asyncio.Semaphore(AT_ONCE)
    levels = SetLevels(who="bench", target=price("0.99"), stop=None)

    async def one(handle: WorkflowHandle[TradeWorkflow, object]) -> float:
        async with gate:
            while not await _answered(handle, levels):  # noqa: ASYNC110 - a server far away
                await asyncio.sleep(0.1)
        return time.monotonic() - killed

    return list(await asyncio.gather(*(one(handle) for handle in handles)))


async def _answered(handle: WorkflowHandle[TradeWorkflow, object], levels: SetLevels) -> bool:
    try:
        await handle.execute_update(TradeWorkflow.set_levels, levels, rpc_timeout=PATIENCE)
    except (RPCError, WorkflowUpdateRPCTimeoutOrCancelledError):
        return False
    return True


def _worker(address: str) -> subprocess.Popen[bytes]:
    root = Path(__file__).parents[1]
    environ = {**os.environ, "PYTHONPATH": str(root)}
    command = [sys.executable, "-m", "bench.recovery", "--worker", address]
    return subprocess.Popen(command, cwd=root, env=environ)


async def _connect(address: str) -> Client:
    return await Client.connect(address, data_converter=pydantic_data_converter)


if __name__ == "__main__":
    main()
