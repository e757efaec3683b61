"""Two ingests, one killed every few seconds: `python -m bench.ingest_replicas [--seconds N]`.

A sim with synthetic markets, real PostgreSQL and Temporal, two `python -m ingest` processes on
one shard of which one is killed (SIGKILL) in turn, and a third reader in this process that is
never disturbed and says which markets touched. Each touch must have led to exactly one workflow.
Ends with 1 otherwise.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from temporalio import workflow
from temporalio.client import Client
from temporalio.common import SearchAttributeKey
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from bench.reserve import server
from domain.rules import StrategyRules, TriggerRules
from domain.trigger import TouchSource
from ingest.feed import Feed
from ingest.fold import Fold
from ingest.tokens import Tokens, TokenState
from ops.services.temporal_options import SEARCH_ATTRIBUTES, dynamic_config_arguments
from store.decisions import Decisions
from store.migrations import migrate
from store.pool import open_pool
from venue.errors import VenueError
from venue.public import PublicVenue
from venue.transport import Hosts, Transport
from workflows.messages import TradeStart

ROOT = Path(__file__).parents[1]
SETTLE = 8.0  # seconds at the end for touches under way


@workflow.defn(name="TradeWorkflow")
class Waiting:
    """A trade that only exists."""

    @workflow.run
    async def run(self, start: TradeStart) -> None:
        """Wait for ever."""
        await workflow.wait_condition(lambda: False)


class Witness:
    """Remembers when each market touched for the first time."""

    def __init__(self) -> None:
        self.touched_at: dict[str, float] = {}

    def touched(self, state: TokenState, price: int, size: str, ms: int, seen_ns: int) -> None:
        """Remember."""
        self.touched_at.setdefault(state.market.condition_id, time.monotonic())

    def unseen(self, state: TokenState, price: int, ms: int) -> None:
        """Ignore."""

    def level(self, state: TokenState) -> None:
        """Ignore."""

    def hint(self, kind: str, condition_id: str) -> None:
        """Ignore."""


@asynccontextmanager
async def sim(seconds: float) -> AsyncIterator[dict[str, Any]]:
    """Run a sim whose markets live about a minute, several of them ending every second."""
    flags = ["--source", "synthetic", "--synthetic-markets", str(int(seconds * 2)), "--speed", "15"]
    flags += ["--synthetic-overlap", "60", "--lead-ms", "15000"]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "sim", *flags, cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        yield json.loads(await process.stdout.readline())
    finally:
        process.kill()
        await process.wait()


def environment(said: dict[str, Any], dsn: str, temporal: str, state: str) -> dict[str, str]:
    """Return the environment of an ingest process."""
    told = {
        "DATABASE_URL": dsn,
        "TEMPORAL_ADDRESS": temporal,
        "TOUCHLINE_STATE": state,
        "TOUCHLINE_TRIGGER__SOURCE": "quote",
        "TOUCHLINE_FILTERS__MIN_TIME_TO_END": "0s",
        "TOUCHLINE_SCHEDULE__DISCOVER": "2s",
        "PYTHONPATH": str(ROOT),
    }
    for name in ("clob", "gamma", "data", "site"):
        told[f"TOUCHLINE_VENUE__{name.upper()}_URL"] = url(said, name)
    told["TOUCHLINE_VENUE__MARKET_WS_URL"] = said.get("market_ws_url") or said["ws_market"]
    return {**os.environ, **told}


def url(said: dict[str, Any], name: str) -> str:
    """Return one address of the sim."""
    return str(said.get(f"{name}_url") or said[name])


async def ingest(given: dict[str, str]) -> asyncio.subprocess.Process:
    """Start an ingest and return once its first socket is open."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "ingest", cwd=ROOT, env=given, stderr=asyncio.subprocess.PIPE
    )
    assert process.stderr is not None
    while line := await process.stderr.readline():
        if b'"event": "epoch"' in line:
            break
    process.heard = asyncio.create_task(process.stderr.read())  # type: ignore[attr-defined]
    return process


