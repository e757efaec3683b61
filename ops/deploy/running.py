"""What must be seen once workers run: pollers, schedules, and whose version gets the tasks."""

from __future__ import annotations

from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from ops.deploy.finding import Finding
from ops.deploy.versions import Versions
from ops.health.workers import KINDS
from settings.version import build_id

DUTIES = ("reconcile", "health")  # a schedule each, with the mode after a dash
FOR_ALL = ("discover",)  # one catalogue serves every mode


async def pollers(client: Client, queue: str) -> Finding:
    """Return how many workers ask for tasks."""
    counts = {}
    for name, kind in KINDS.items():
        answer = await client.workflow_service.describe_task_queue(
            DescribeTaskQueueRequest(
                namespace=client.namespace, task_queue=TaskQueue(name=queue), task_queue_type=kind
            )
        )
        counts[name] = len({poller.identity for poller in answer.pollers})
    text = ", ".join(f"{count} for {name}" for name, count in counts.items())
    fix = "" if min(counts.values()) else "Start a worker: python -m worker"
    return Finding(name="pollers", ok=not fix, found=f"queue {queue}: {text}", fix=fix)


async def schedules(client: Client, mode: str, apply: bool) -> Finding:
    """Return whether every schedule is there and runs; `apply` sets paused ones going."""
    faults, woken = [], []
    for name in (*(f"{duty}-{mode}" for duty in DUTIES), *FOR_ALL):
        handle = client.get_schedule_handle(name)
        try:
            paused = (await handle.describe()).schedule.state.paused
        except RPCError as e:
            if e.status is not RPCStatusCode.NOT_FOUND:
                raise
            faults.append(f"{name} is missing")
            continue
        if paused and apply:
            await handle.unpause(note="touchline deploy check --apply")
            woken.append(name)
        elif paused:
            faults.append(f"{name} is paused")
    fix = "A worker makes them at its start; --apply sets paused ones going." if faults else ""
    found = "; ".join(faults) or (f"set going: {', '.join(woken)}" if woken else "all run")
    return Finding(name="schedules", ok=not faults, found=found, fix=fix, applied=bool(woken))


async def versions(client: Client) -> Finding:
    """Return whether the tasks go to workers of this code."""
    current = await Versions(client).current()
    fix = (
        ""
        if current == build_id()
        else "Start workers of this code, then: touchline deploy promote"
    )
    found = f"current {current or 'none'}, this code {build_id()}"
    return Finding(name="versions", ok=not fix, found=found, fix=fix)
