"""A worker with the story and a scripted desk, on the real Temporal dev server."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from temporalio.client import Client, WorkflowHandle
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.worker import Worker

from tests.fakes.desk import Desk, a_trigger
from worker.runner import sandboxed
from workflows.messages import TradeResult, TradeStart
from workflows.trade import TradeWorkflow


class Floor:
    """Where trades are started: one task queue, one desk."""

    def __init__(self, client: Client, desk: Desk, queue: str) -> None:
        self.client, self.desk, self.queue = client, desk, queue

    async def start(
        self, start: TradeStart | None = None, workflow_id: str = ""
    ) -> WorkflowHandle[TradeWorkflow, TradeResult]:
        """Start a trade as ingest does."""
        trigger = a_trigger(f"0x{uuid.uuid4().hex}")
        start = start or TradeStart(trigger=trigger)
        return await self.client.start_workflow(
            TradeWorkflow.run,
            start,
            id=workflow_id or start.trigger.workflow_id,
            task_queue=self.queue,
            id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY,
            id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
        )


@pytest.fixture
def desk() -> Desk:
    """Return a desk that fills everything and wins."""
    return Desk()


@pytest_asyncio.fixture
async def floor(temporal_client: Client, desk: Desk) -> AsyncIterator[Floor]:
    """Return the floor with a running, sandboxed worker: the sandbox proves determinism."""
    queue = f"story-{uuid.uuid4().hex}"
    async with Worker(
        temporal_client,
        task_queue=queue,
        workflows=[TradeWorkflow],
        activities=desk.activities,
        workflow_runner=sandboxed(),
    ):
        yield Floor(temporal_client, desk, queue)
