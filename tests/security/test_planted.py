"""Planted secrets: after a whole trade and its failures, no place that is kept has them."""

from __future__ import annotations

import asyncio
import base64
import dataclasses
import os
import subprocess
import sys
import traceback
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import structlog
from temporalio.client import Client

from domain.trade import Stage
from settings.codec import data_converter
from settings.errors import SettingsError
from settings.keyring import Keyring, new_key
from settings.load import load_settings
from settings.venue import hosts
from tests.house import House, open_house
from tests.sim.client import KEY
from tests.waiting import eventually
from venue.connect import connect
from venue.errors import VenueError
from worker.bootstrap import account
from workflows.trade import TradeWorkflow

ROOT = Path(__file__).resolve().parents[2]


def forms(secret: str) -> list[bytes]:
    """Return how a secret may look in a store: as it is, and in base64 (less its last bits)."""
    raw = secret.removeprefix("0x").encode()
    return [raw, raw.upper(), base64.b64encode(raw)[:-4], repr(secret).encode()]


def needles(house: House) -> list[bytes]:
    creds = house.desk.venue.creds
    key = bytes.fromhex(KEY.removeprefix("0x"))
    found = [form for text in (KEY, creds.secret, creds.passphrase) for form in forms(text)]
    return [*found, key, str(int(KEY, 16)).encode()]


async def traded(house: House) -> str:
    """Trade once from touch to settlement and return the whole history as JSON."""
    shown = house.market()
    trade = await house.trade(house.touch(shown))

    async def holding() -> bool:
        return (await trade.query(TradeWorkflow.status)).stage is Stage.HOLDING

    await eventually(holding, within=30)
    house.resolve(shown)
    await asyncio.wait_for(trade.result(), 30)
    return (await trade.fetch_history()).to_json() + str((await trade.describe()).raw_description)


async def everything_stored(pool: asyncpg.Pool[Any]) -> str:
    tables = await pool.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    rows = [await pool.fetch(f'SELECT * FROM "{table[0]}"') for table in tables]
    return "\n".join(repr(row) for table in rows for row in table)


@pytest.mark.parametrize("sealed", [False, True], ids=["plain", "sealed"])
async def test_no_history_table_log_or_repr_has_a_secret(
    sealed: bool,
    dsn: str,
    pool: asyncpg.Pool[Any],
    temporal_client: Client,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    config = temporal_client.config()
    if sealed:
        config["data_converter"] = data_converter(Keyring.parse(new_key("a")))
    async with open_house(dsn, pool, Client(**config), tmp_path) as house:
        history = await traded(house)
        structlog.get_logger().error("all", settings=house.settings, desk=repr(house.desk))
        shown = [
            repr(house.settings),
            repr(house.desk.venue.__dict__),
            repr(account(house.settings)),
        ]
        shown += [str(house.settings), house.settings.model_dump_json()]
        shown += await _refused(house)
        said = capfd.readouterr()
        stored = await everything_stored(pool)
        kept = {"history": history, "store": stored, "log": caplog.text, "shown": "\n".join(shown)}
        kept |= {"stdout": said.out, "stderr": said.err}
        for place, text in kept.items():
            for needle in needles(house):
                assert needle not in text.encode(), f"{needle[:4]!r}… in {place}"
        condition = house.markets[-1].condition_id
        assert condition in stored  # the search does find what is there
        assert (b64(condition) in history) != sealed


def b64(text: str) -> str:
    """Return what base64 of any JSON with this text may hold, whatever stands before it."""
    return base64.b64encode(text.encode())[:40].decode()


async def _refused(house: House) -> list[str]:
    """Let a login fail, and return the traceback with what it would show of the frames."""
    told = []
    nowhere = dataclasses.replace(hosts(house.settings), clob="http://127.0.0.1:9")
    try:
        await connect(nowhere, account(house.settings))
    except VenueError as e:
        told = ["".join(traceback.format_exception(e))]
    assert told
    return told


@pytest.mark.parametrize("module", ["worker", "ingest"])
def test_a_process_that_fails_at_start_tells_no_secret(module: str, tmp_path: Path) -> None:
    environ = {k: v for k, v in os.environ.items() if not k.startswith("TOUCHLINE_")}
    secrets = {"TOUCHLINE_WALLET__PRIVATE_KEY": "0xhunter2", "TEMPORAL_ADDRESS": "127.0.0.1:9"}
    urls = {"DATABASE_URL": "postgresql://u:hunter2@127.0.0.1:9/x"}
    state = {"TOUCHLINE_STATE": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-m", module],
        env={**environ, **secrets, **urls, **state},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode != 0
    assert "hunter2" not in done.stdout + done.stderr


def test_settings_that_are_wrong_repeat_no_secret(tmp_path: Path) -> None:
    planted = "".join(["hun", "ter2"])  # not in the source lines of a traceback
    for key in ("wallet.private_key", "temporal.encryption_key", "dashboard.token"):
        with pytest.raises(SettingsError) as caught:
            load_settings([f"{key}={planted}", "entry.stake=x"], environ={}, folder=tmp_path)
        assert planted not in "".join(traceback.format_exception(caught.value))
