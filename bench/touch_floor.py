"""The floor of bench.touch_to_post: an empty workflow with one empty local activity.

`python -m bench.touch_floor` serves it as the worker serves trades, in a process of its own:
same client, loop, runner, garbage collector and worker options.
"""

from __future__ import annotations

import asyncio
import gc
import time
from datetime import timedelta

import uvloop
from temporalio import activity, workflow
from temporalio.worker import Worker

from settings.load import load_settings
from settings.temporal_client import connect_temporal
from worker.main import tuning

QUEUE = "floor"


@activity.defn
async def now_ns() -> int:
    """Return the time in nanoseconds since 1970."""
    return time.time_ns()


@workflow.defn
class Floor:
    """The least a workflow can do before its first line of real work."""

    @workflow.run
    async def run(self) -> int:
        """Return when the local activity began."""
        return await workflow.execute_local_activity(
            now_ns, start_to_close_timeout=timedelta(seconds=10)
        )


async def serve() -> None:
    """Serve until killed."""
    temporal = load_settings().temporal
    client = await connect_temporal(temporal)
    worker = Worker(
        client, task_queue=QUEUE, workflows=[Floor], activities=[now_ns], **tuning(temporal)
    )
    async with worker:
        print("ready", flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    gc.freeze()
    uvloop.run(serve())
