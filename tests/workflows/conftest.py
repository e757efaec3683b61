"""A worker with the story and a scripted desk, on the real Temporal dev server."""

from __future__ import annotations

import json
import os
import socket
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

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
        self.started: list[WorkflowHandle[TradeWorkflow, TradeResult]] = []

    async def start(
        self, start: TradeStart | None = None, workflow_id: str = ""
    ) -> WorkflowHandle[TradeWorkflow, TradeResult]:
        """Start a trade as ingest does."""
        trigger = a_trigger(f"0x{uuid.uuid4().hex}")
        start = start or TradeStart(trigger=trigger)
        handle = await self.client.start_workflow(
            TradeWorkflow.run,
            start,
            id=workflow_id or start.trigger.workflow_id,
            task_queue=self.queue,
            id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY,
            id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
        )
        self.started.append(handle)
        return handle


@pytest.fixture
def desk() -> Desk:
    """Return a desk that fills everything and wins."""
    return Desk()


@pytest_asyncio.fixture
async def floor(
    temporal_client: Client, desk: Desk, request: pytest.FixtureRequest
) -> AsyncIterator[Floor]:
    """Return the floor with a running, sandboxed worker: the sandbox proves determinism."""
    queue = f"story-{uuid.uuid4().hex}"
    async with Worker(
        temporal_client,
        task_queue=queue,
        workflows=[TradeWorkflow],
        activities=desk.activities,
        workflow_runner=sandboxed(),
    ):
        opened = Floor(temporal_client, desk, queue)
        yield opened
    if folder := os.environ.get("TOUCHLINE_RECORD_HISTORIES"):
        await record(opened, Path(folder), request.node.name.removeprefix("test_"))


async def record(floor: Floor, folder: Path, name: str) -> None:
    """Store the histories of a test, without the name of the machine, for the replay test."""
    for number, handle in enumerate(floor.started):
        text = (await handle.fetch_history()).to_json()
        told = anonymous(json.loads(text.replace(socket.gethostname(), "host")))
        path = folder / f"{name[:90]}{number or ''}.json"
        path.write_text(json.dumps(told, separators=(",", ":")) + "\n")


def anonymous(value: Any) -> Any:
    """Return the JSON value without stack traces, which name the paths of a machine."""
    if isinstance(value, dict):
        return {k: "" if k == "stackTrace" else anonymous(v) for k, v in value.items()}
    if isinstance(value, list):
        return [anonymous(item) for item in value]
    return value
