"""Two ingests, one killed every few seconds: `python -m bench.ingest_replicas [--seconds N]`.

A sim with synthetic markets, real PostgreSQL and Temporal, two `python -m ingest` processes on
one shard of which one is killed (SIGKILL) in turn, and a third reader in this process, with the
same settings, that is never disturbed and says which markets touched. Each touch must have led
to exactly one workflow, or to a row that says why not (refused by a filter, missed, unseen).
Prints where all touches went and, for one that went nowhere, who was alive just then and what
they said. Ends with 1 if a touch is missing or a trade was started twice.
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
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from temporalio import workflow
from temporalio.common import SearchAttributeKey
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from bench.replicas_account import Account, Life, Witness, settle
from bench.reserve import server
from domain.rules import TradeRules
from ingest.feed import Feed
from ingest.fold import Fold
from ingest.tokens import Tokens
from ops.services.temporal_options import SEARCH_ATTRIBUTES, dynamic_config_arguments
from settings.load import load_settings
from store.migrations import migrate
from store.pool import open_pool
from store.pulse import Heartbeats
from venue.errors import VenueError
from venue.public import PublicVenue
from venue.transport import Hosts, Transport
from workflows.messages import TradeStart

ROOT = Path(__file__).parents[1]
SETTLE = 8.0  # seconds at the end for touches under way
BOOKS = 0.8  # of the wanted books must be there: less than a socket may be missing
READY = 120.0  # seconds until a new ingest must have all its books


@workflow.defn(name="TradeWorkflow")
class Waiting:
    """A trade that only exists."""

    @workflow.run
    async def run(self, start: TradeStart) -> None:
        """Wait for ever."""
        await workflow.wait_condition(lambda: False)


@asynccontextmanager
async def sim(seconds: float) -> AsyncIterator[dict[str, Any]]:
    """Run a sim in which every minute 60 markets live, most of them touching at their end."""
    flags = ["--source", "synthetic", "--synthetic-markets", str(60 * (int(seconds / 60) + 2))]
    flags += ["--speed", "15", "--synthetic-overlap", "60", "--lead-ms", "15000"]
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "sim",
        *flags,
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,  # complains of every socket that we kill
    )
    assert process.stdout is not None
    try:
        yield json.loads(await process.stdout.readline())
    finally:
        process.kill()
        await process.wait()


def environment(said: dict[str, Any], dsn: str, temporal: str, state: str) -> dict[str, str]:
    """Return the environment of an ingest process: the demo's settings on these services."""
    told = {
        "DATABASE_URL": dsn,
        "TEMPORAL_ADDRESS": temporal,
        "TOUCHLINE_STATE": state,
        "TOUCHLINE_TRIGGER__SOURCE": "quote",
        "TOUCHLINE_FILTERS__MIN_TIME_TO_END": "0s",
        "TOUCHLINE_SCHEDULE__DISCOVER": "20s",
        "TOUCHLINE_LOG__FORMAT": "json",
        "PYTHONPATH": str(ROOT),
    }
    for name in ("clob", "gamma", "data", "site"):
        told[f"TOUCHLINE_VENUE__{name.upper()}_URL"] = url(said, name)
    told["TOUCHLINE_VENUE__MARKET_WS_URL"] = said.get("market_ws_url") or said["ws_market"]
    kept = {k: v for k, v in os.environ.items() if not k.startswith("TOUCHLINE_")}
    return {**kept, **told}


def url(said: dict[str, Any], name: str) -> str:
    """Return one address of the sim."""
    return str(said.get(f"{name}_url") or said[name])


