"""workflows/discover.py with its activity, on real Temporal and PostgreSQL."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import asyncpg
import pytest_asyncio
from temporalio.client import Client
from temporalio.worker import Worker

from activities.catalogue import CatalogueActivities
from store.markets import Markets
from store.touches import Tape
from tests.ingest.fakes import FakeVenue
from tests.ingest.samples import many
from venue.discovery import Discovery
from worker.runner import sandboxed
from workflows.discover import DiscoverStart, DiscoverWorkflow


@pytest_asyncio.fixture
async def venue(
    pool: asyncpg.Pool[Any], temporal_client: Client, queue: str
) -> AsyncIterator[FakeVenue]:
    """Return a venue that a worker on `queue` reads into the store."""
    venue = FakeVenue(many(7))
    catalogue = CatalogueActivities(Discovery(Markets(pool), Tape(pool), venue))
    async with Worker(
        temporal_client,
        task_queue=queue,
        workflows=[DiscoverWorkflow],
        activities=[catalogue.discover],
        workflow_runner=sandboxed(),
    ):
        yield venue


@pytest_asyncio.fixture
async def queue() -> str:
    """Return a task queue of its own."""
    return f"discover-{uuid.uuid4().hex[:8]}"


async def test_a_pass_fills_the_store_and_a_second_one_too_soon_is_needless(
    pool: asyncpg.Pool[Any], temporal_client: Client, queue: str, venue: FakeVenue
) -> None:
    async def run(every: timedelta) -> Any:
        return await temporal_client.execute_workflow(
            DiscoverWorkflow.run, DiscoverStart(every=every), id=uuid.uuid4().hex, task_queue=queue
        )

    first = await run(timedelta(hours=1))
    assert (first.done, first.markets, first.counts["changed"]) == (True, 7, 7)
    assert len(await Markets(pool).active()) == 7
    assert not (await run(timedelta(hours=1))).done
    third = await run(timedelta(0))
    assert third.done and third.counts["changed"] == 0 and venue.passes == 2
