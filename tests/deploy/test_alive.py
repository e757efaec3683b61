"""ops/deploy/alive.py and fund.py: the health check of a container, and play money once."""

from __future__ import annotations

import asyncio
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import httpx
import pytest

from ops.deploy import alive, fund
from ops.deploy.alive import answers, beats
from store.pulse import Heartbeats
from tests.sim.client import KEY
from tests.venue.simulated import running_sim
from venue.sdk import address_of


async def test_a_process_that_beats_on_this_host_is_alive(
    dsn: str, pool: asyncpg.Pool[Any]
) -> None:
    assert not await beats("worker", dsn, "host-a")
    hearts, now = Heartbeats(pool), datetime.now(UTC)
    await hearts.beat("worker", "host-a 7", now)
    await hearts.beat("ingest", "0/1 host-b 9", now - timedelta(minutes=5))
    assert await beats("worker", dsn, "host-a")
    assert not await beats("worker", dsn, "host-b")
    assert not await beats("ingest", dsn, "host-b")  # too long ago


def test_nobody_there_is_not_alive(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not answers("http://127.0.0.1:9/alive")
    for what in ("http://127.0.0.1:9/alive", "worker"):
        monkeypatch.setattr(sys, "argv", ["alive", what])
        monkeypatch.setenv("DATABASE_URL", "postgresql://u:p@127.0.0.1:9/x")
        assert alive.main() == 1


async def test_the_wallet_gets_its_play_money_once() -> None:
    async with running_sim("--source", "none") as sim:
        signer = address_of(KEY)
        said = await asyncio.to_thread(fund.fund, sim.control, sim.token, signer, "1000")
        assert said.startswith("1000 dollars of play money")
        again = await asyncio.to_thread(fund.fund, sim.control, sim.token, signer, "1000")
        assert "has had its play money" in again
        with pytest.raises(httpx.HTTPStatusError):
            await asyncio.to_thread(fund.fund, sim.control, "wrong", signer, "1000")
