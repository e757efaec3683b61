"""A sim inside the test process, without a tape, and a funded client."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from sim.server import Sim, running
from tests.sim.client import OTHER_EOA, OTHER_KEY, QUIET, Client


@pytest_asyncio.fixture
async def sim() -> AsyncIterator[Sim]:
    """A venue without markets, settling in milliseconds."""
    async with running(QUIET) as running_sim:
        yield running_sim


@pytest_asyncio.fixture
async def trader(sim: Sim) -> AsyncIterator[Client]:
    """A wallet with 1000 dollars."""
    client = await Client(sim).login()
    sim.engine.fund(client.wallet, 1_000_000_000)
    yield client
    await client.close()


@pytest_asyncio.fixture
async def other(sim: Sim) -> AsyncIterator[Client]:
    """A second wallet with 1000 dollars."""
    client = await Client(sim, OTHER_KEY, OTHER_EOA).login()
    sim.engine.fund(client.wallet, 1_000_000_000)
    yield client
    await client.close()
