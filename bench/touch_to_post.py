"""From a touch on the socket to the order at the venue: `python -m bench.touch_to_post`.

The whole stack as the demo runs it, each part a process: durable PostgreSQL, Temporal's dev
server with our options, the sim, a worker, an ingest. One market after the other touches, paced
so that no queue grows; between two touches an empty workflow is started, whose way to its first
local activity is the floor of the same minutes. Where the time goes is read from what the system
itself writes down (bench/touch_steps.py). Ends with 1 if p50 is above 1.5 or p99 above 2 floors.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import statistics
import sys
import tempfile
import time
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import psutil
import uvloop
from temporalio.client import Client, WorkflowHandle

from bench.reserve import server as database
from bench.touch_floor import QUEUE, Floor
from bench.touch_steps import STEPS, lost, steps_of
from domain.market import Mode
from ops.services.temporal import DevServer
from settings.load import load_settings
from settings.temporal_client import connect_temporal
from store.account import Account
from store.migrations import migrate
from store.pool import open_pool
from tests.sim.client import KEY

LONGEST_LINE = 2**24  # bytes: the times of a thousand touches are one line
ROOT = Path(__file__).parents[1]
P50, P99 = 1.5, 2.0  # times the floor
WARM = 20  # touches before those that count
PATIENCE = 60.0  # seconds until a process must be ready
AFTER = 5.0  # seconds for the last orders

SETTINGS = {
    "trigger.source": "trade",
    "score.provider": "market",
    "score.floor": "0.90",
    "strategy.outcome_indexes": "0",
    "strategy.size_filter": "true",
    "entry.max_price": "0.95",
    "entry.pay_up_to": "touch",
    "risk.max_positions": "1000000",
    "risk.max_total": "1000000000",
    "risk.max_per_market": "30",
    "risk.max_per_event": "1000000000",
    "risk.reserve_floor": "0",
    "pace.hold_poll": "1h",  # a thousand open trades must not look around meanwhile
    "pace.resolution_poll": "1h",
    "schedule.discover": "1h",
    "schedule.reconcile": "1h",
    "schedule.health": "1h",
}


class Parts:
    """The processes of one run."""

    def __init__(self, folder: Path, dsn: str) -> None:
        self._folder = folder
        self.environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith("TOUCHLINE_")},
            "PYTHONPATH": str(ROOT),
            "DATABASE_URL": dsn,
            "TOUCHLINE_STATE": str(folder),
            "TOUCHLINE_WALLET__PRIVATE_KEY": KEY,
            "TOUCHLINE_VENUE__RELAYER_API_KEY": "play",
            "TOUCHLINE_TEMPORAL__EMBEDDED": "true",
        }
        for key, value in SETTINGS.items():
            self.environment[f"TOUCHLINE_{key.replace('.', '__').upper()}"] = value

    def log(self, name: str) -> Path:
        """Return the log file of a part."""
        return self._folder / f"{name}.log"

    @contextlib.asynccontextmanager
    async def run(self, name: str, *command: str, talks: bool = False) -> AsyncIterator[Process]:
        """Run a part until the block ends."""
        pipe = PIPE if talks else DEVNULL
        with self.log(name).open("wb") as log:
            process = await asyncio.create_subprocess_exec(
                *command,
                cwd=ROOT,
                env=self.environment,
                stdin=pipe,
                stdout=pipe,
                stderr=log,
                limit=LONGEST_LINE,
            )
        try:
            yield process
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
            await process.wait()

    def module(self, name: str, *flags: str, **kept: bool) -> Any:
        """Run one of our modules until the block ends."""
        return self.run(name, sys.executable, "-m", name, *flags, **kept)

    async def said(self, name: str, text: str) -> None:
        """Wait until a part has logged this.

        Raises:
            RuntimeError: it did not, in time; with the end of its log.
        """
        end = time.monotonic() + PATIENCE
        while text not in self.log(name).read_text():
            if time.monotonic() > end:
                raise RuntimeError(f"{name} is not ready:\n{self.log(name).read_text()[-3000:]}")
            await asyncio.sleep(0.1)


async def measure(dsn: str, touches: int, rate: float, folder: Path) -> bool:
    """Run everything and print the table."""
    await migrate(dsn)
    parts, temporal = Parts(folder, dsn), DevServer(folder, "default")
    parts.environment["TEMPORAL_ADDRESS"] = temporal.address
    markets = touches + WARM
    async with (
        parts.run("temporal", *temporal.command()) as server,
        parts.module("bench.touch_venue", "--markets", str(markets), talks=True) as venue,
        parts.module("bench.touch_floor", talks=True) as floor,
    ):
        await _until_ready(temporal)
        urls = json.loads(await venue.stdout.readline())
        for name in ("clob", "gamma", "data", "relayer", "site", "rpc"):
            parts.environment[f"TOUCHLINE_VENUE__{name.upper()}_URL"] = urls[name]
        for name in ("market", "user"):
            parts.environment[f"TOUCHLINE_VENUE__{name.upper()}_WS_URL"] = urls[f"ws_{name}"]
        assert b"ready" in await floor.stdout.readline()
        async with parts.module("worker") as worker:
            await parts.said("worker", '"event": "ready"')
            async with parts.module("ingest") as ingest:
                await _subscribed(parts, markets)
                await _funded(dsn)
                client = await _client(parts)
                with Burning({"worker": worker, "ingest": ingest, "temporal": server}) as burnt:
                    bare = await _drive(client, venue, markets, rate)
                told = await _told(venue)
                rows = await steps_of(client, dsn, told)
    for why in await lost(dsn):
        print(why)
    print("CPU of each trade with its floor, ms:", burnt.each(markets))
    return tell(rows, bare, touches, rate)


async def _client(parts: Parts) -> Client:
    return await connect_temporal(load_settings(environ=parts.environment).temporal)


async def _until_ready(temporal: DevServer) -> None:
    end = time.monotonic() + PATIENCE
    while not await temporal.ready():
        if time.monotonic() > end:
            raise RuntimeError("Temporal did not start")
        await asyncio.sleep(0.1)


async def _subscribed(parts: Parts, markets: int) -> None:
    """Wait until ingest watches all markets, and a moment more for their books."""
    await parts.said("ingest", f'"markets": {markets}')
    await asyncio.sleep(AFTER)


async def _funded(dsn: str) -> None:
    """Wait until the worker has reconciled: without a known balance nothing is bought."""
    pool, end = await open_pool(dsn), time.monotonic() + PATIENCE
    while (await Account(pool).get(Mode.PAPER)).balance is None:
        if time.monotonic() > end:
            raise RuntimeError("the balance did not become known")
        await asyncio.sleep(0.1)
    await pool.close()


class Burning:
    """The CPU that processes use while the block runs; neighbours do not disturb it."""

    def __init__(self, processes: dict[str, Process]) -> None:
        self._processes = {name: psutil.Process(p.pid) for name, p in processes.items()}

    def __enter__(self) -> Burning:
        self._before = self._used()
        return self

    def __exit__(self, *_: object) -> None:
        used = self._used()
        self._burnt = {name: used[name] - before for name, before in self._before.items()}

    def each(self, times: int) -> str:
        """Return the milliseconds of each process, divided by `times`."""
        return ", ".join(f"{name} {1000 * s / times:.1f}" for name, s in self._burnt.items())

    def _used(self) -> dict[str, float]:
        found = {}
        for name, process in self._processes.items():
            times = process.cpu_times()
            found[name] = times.user + times.system
        return found


async def _drive(client: Client, venue: Process, markets: int, rate: float) -> list[int]:
    """Let the markets touch at this rate with a floor between two; return the floors in ns."""
    assert venue.stdin is not None
    started: list[tuple[int, WorkflowHandle[Floor, int]]] = []
    pause, begin = 1 / rate, time.monotonic()
    for number in range(markets):
        await asyncio.sleep(max(0.0, begin + number * pause - time.monotonic()))
        venue.stdin.write(f"touch {number}\n".encode())
        await asyncio.sleep(max(0.0, begin + (number + 0.5) * pause - time.monotonic()))
        before = time.time_ns()
        handle = await client.start_workflow(Floor.run, id=f"floor-{number}", task_queue=QUEUE)
        started.append((before, handle))
    await asyncio.sleep(AFTER)
    return [await handle.result() - before for before, handle in started[WARM:]]


async def _told(venue: Process) -> dict[str, dict[str, int]]:
    assert venue.stdin is not None and venue.stdout is not None
    venue.stdin.write(b"tell\n")
    told: dict[str, dict[str, int]] = json.loads(await venue.stdout.readline())
    return told


def cuts(times: list[float]) -> tuple[float, float, float]:
    """Return p50, p95 and p99."""
    found = statistics.quantiles(times, n=100)
    return found[49], found[94], found[98]


def line(name: str, times: tuple[float, float, float]) -> None:
    """Print one line of the table."""
    print(f"| {name} | " + " | ".join(f"{time:.1f}" for time in times) + " |")


def tell(rows: list[list[float]], bare: list[int], touches: int, rate: float) -> bool:
    """Print the table; rows are the milliseconds of each step, by touch."""
    counted = rows[-touches:]
    whole = cuts([sum(row) for row in counted])
    floor = cuts([ns / 1e6 for ns in bare])
    print(f"{len(counted)} of {touches} touches became orders, {rate} a second, load", end=" ")
    print(os.getloadavg()[0])
    print("\n| ms | p50 | p95 | p99 |\n|---|---:|---:|---:|")
    for number, name in enumerate(STEPS):
        line(name, cuts([row[number] for row in counted]))
    line("**touch sent to order received**", whole)
    line("floor: empty workflow to its local activity", floor)
    ratios = [mine / least for mine, least in zip(whole, floor, strict=True)]
    print("| times the floor | {:.2f} | {:.2f} | {:.2f} |".format(*ratios))
    return len(counted) == touches and ratios[0] <= P50 and ratios[2] <= P99


def main() -> int:
    """Read the flags and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--touches", type=int, default=1_000)
    parser.add_argument("--rate", type=float, default=1.0, help="touches a second")
    parser.add_argument("--state", help="where the database may live")
    given = parser.parse_args()
    with database(given.state) as dsn, tempfile.TemporaryDirectory() as folder:
        good = uvloop.run(measure(dsn, given.touches, given.rate, Path(folder)))
    print(f"\nfigures reached: {good}")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
