"""The sim as a process: its one line, its state, kill -9 (card VC-400)."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from sim.__main__ import configuration, run
from sim.server import Sim
from tests.waiting import eventually

WALLET = "0x" + "12" * 20


class Process:
    """`python -m sim` with its URLs."""

    def __init__(self, process: asyncio.subprocess.Process, urls: dict[str, Any]) -> None:
        self.process = process
        self.urls = urls
        self._headers = {"Authorization": f"Bearer {urls['token']}"}

    @classmethod
    async def start(cls, state: Path, *flags: str) -> Process:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "sim", "--state", str(state), *flags,
            stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        assert process.stdout is not None
        line = await asyncio.wait_for(process.stdout.readline(), 20)
        return cls(process, json.loads(line))

    async def ask(self, method: str, path: str, body: Any = None) -> Any:
        async with httpx.AsyncClient(headers=self._headers) as http:
            answer = await http.request(method, self.urls["control"] + path, json=body)
            assert answer.status_code == 200, answer.text
            return answer.json()

    async def end(self, how: signal.Signals) -> int:
        self.process.send_signal(how)
        return await asyncio.wait_for(self.process.wait(), 10)


SYNTHETIC = [
    "--source", "synthetic", "--synthetic-markets", "16", "--synthetic-minutes", "1",
    "--synthetic-overlap", "4", "--speed", "100", "--lead-ms", "10",
]  # fmt: skip


async def test_vc400_kill_9_loses_nothing_and_the_tape_goes_on_where_it_was(
    tmp_path: Path,
) -> None:
    first = await Process.start(tmp_path, *SYNTHETIC)
    await first.ask("POST", "/wallets", {"address": WALLET, "usd": "250"})

    async def resolved() -> Any:
        status = await first.ask("GET", "/status")
        return status if status["resolved"] >= 2 else None

    before = await eventually(resolved)
    await first.end(signal.SIGKILL)
    second = await Process.start(tmp_path, *SYNTHETIC, "--held")
    after = await second.ask("GET", "/status")
    ledger = await second.ask("GET", "/ledger")
    assert (second.urls["clob"], second.urls["token"]) == (first.urls["clob"], first.urls["token"])
    assert after["resolved"] >= before["resolved"]
    lost = before["position_ms"] - after["position_ms"]
    assert lost < 0.5 * 1000 * before["speed"]  # at most half a second of real time
    assert ledger["accounts"][0]["usd"] == "250" and ledger["checks"] == []
    await second.ask("POST", "/play")

    async def done() -> bool:
        return bool((await second.ask("GET", "/status"))["tape_done"])

    await eventually(done, within=20)
    assert (await second.ask("GET", "/status"))["resolved"] == 16
    assert await second.end(signal.SIGTERM) == 0


async def test_the_control_api_wants_its_token_and_names_bad_input(sim: Sim) -> None:
    async with httpx.AsyncClient(base_url=sim.urls()["control"]) as http:
        assert (await http.get("/ledger")).status_code == 401
        headers = {"Authorization": f"Bearer {sim.token}"}
        bad = await http.post("/faults", json={"name": "meteor"}, headers=headers)
        assert bad.status_code == 400 and "expected a fault of" in bad.json()["error"]
        bad = await http.post("/wallets", json={"usd": "1"}, headers=headers)
        assert bad.status_code == 400
        bad = await http.post("/wallets", json={"address": "0x12", "usd": "1"}, headers=headers)
        assert "expected an address of 20 bytes" in bad.json()["error"]
        good = await http.post("/faults", json={"name": "stall", "count": 3}, headers=headers)
        assert good.json()["id"] == 1
        plans = (await http.get("/faults", headers=headers)).json()["plans"]
        assert plans[0]["name"] == "stall"
        await http.delete("/faults", headers=headers)
        assert (await http.get("/faults", headers=headers)).json()["plans"] == []


@pytest.mark.parametrize(
    ("flags", "code", "text"),
    [
        (["--speed", "0"], 4, "speed: Input should be greater than 0, was '0'"),
        (["--tape", "missing.zst"], 1, "missing.zst: expected a readable file"),
        (["--config", "missing.json"], 4, "missing.json: expected a file"),
        (["--state", "/proc/no"], 1, "/proc/no: expected a writable directory"),
        (["--source", "mirror"], 1, "mirror_clob: expected an upstream URL, was empty"),
        (["--source", "none", "--host", "192.0.2.1"], 1, "expected a free port"),
    ],
)
def test_wrong_configuration_ends_with_a_message(
    flags: list[str], code: int, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(flags) == code
    assert text in capsys.readouterr().err


def test_flags_win_over_the_environment_and_that_over_the_file(tmp_path: Path) -> None:
    file = tmp_path / "sim.json"
    file.write_text(json.dumps({"speed": 2, "seed": 3, "mined_ms": 4}))
    environment = {"TOUCHLINE_SIM_SEED": "5", "TOUCHLINE_SIM_MINED_MS": "6"}
    made = configuration(["--config", str(file), "--mined-ms", "7", "--held"], environment)
    assert (made.speed, made.seed, made.mined_ms, made.held) == (2, 5, 7, True)


def test_a_damaged_state_file_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "sim.json").write_text("{")
    assert run(["--state", str(tmp_path)]) == 1
    assert "delete the file to get new ones" in capsys.readouterr().err