async def watch(said: dict[str, Any], witness: Witness) -> None:
    """Follow the stream without a break, with the rules of the ingests."""
    rules = TriggerRules(source=TouchSource.QUOTE)
    tokens = Tokens(rules, StrategyRules())
    feed = Feed(said.get("market_ws_url") or said["ws_market"], tokens, Fold(tokens, witness))
    hosts = Hosts(clob=url(said, "clob"), gamma=url(said, "gamma"), data=url(said, "data"))
    venue = PublicVenue(Transport(hosts))
    try:
        while True:
            with contextlib.suppress(VenueError):
                async for page in venue.markets():
                    for market in page.markets:
                        tokens.put(market, taken=False)
            await feed.want(tokens.wanted())
            await asyncio.sleep(2)
    finally:
        await feed.close()
        await venue.aclose()


async def kill_in_turn(given: dict[str, str], seconds: float, every: float) -> int:
    """Keep two ingests alive, killing one after the other; return how many were killed."""
    pair = [await ingest(given), await ingest(given)]
    end, killed = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        await asyncio.sleep(every)
        victim = pair.pop(0)
        victim.send_signal(signal.SIGKILL)
        await victim.wait()
        killed += 1
        pair.append(await ingest(given))
    await asyncio.sleep(SETTLE)
    for process in pair:
        process.terminate()
        await process.wait()
    return killed


async def runs(client: Client) -> dict[str, int]:
    """Return how many runs each market has."""
    found: dict[str, int] = {}
    async for run in client.list_workflows("WorkflowType = 'TradeWorkflow'"):
        condition = run.id.partition(":")[0]
        found[condition] = found.get(condition, 0) + 1
    return found


async def explained(dsn: str, conditions: set[str]) -> tuple[int, set[str]]:
    """Return how many of these a filter refused, and which have no row at all."""
    pool = await open_pool(dsn)
    rows = Decisions(pool)
    silent = {c for c in conditions if not await rows.of_condition(c)}
    await pool.close()
    return len(conditions - silent), silent


async def measure(dsn: str, seconds: float, every: float, state: str) -> bool:
    """Run everything; print one line and return whether nothing is missing or double."""
    await migrate(dsn)
    keys = [
        SearchAttributeKey.for_float(name)
        if kind == "Double"
        else SearchAttributeKey.for_keyword(name)
        for name, kind in SEARCH_ATTRIBUTES.items()
    ]
    async with (
        await WorkflowEnvironment.start_local(
            dev_server_existing_path=str(Path(sys.executable).parent / "temporal"),
            data_converter=pydantic_data_converter,
            search_attributes=keys,
            dev_server_log_level="error",
            dev_server_extra_args=dynamic_config_arguments(),
        ) as temporal,
        Worker(
            temporal.client,
            task_queue="trades",
            workflows=[Waiting],
            workflow_runner=UnsandboxedWorkflowRunner(),
        ),
        sim(seconds) as said,
    ):
        witness = Witness()
        watching = asyncio.create_task(watch(said, witness))
        address = temporal.client.service_client.config.target_host
        killed = await kill_in_turn(environment(said, dsn, address, state), seconds, every)
        found, last = await runs(temporal.client), time.monotonic() - SETTLE
        watching.cancel()
        await asyncio.wait([watching])
    touched = {c for c, at in witness.touched_at.items() if at < last}
    double = [c for c, n in found.items() if n > 1]
    refused, missing = await explained(dsn, touched - found.keys())
    print(
        f"| two ingests, {killed} kills in {seconds:.0f} s | {len(touched)} markets touched,"
        f" {len(found)} workflows, {refused} refused by a filter"
        f" | missing {len(missing)}, double {len(double)} |"
    )
    return bool(touched) and not missing and not double


def main() -> int:
    """Read the flags and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument("--every", type=float, default=3)
    parser.add_argument(
        "--state", help="where the database may live (PostgreSQL never runs as root)"
    )
    given = parser.parse_args()
    with server(given.state) as dsn, tempfile.TemporaryDirectory() as state:
        good = asyncio.run(measure(dsn, given.seconds, given.every, state))
    print(f"figures reached: {good}")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
