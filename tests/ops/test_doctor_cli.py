"""touchline doctor: the start gate as a command, for people and for scripts."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from ops.cli.main import main
from tests.venue.scripted import KEY
from tests.venue.simulated import Sim, running_sim


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Give the command a state directory of its own and no settings of this machine."""
    for name in list(os.environ):
        if name.startswith("TOUCHLINE_") or name in ("DATABASE_URL", "TEMPORAL_ADDRESS"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("TOUCHLINE_STATE", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)


@pytest_asyncio.fixture(loop_scope="session")
async def sim(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Sim]:
    async with running_sim("--source", "none") as found:
        await found.fund()
        for name in ("clob", "gamma", "data", "relayer", "site", "rpc", "market_ws", "user_ws"):
            monkeypatch.setenv(f"TOUCHLINE_VENUE__{name.upper()}_URL", getattr(found.hosts, name))
        monkeypatch.setenv("TOUCHLINE_WALLET__PRIVATE_KEY", KEY)
        monkeypatch.setenv("TOUCHLINE_VENUE__RELAYER_API_KEY", "play")
        yield found


async def run(*arguments: str) -> int:
    return await asyncio.to_thread(main, list(arguments))


async def test_a_well_account_on_the_sim_passes_the_gate(
    sim: Sim, dsn: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DATABASE_URL", dsn)
    code = await run("doctor", "--json")
    said = json.loads(capsys.readouterr().out)
    unwell = {f["name"]: f["found"] for f in said["findings"] if not f["ok"]}
    assert (code, said["passed"], unwell) == (0, True, {})
    assert said["venue"] == sim.hosts.clob
    assert await run("doctor") == 0
    assert "play money may trade" in capsys.readouterr().out


async def test_without_a_store_the_gate_stays_shut_and_says_how_to_open_it(
    sim: Sim, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    assert await run("doctor") == 1
    said = capsys.readouterr().out
    assert "FAILED" in said
    assert "touchline up" in said
    assert KEY[2:] not in said


async def test_without_a_key_there_is_nothing_to_examine(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert await run("doctor") == 4
    assert "wallet.private_key" in capsys.readouterr().err