class Replicas:
    """Keeps two ingests alive and kills the older one in turn."""

    def __init__(self, given: dict[str, str], folder: Path, beats: Heartbeats) -> None:
        self._given, self._folder, self._beats = given, folder, beats
        self._pair: list[tuple[asyncio.subprocess.Process, Life]] = []
        self.lives: list[Life] = []

    async def start(self) -> None:
        """Start one and return once it watches what it wants."""
        log = self._folder / f"ingest-{len(self.lives)}.log"
        with log.open("wb") as file:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "ingest", cwd=ROOT, env=self._given, stderr=file
            )
        life = Life(len(self.lives), log, datetime.now(UTC))
        self.lives.append(life)
        self._pair.append((process, life))
        end = time.monotonic() + READY
        while not await self._watching(process.pid):
            if time.monotonic() > end or process.returncode is not None:
                raise RuntimeError(f"an ingest did not start:\n{log.read_text()[-3000:]}")
            await asyncio.sleep(0.1)
        life.ready = datetime.now(UTC)

    async def _watching(self, pid: int) -> bool:
        """Return whether this process says in its heartbeat row that all its sockets have books.

        An open socket is not enough: whoever has not seen a price below the threshold cannot
        see it touched, so that its partner must live until then. A socket's books come in one
        answer; what is missing from it are markets that have just closed.
        """
        for beat in await self._beats.all(datetime.now(UTC) - timedelta(seconds=10)):
            if beat.instance.endswith(f" {pid}"):
                wanted, have = beat.detail["tokens_wanted"], beat.detail["tokens_subscribed"]
                assert isinstance(wanted, int) and isinstance(have, int)
                return 0 < BOOKS * wanted <= have
        return False

    async def kill(self) -> None:
        """Kill the one that has been there for longest."""
        process, life = self._pair.pop(0)
        life.ended = datetime.now(UTC)
        process.send_signal(signal.SIGKILL)
        await process.wait()

    async def end(self) -> None:
        """Let both end in order."""
        for process, _ in self._pair:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
            await process.wait()


async def watch(said: dict[str, Any], rules: TradeRules, witness: Witness) -> None:
    """Follow the stream without a break, with the rules of the ingests."""
    tokens = Tokens(rules.trigger, rules.strategy)
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
            await feed.ask_again()
            await asyncio.sleep(10)
    finally:
        await feed.close()
        await venue.aclose()


async def drive(replicas: Replicas, seconds: float, every: float) -> None:
    """Kill one after the other for so long, then leave time for what is under way."""
    try:
        await replicas.start()
        await replicas.start()
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            await asyncio.sleep(every)
            await replicas.kill()
            await replicas.start()
        await asyncio.sleep(SETTLE)
    finally:
        await replicas.end()


async def measure(dsn: str, seconds: float, every: float, state: str) -> bool:
    """Run everything and print the account; return whether nothing is missing or double."""
    await migrate(dsn)
    pool = await open_pool(dsn)
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
            task_queue="trades-paper",
            workflows=[Waiting],
            workflow_runner=UnsandboxedWorkflowRunner(),
        ),
        sim(seconds) as said,
    ):
        address = temporal.client.service_client.config.target_host
        given = environment(said, dsn, address, state)
        rules = load_settings(environ=given, folder=Path(state)).rules
        witness, replicas = Witness(), Replicas(given, Path(state), Heartbeats(pool))
        watching = asyncio.create_task(watch(said, rules, witness))
        await drive(replicas, seconds, every)
        last = time.monotonic() - SETTLE
        watching.cancel()
        await asyncio.wait([watching])
        touches = {c: touch for c, touch in witness.touches.items() if touch.at < last}
        account = await settle(temporal.client, dsn, touches, replicas.lives)
    await pool.close()
    tell(account, len(replicas.lives) - 2, seconds, witness)
    return account.good()


def tell(account: Account, killed: int, seconds: float, witness: Witness) -> None:
    """Print the account."""
    print(f"two ingests, {killed} kills in {seconds:.0f} s: {account.touches} markets touched")
    for where, count in account.went.most_common():
        print(f"  {count:5} {where}")
    print(f"  {len(account.missing):5} missing")
    print(f"double: {len(account.double)}")
    late = account.more & {touch.workflow_id for touch in witness.touches.values()}
    print(f"started for touches of the last {SETTLE:.0f} s, not counted above: {len(late)}")
    print(f"started without a touch of the witness: {len(account.more - late)}")
    if witness.disturbed:
        print(f"of these the witness itself saw {witness.disturbed} only after a gap of its own")
    for story in account.missing:
        print(f"MISSING {story}")


def main() -> int:
    """Read the flags and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument("--every", type=float, default=2)
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
