"""One sim for the tests of the port: sixty markets that live for five minutes."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.venue.simulated import Sim, connected, running_sim
from venue.polymarket import Venue


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def sim() -> AsyncIterator[Sim]:
    flags = "--source synthetic --synthetic-markets 60 --synthetic-overlap 60"
    pace = "--synthetic-minutes 150 --speed 30 --synthetic-hz 0.01"
    async with running_sim(*flags.split(), *pace.split()) as found:
        yield found


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def venue(sim: Sim) -> AsyncIterator[Venue]:
    """A venue for the sim's funded Safe."""
    async with connected(sim) as found:
        yield found
