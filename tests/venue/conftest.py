"""One sim for the tests of the port: its markets live for three minutes."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.venue.simulated import TAPE, Sim, connected, running_sim
from venue.polymarket import Venue


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def sim() -> AsyncIterator[Sim]:
    async with running_sim("--source", "tape", "--tape", str(TAPE), "--speed", "10") as found:
        yield found


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def venue(sim: Sim) -> AsyncIterator[Venue]:
    """A venue for the sim's funded Safe."""
    async with connected(sim) as found:
        yield found
