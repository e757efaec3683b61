"""Fixtures of ingest: a worker with the stub trade on a queue of its own."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator

import pytest_asyncio
from temporalio.client import Client
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from tests.ingest.stub_trade import StubTrade


@pytest_asyncio.fixture
async def trade_queue(temporal_client: Client) -> AsyncIterator[str]:
    """Return the task queue on which stub trades run."""
    queue = f"trades-{uuid.uuid4().hex[:8]}"
    async with Worker(
        temporal_client,
        task_queue=queue,
        workflows=[StubTrade],
        workflow_runner=UnsandboxedWorkflowRunner(),
    ):
        yield queue
