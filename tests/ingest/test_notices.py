"""ingest/notices.py on a real PostgreSQL."""

from __future__ import annotations

import asyncio
from typing import Any

import asyncpg
import pytest

from ingest.notices import listen
from tests.venue.loopback import running
from tests.waiting import eventually


async def test_notices_are_heard_and_a_lost_connection_reloads_everything(
    pool: asyncpg.Pool[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """D1: notices of the gap are lost, so every channel is told anew."""
    monkeypatch.setattr("ingest.notices.AGAIN", 0.05)
    heard: list[str] = []
    async with running(asyncio.create_task(listen(pool, ["levels", "markets"], heard.append))):
        await eventually(lambda: heard == ["levels", "markets"])
        await pool.execute("NOTIFY levels, 'token'")
        await eventually(lambda: heard[2:] == ["levels"])
        await pool.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE pid <> pg_backend_pid() AND datname = current_database()"
        )
        await eventually(lambda: heard[3:] == ["levels", "markets"])
