"""Measure the dashboard: `python -m bench.desk [--trades 200] [--looks 200] [--refused 10000]`.

A real PostgreSQL, a Temporal dev server, and the dashboard as a process of its own. First the
overview with so many open trades, one request after another, in wall time at the client (network,
queries and rendering together). Then refused requests on keep-alive connections: descriptors and
threads of that process before and after. Prints one JSON line each. Goals: p50 and p95 below
100 ms, and both counts flat.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import httpx
import psutil
from temporalio.testing import WorkflowEnvironment

from bench.reserve import fill, server
from domain.market import Mode
from domain.money import usd
from ops.services.ports import free_port
from ops.services.temporal_options import dynamic_config_arguments
from store.account import Account
from store.migrations import migrate
from store.pool import open_pool

ROOT = Path(__file__).resolve().parents[1]
TOKEN = "a-token-for-the-bench"
AT_ONCE = 8
MARKS = """INSERT INTO marks SELECT 'open-t' || n, now() - s * interval '1 s', 0.97, 0.98
    FROM generate_series(1, $1::int) n, generate_series(1, 50) s"""


async def filled(dsn: str, trades: int) -> None:
    """Write so many open trades, each with an order, a position and prices."""
    await migrate(dsn)
    connection = await asyncpg.connect(dsn)
    await fill(connection, trades, 0)
    await connection.execute(MARKS, trades)
    await connection.execute("ANALYZE")
    await connection.close()
    pool = await open_pool(dsn)
    await Account(pool).set_balance(Mode.PAPER, usd(1000), datetime.now(UTC))
    await pool.close()


@contextmanager
def dashboard(dsn: str, temporal: str, port: int) -> Iterator[psutil.Process]:
    """Run the dashboard as a process."""
    known = {name: value for name, value in os.environ.items() if "TOUCHLINE" not in name}
    with tempfile.TemporaryDirectory(prefix="touchline-bench-") as state:
        environ = {
            **known,
            "PYTHONPATH": str(ROOT),
            "DATABASE_URL": dsn,
            "TEMPORAL_ADDRESS": temporal,
            "TOUCHLINE_STATE": state,
            "TOUCHLINE_DASHBOARD__TOKEN": TOKEN,
            "TOUCHLINE_DASHBOARD__PORT": str(port),
        }
        with open(Path(state) / "dashboard.log", "wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-P", "-m", "ops.dashboard"], env=environ, stdout=log, stderr=log
            )
        try:
            yield psutil.Process(process.pid)
        finally:
            process.terminate()
            process.wait(30)


async def answers(port: int) -> None:
    """Wait until the dashboard answers."""
    async with client(port) as asking:
        for _ in range(300):
            with contextlib.suppress(httpx.TransportError):
                await asking.get("/alive")
                return
            await asyncio.sleep(0.1)
    raise SystemExit("the dashboard does not answer")


def client(port: int) -> httpx.AsyncClient:
    """Return a client of the dashboard on this port."""
    return httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=60)


async def looks(port: int, trades: int, count: int) -> dict[str, object]:
    """Ask for the overview again and again; milliseconds of wall time."""
    took = []
    async with client(port) as asking:
        asking.headers["Authorization"] = f"Bearer {TOKEN}"
        for number in range(count + 5):
            begun = time.perf_counter()
            reply = await asking.get("/")
            ended = time.perf_counter()
            shown = reply.text.count('data-label="Stage"')
            if reply.status_code != 200 or shown != trades:
                raise SystemExit(f"expected {trades} trades on the page, was {shown}")
            if number >= 5:  # templates are compiled, health is cached
                took.append((ended - begun) * 1000)
    cuts = statistics.quantiles(took, n=100)
    shown_ms = {f"p{n}_ms": round(cuts[n - 1], 1) for n in (50, 95, 99)}
    return {"what": "overview", "open_trades": trades, "looks": count, **shown_ms}


async def refused(port: int, process: psutil.Process, count: int) -> dict[str, object]:
    """Send requests with a wrong token; descriptors and threads of the process."""
    paths = ("/", "/live/overview", "/act/halt", "/nowhere")

    async def some(rounds: int) -> None:
        async with client(port) as asking:
            for number in range(rounds):
                path = paths[number % len(paths)]
                reply = await asking.get(path, headers={"Authorization": "Bearer no"})
                if reply.status_code != 401:
                    raise SystemExit(f"expected 401, was {reply.status_code}")

    await asyncio.gather(*(some(20) for _ in range(AT_ONCE)))
    await asyncio.sleep(1)
    before = {"descriptors": process.num_fds(), "threads": process.num_threads()}
    begun = time.perf_counter()
    await asyncio.gather(*(some(count // AT_ONCE) for _ in range(AT_ONCE)))
    seconds = time.perf_counter() - begun
    await asyncio.sleep(1)
    after = {"descriptors": process.num_fds(), "threads": process.num_threads()}
    per_s = round(count / seconds)
    return {"what": "refused", "requests": count, "per_s": per_s, "before": before, "after": after}


async def run(dsn: str, arguments: argparse.Namespace) -> None:
    """Start the rest, measure, print."""
    await filled(dsn, arguments.trades)
    temporal = await WorkflowEnvironment.start_local(
        dev_server_existing_path=str(Path(sys.executable).parent / "temporal"),
        dev_server_log_level="error",
        dev_server_extra_args=dynamic_config_arguments(),
    )
    port = free_port()
    async with temporal:
        address = temporal.client.service_client.config.target_host
        with dashboard(dsn, address, port) as process:
            await answers(port)
            print(json.dumps(await looks(port, arguments.trades, arguments.looks)))
            print(json.dumps(await refused(port, process, arguments.refused)))


def main() -> None:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trades", type=int, default=200)
    parser.add_argument("--looks", type=int, default=200)
    parser.add_argument("--refused", type=int, default=10_000)
    arguments = parser.parse_args()
    with server(None) as dsn:
        asyncio.run(run(dsn, arguments))


if __name__ == "__main__":
    main()
