"""Quiet or frozen: `python -m bench.ingest_quiet [--minutes 60] [--faster 20]`.

First a quiet venue: a hundred healthy markets in which hardly anything happens, watched for an
hour by the feed and the audit of ingest, with its limits and the sim's real REST books. No
socket may be replaced. `--faster` divides every limit and every pause by the same number, so
that the hour takes three minutes; with `--faster 1` it is a real hour.

Then a frozen one, always in real time: books move, the sockets answer PING and say nothing. How
long until the socket is replaced, and by how many? Ends with 1 unless it is at most 30 s, by one.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import fields

import structlog
import uvloop

from bench.ingest import Quiet
from domain.rules import StrategyRules, TriggerRules
from ingest.__main__ import plan
from ingest.audit import AUDIT_EVERY, Audit
from ingest.feed import Feed
from ingest.fold import Fold
from ingest.shards import Shard
from ingest.tokens import Tokens
from settings.load import load_settings
from sim.faults import Fault
from sim.server import Sim, running
from tests.sim.client import QUIET, market, show
from venue.public import PublicVenue
from venue.stream import StreamLimits
from venue.transport import Hosts, Transport

MARKETS = 100
STIR = 40.0  # seconds between two changes of the whole quiet venue
NOTICED = 30.0  # seconds a freeze may last


def limits(faster: float) -> StreamLimits:
    """Return the limits of production, divided."""
    given = plan(load_settings(environ={}), Shard()).limits
    return StreamLimits(**{f.name: getattr(given, f.name) / faster for f in fields(given)})


class Bench:
    """A sim with a few markets, and the feed of ingest upon it."""

    def __init__(self, sim: Sim, faster: float) -> None:
        base = f"http://127.0.0.1:{sim.port}"
        hosts = Hosts(clob=base, gamma=f"{base}/gamma", data=f"{base}/data-api")
        self._markets = [market(number) for number in range(1, MARKETS + 1)]
        self._turn = 0
        self.sim, self.venue = sim, PublicVenue(Transport(hosts))
        self.audit, self.tokens = Audit(self.venue), Tokens(TriggerRules(), StrategyRules())
        self.feed = Feed(
            f"ws://127.0.0.1:{sim.port}/ws/market",
            self.tokens,
            Fold(self.tokens, Quiet()),
            judge=self.audit.right,
            limits=limits(faster),
        )

    async def subscribe(self) -> None:
        """List the markets, find them as ingest does, and wait for their books."""
        for shown in self._markets:
            show(self.sim.engine, shown, {"0.40": "500"}, {"0.42": "500"})
        async for page in self.venue.markets():
            for found in page.markets:
                self.tokens.put(found, taken=False)
        await self.feed.want(self.tokens.wanted())
        while self.feed.health().subscribed < MARKETS:  # noqa: ASYNC110 - another task reads
            await asyncio.sleep(0.05)

    def complete(self) -> bool:
        """Return whether every market's book has come since the last connection."""
        return self.feed.health().subscribed == MARKETS

    def stir(self) -> None:
        """Let one market move its bid by a cent."""
        self._turn += 1
        bid = "0.41" if self._turn // MARKETS % 2 == 0 else "0.40"
        show(self.sim.engine, self._markets[self._turn % MARKETS], {bid: "500"}, {"0.42": "500"})


@asynccontextmanager
async def watching(faster: float) -> AsyncIterator[Bench]:
    """Run a sim and the feed with its audit until the block ends."""
    async with running(QUIET) as sim:
        bench = Bench(sim, faster)
        await bench.subscribe()
        audit = asyncio.create_task(bench.audit.watch(bench.feed, AUDIT_EVERY / faster))
        try:
            yield bench
        finally:
            audit.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await audit
            await bench.feed.close()
            await bench.venue.aclose()


async def quiet(minutes: float, faster: float) -> bool:
    """Watch a quiet venue; return whether no socket was replaced."""
    async with watching(faster) as bench:
        end = time.monotonic() + minutes * 60 / faster
        while time.monotonic() < end:
            await asyncio.sleep(STIR / faster)
            bench.stir()
        await asyncio.sleep(1)
        health, audit = bench.feed.health(), bench.audit
    clock = "real time" if faster == 1 else f"every limit and pause divided by {faster:g}"
    print(
        f"quiet for {minutes:g} minutes ({clock}): {health.frames} frames, silence was doubted"
        f" or checked {audit.checks} times, unanswered {audit.failures},"
        f" reconnects {sum(health.ends.values())}"
    )
    return not health.ends and health.epochs == health.sockets and audit.checks > 0


async def frozen() -> bool:
    """Freeze the stream while the books move; return whether one socket replaced it in time."""
    async with watching(1.0) as bench:
        sockets = bench.feed.health().sockets
        engine = bench.sim.engine
        engine.faults.add(Fault(name="market_stall", count=0, window_s=120), engine.now())
        began = time.monotonic()
        while not bench.feed.health().ends and time.monotonic() < began + 4 * NOTICED:
            bench.stir()
            await asyncio.sleep(0.25)
        took = time.monotonic() - began
        engine.faults.clear()
        while not bench.complete() and time.monotonic() < began + 120:  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.05)
        await asyncio.sleep(5)  # a second replacement would show
        health, lines = bench.feed.health(), len(engine.hub.market_lines)
    print(
        f"frozen: noticed after {took:.1f} s as {dict(health.ends)}; {sockets} sockets before,"
        f" {health.sockets} after, {lines} at the venue, {health.epochs - sockets} replaced"
    )
    one = health.epochs == sockets + 1 and lines == health.sockets == sockets
    return one and took <= NOTICED and set(health.ends) == {"frozen"}


async def both(minutes: float, faster: float) -> bool:
    """Run one after the other."""
    calm = await quiet(minutes, faster)
    return await frozen() and calm


def main() -> int:
    """Read the flags and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=60, help="of quiet, before --faster")
    parser.add_argument("--faster", type=float, default=20)
    given = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(30))  # warnings
    good = uvloop.run(both(given.minutes, given.faster))
    print(f"figures reached: {good}")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
