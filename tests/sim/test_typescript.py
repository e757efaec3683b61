"""The published TypeScript client against the sim. Runs only with `pytest -m npm`."""

from __future__ import annotations

import asyncio
import json
import shutil
from pathlib import Path

import pytest

from sim.server import Sim
from sim.units import micro
from tests.sim.client import EOA, KEY, market, show

PACKAGES = ["@polymarket/clob-client-v2@1.1.0", "viem@2"]
SCRIPT = Path(__file__).with_name("typescript_client.mjs")


async def execute(*command: str, within: Path) -> str:
    process = await asyncio.create_subprocess_exec(
        *command, cwd=within, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()
    return out.decode()


@pytest.mark.npm
@pytest.mark.timeout(400)
async def test_vc100_the_typescript_client_places_fills_cancels_and_reads(
    sim: Sim, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    if "npm" not in str(request.config.getoption("-m")):
        pytest.skip("installs a package from npm: run it with `pytest -m npm`")
    if missing := [name for name in ("node", "npm") if shutil.which(name) is None]:
        pytest.skip(f"{' and '.join(missing)} not on this machine: install Node.js 20 or later")
    await execute("npm", "init", "-y", within=tmp_path)
    flags = ["--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries=5"]
    await execute("npm", "install", *flags, *PACKAGES, within=tmp_path)
    shutil.copy(SCRIPT, tmp_path)
    sim.engine.fund(EOA, micro("1000"))
    m = market()
    show(sim.engine, m, {"0.4": "100"}, {"0.5": "100"})
    script = str(tmp_path / SCRIPT.name)
    text = await execute("node", script, sim.urls()["clob"], KEY, m.tokens[0], within=tmp_path)
    answers = json.loads(text.splitlines()[-1])
    assert answers["filled"]["status"] == "matched" and answers["filled"]["takingAmount"] == "20"
    assert answers["placed"]["status"] == "live"
    assert [order["id"] for order in answers["open"]] == [answers["placed"]["orderID"]]
    assert answers["cancelled"]["canceled"] == [answers["placed"]["orderID"]]
    assert answers["trades"][0]["taker_order_id"] == answers["filled"]["orderID"]
    assert answers["balance"]["balance"] in ("1000000000", "990000000")  # settled, or not yet
    assert answers["book"]["asks"][-1]["price"] == "0.5"
