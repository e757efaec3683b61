"""The drills: deploy as compose would, fail over, upgrade, kill, lose it all and restore.

`./touchline test -m drill -s` prints the report; TOUCHLINE_DRILL_REPORT names a file to keep it.
"""

from __future__ import annotations

import asyncio
import signal
import uuid
from datetime import UTC, datetime
from pathlib import Path

import pytest
from temporalio.client import Client

from tests.deploy.drill import OPEN, Report, Witness, release
from tests.deploy.processes import Machine
from tests.postgres import TestPostgres

KILL = signal.SIGKILL


@pytest.mark.drill
@pytest.mark.timeout(900)
async def test_a_deployment_fails_over_is_upgraded_killed_lost_and_restored(
    empty_dsn: str, temporal_client: Client, tmp_path: Path
) -> None:
    place = temporal_client.service_client.config.target_host
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    machine = Machine(first, place, f"drill-{uuid.uuid4().hex[:8]}", empty_dsn)
    machine.code, machine.speed = release(tmp_path / "old"), 10  # positions are held a while
    report = Report()
    try:
        await deployed(machine, report)
        await failed_over(machine, report)
        await upgraded(machine, report, release(tmp_path / "new", "0.1.1"))
        await killed(machine, report)
        await lost_and_restored(machine, report, second, tmp_path / "set")
    finally:
        machine.close()
        report.tell(tmp_path)


async def deployed(machine: Machine, report: Report) -> None:
    with report.timed("deploy", "seconds to ready"):
        await machine.once("migrate")
        await machine.once("prepare")
        await machine.start("sim-tape")
        await machine.once("fund")
        await asyncio.gather(machine.start("worker", "1"), machine.start("worker", "2"))
        await machine.once("promote")
        pair = machine.start("ingest", "1"), machine.start("ingest", "2")
        await asyncio.gather(*pair, machine.start("dashboard"))
    assert (await machine.once("prepare", "deploy", "check", "--json"))["ok"]
    with report.timed("deploy", "seconds to the first position"):
        await Witness(machine).until(1, "holding")


async def failed_over(machine: Machine, report: Report) -> None:
    """One of each pair dies: the other goes on without anybody doing anything."""
    witness = Witness(machine)
    held, before = await witness.until(1, *OPEN), set(await witness.trades())
    machine.end("worker1", KILL)
    machine.end("ingest1", KILL)
    with report.timed("failover", "seconds until every open trade answers"):
        await witness.answered(held)
    with report.timed("failover", "seconds to the next touch traded"):
        await witness.until(len(before) + 1)
    report.note("failover", "open trades", len(held))
    report.note("failover", "wrong in the books", str(sorted((await witness.judged()).items())[:3]))


async def upgraded(machine: Machine, report: Report, code: Path) -> None:
    """K3: a trade that is open under the old version goes on under the new one."""
    witness = Witness(machine)
    await machine.once("prepare", "backup", str(machine.folder / "before"))
    machine.code = code
    await machine.once("migrate")
    await machine.start("worker", "3")
    with report.timed("upgrade", "seconds until an open trade belongs to the new version"):
        crossed, old = await crossing(machine, witness)
    with report.timed("upgrade", "seconds until the old workers are gone"):
        assert machine.end("worker2") == 0  # SIGTERM: it finished what it had begun
        machine.end("ingest2")
        await machine.start("ingest", "3")
    with report.timed("upgrade", "seconds until every trade held has ended"):
        for trade in crossed:
            await witness.ended(trade)
    new = {trade: await witness.build_of(trade) for trade in crossed}
    assert all(build.startswith("0.1.1-") for build in new.values()), new
    assert (await machine.once("prepare", "deploy", "check", "--json"))["ok"]
    report.note("upgrade", "trades that changed version while open", len(crossed))
    report.note("upgrade", "from", old)
    report.note("upgrade", "to", next(iter(new.values())))


async def crossing(machine: Machine, witness: Witness) -> tuple[list[str], str]:
    """Promote the new version while a trade is held; go back and again if it ended too soon."""
    for _ in range(5):
        held = await witness.until(1, "holding")
        builds = {trade: await witness.build_of(trade) for trade in held}
        old = {build for build in builds.values() if build.startswith("0.1.0-")}
        await machine.once("promote")
        still = set(await witness.trades("holding"))
        crossed = [t for t in held if t in still and builds[t] in old]
        if crossed:
            return crossed, next(iter(old))
        await machine.once("prepare", "deploy", "promote", *old)
    raise AssertionError("expected a trade that is open long enough, was none")


async def killed(machine: Machine, report: Report) -> None:
    """Everything of ours dies at once with trades open, and is started again."""
    witness = Witness(machine)
    held = await witness.until(1, *OPEN)
    since = datetime.now(UTC)
    for name in ("worker3", "ingest3", "dashboard"):
        machine.end(name, KILL)
    with report.timed("kill", "seconds from start until every open trade answers"):
        await machine.start("worker", "4")
        await witness.answered(held)
    with report.timed("kill", "seconds more until ingest watches and books are reconciled"):
        await asyncio.gather(machine.start("ingest", "4"), witness.reconciled(since))
    report.note("kill", "open trades", len(held))
    report.note("kill", "wrong in the books", str(sorted((await witness.judged()).items())[:3]))


async def lost_and_restored(machine: Machine, report: Report, folder: Path, kept: Path) -> None:
    """The machine is gone, the venue is not: an empty one gets the backup and reconciles."""
    witness = Witness(machine)
    with report.timed("restore", "seconds of the backup"):
        await machine.once("prepare", "backup", str(kept))
    saved = set(await witness.trades())
    for name in ("worker4", "ingest4"):
        machine.end(name, KILL)
    async with TestPostgres.shared().database(template="template1") as dsn:
        again = Machine(folder, machine.temporal, f"drill-{uuid.uuid4().hex[:8]}", dsn)
        again.ports, again.code = machine.ports, machine.code
        for name in ("deploy/secrets/wallet_key", ".env"):
            (folder / name).write_text((machine.folder / name).read_text())
        restored = Witness(again)
        try:
            with report.timed("restore", "seconds of the restore"):
                await again.once("prepare", "restore", str(kept))
            assert set(await restored.trades()) >= saved
            since = datetime.now(UTC)
            with report.timed("restore", "seconds from start to reconciled"):
                await again.once("prepare")
                await again.start("worker", "1")
                await again.once("promote")
                await restored.reconciled(since)
            report.note("restore", "trades restored", len(saved))
            what = sorted((await restored.judged()).items())[:3]
            report.note("restore", "wrong in the books", str(what))
        finally:
            again.close()
