"""Notices: what other processes changed in the store, by LISTEN, with a reload after each gap."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import asyncpg
import structlog

from ingest.outage import STORE_AWAY

log = structlog.get_logger()

AGAIN = 1.0  # seconds before a lost connection is replaced


async def listen(
    pool: asyncpg.Pool[Any], channels: Sequence[str], on_notice: Callable[[str], None]
) -> None:
    """Call `on_notice` with the channel of every notice, until cancelled.

    Every (re)connection calls it once for each channel: notices of the gap are lost.
    """
    while True:
        try:
            async with pool.acquire() as connection:
                await _listen(connection, channels, on_notice)
        except STORE_AWAY as error:
            log.warning("notices_lost", error=repr(error)[:200])
        await asyncio.sleep(AGAIN)


async def _listen(
    connection: Any, channels: Sequence[str], on_notice: Callable[[str], None]
) -> None:
    """Listen on one connection until it is lost."""
    lost = asyncio.Event()

    def heard(_connection: object, _pid: int, channel: str, _payload: str) -> None:
        on_notice(channel)

    def ended(_connection: object) -> None:
        lost.set()

    connection.add_termination_listener(ended)
    for channel in channels:
        await connection.add_listener(channel, heard)
        on_notice(channel)
    try:
        await lost.wait()
    finally:
        connection.remove_termination_listener(ended)
        if not connection.is_closed():
            for channel in channels:
                await connection.remove_listener(channel, heard)
