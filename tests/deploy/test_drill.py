"""The drill: deploy as compose would, trade, upgrade with open trades, lose it all, restore."""

from __future__ import annotations

import asyncio
import signal
import time
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import Client

from domain.market import Mode
from store.pool import open_pool
from store.pulse import SyncOutcome, SyncRuns
from tests.deploy.processes import Machine
from tests.postgres import TestPostgres
from tests.waiting import eventually

GOOD = (SyncOutcome.CLEAN, SyncOutcome.REPAIRED)


async def until_traded(machine: Machine, state: str, least: int) -> list[dict[str, Any]]:
    """Wait until so many trades are in a state."""

    async def there() -> list[dict[str, Any]]:
        trades = await machine.once("prepare", "trades", "--json")
        found = [trade for trade in trades if trade["state"] == state]
        return found if len(found) >= least else []

    return await eventually(there, within=150, every=2)


@pytest.mark.drill
@pytest.mark.timeout(600)
async def test_a_deployment_trades_is_upgraded_lost_and_restored(
    empty_dsn: str, temporal_client: Client, tmp_path: Path
) -> None:
    place = temporal_client.service_client.config.target_host
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    machine = Machine(first, place, f"drill-{uuid.uuid4().hex[:8]}", empty_dsn)
    began, report = time.monotonic(), {}

    def lap(name: str) -> None:
        report[name] = round(time.monotonic() - began, 1)

    try:
        await machine.once("migrate")
        await machine.once("prepare")
        await machine.start("sim-tape")
        await machine.once("fund")
        await asyncio.gather(machine.start("worker", "1"), machine.start("worker", "2"))
        await machine.once("promote")
        await asyncio.gather(machine.start("ingest", "1"), machine.start("dashboard"))
        lap("deployed")
        assert (await machine.once("prepare", "deploy", "check", "--json"))["ok"]
        await until_traded(machine, "holding", 1)
        lap("first position")
        # Upgrade with an open position: a new worker beside the old ones, which leave.
        await machine.start("worker", "3")
        await machine.once("promote")
        assert machine.end("worker1") == 0
        machine.end("worker2", signal.SIGKILL)
        lap("upgraded")
        await until_traded(machine, "settled", 1)
        lap("settled")
        kept = tmp_path / "set"
        await machine.once("prepare", "backup", str(kept))
        saved = await machine.once("prepare", "trades", "--json")
        lap("backed up")
        for name in ("worker3", "ingest1", "dashboard"):  # the machine is lost; the venue is not
            machine.end(name, signal.SIGKILL)
        second.mkdir()
        async with TestPostgres.shared().database(template="template1") as dsn:
            again = Machine(second, place, f"drill-{uuid.uuid4().hex[:8]}", dsn)
            again.ports = machine.ports
            wallet = first / "deploy/secrets/wallet_key"
            (second / "deploy/secrets/wallet_key").write_text(wallet.read_text())
            try:
                await again.once("prepare", "restore", str(kept))
                ids = {trade["workflow_id"] for trade in saved}
                restored = await again.once("prepare", "trades", "--json")
                assert {trade["workflow_id"] for trade in restored} == ids
                since = datetime.now(UTC)
                await again.once("prepare")
                await again.start("worker", "1")
                await again.once("promote")
                await reconciled(dsn, since)
                lap("restored and reconciled")
            finally:
                again.close()
    finally:
        machine.close()
        print(report)


async def reconciled(dsn: str, since: datetime) -> None:
    pool = await open_pool(dsn)

    async def done() -> bool:
        runs = await SyncRuns(pool).recent(Mode.PAPER)
        return any(run.outcome in GOOD and run.started_at >= since for run in runs)

    try:
        await eventually(done, within=90, every=0.5)
    finally:
        await pool.close()
