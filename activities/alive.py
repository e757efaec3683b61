"""Alive: heartbeats while an activity works, so that the death of its worker shows in seconds."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from temporalio import activity

EVERY = 4.0  # seconds; `options.SILENCE` gives up after several of them are missing


@asynccontextmanager
async def alive() -> AsyncIterator[None]:
    """Heartbeat until the block ends; what is short never does."""

    async def beat() -> None:
        while True:
            await asyncio.sleep(EVERY)
            activity.heartbeat()

    beating = asyncio.create_task(beat())
    try:
        yield
    finally:
        beating.cancel()
