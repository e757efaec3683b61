"""Measure ingest from the socket on: `python -m bench.ingest_sockets WHAT [--seconds N]`.

burst: one socket, 400,000 prints as fast as they come: frames per second of wall clock and of
       our CPU, and how many were lost.
wide:  30,000 tokens on 150 sockets: time until every book is there, memory, then the share of a
       core at 1,000 prints per second.

The other side is bench/loopback_venue.py, in a process of its own. Ends with 1 if a figure of
docs is missed.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import psutil
import uvloop

from bench.ingest import Quiet
from domain.market import Market, Token
from domain.rules import StrategyRules, TriggerRules
from ingest.feed import Feed
from ingest.fold import Fold
from ingest.tokens import Tokens
from venue.wire.market import LastTrade, MarketDecoder

BURST = 400_000


@dataclass
class Venue:
    """The server process: where it listens and what it said last."""

    port: int
    said: dict[str, int] = field(default_factory=dict)


@contextlib.asynccontextmanager
async def venue(*flags: str) -> AsyncIterator[Venue]:
    """Run the server until the block ends."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.loopback_venue", *flags, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    found = Venue(json.loads(await process.stdout.readline())["port"])

    async def hear(stdout: asyncio.StreamReader) -> None:
        while line := await stdout.readline():
            found.said = json.loads(line)

    hearing = asyncio.create_task(hear(process.stdout))
    try:
        yield found
    finally:
        process.kill()
        await process.wait()
        await hearing


class Holes:
    """Counts the prints that are missing inside an epoch."""

    def __init__(self) -> None:
        self.last: dict[int, int] = {}
        self.seen = self.lost = 0
        self._decode = MarketDecoder().decode

    def tap(self, frame: bytes, seen_ns: int, epoch: int) -> None:
        """Look at one frame."""
        if frame[:1] == b"[":
            return
        for event in self._decode(frame):
            if isinstance(event, LastTrade):
                number = int(event.size)
                self.seen += 1
                self.lost += number - self.last.get(epoch, 0) - 1
                self.last[epoch] = number


def make_feed(port: int, tokens: int) -> Feed:
    """Return a feed over so many tokens."""
    held = Tokens(TriggerRules(), StrategyRules())
    for number in range(tokens):
        pair = (f"{10**76 + 2 * number}", f"{10**76 + 2 * number + 1}")
        outcomes = tuple(Token(token_id=t, outcome=str(i), index=i) for i, t in enumerate(pair))
        held.put(
            Market(condition_id=f"0x{number:064x}", question="?", tokens=outcomes), taken=False
        )
    return Feed(f"ws://127.0.0.1:{port}/ws/market", held, Fold(held, Quiet()), ramp=20)


async def until(what: Any, within: float) -> bool:
    """Wait until `what()` holds; return whether it did."""
    end = time.monotonic() + within
    while not (done := bool(what())) and time.monotonic() < end:  # noqa: ASYNC110  # what is awaited gives no event
        await asyncio.sleep(0.05)
    return done


async def burst(_: float) -> bool:
    """One socket as fast as it goes."""
    async with venue("--burst", str(BURST)) as server:
        feed = make_feed(server.port, 200)
        began, cpu = time.monotonic(), time.process_time()
        await feed.want(feed._tokens.wanted())
        whole = await until(lambda: feed.health().frames > BURST, 120)
        wall, used = time.monotonic() - began, time.process_time() - cpu
        lost = BURST + 1 - feed.health().frames
        await feed.close()
    rates = f"{BURST / wall:,.0f}/s wall, {BURST / used:,.0f}/s CPU"
    print(f"| one socket, burst | {rates} | lost {lost} |")
    return whole and lost == 0 and BURST / used >= 20_000


async def wide(seconds: float) -> bool:
    """150 sockets."""
    process = psutil.Process()
    async with venue("--rate", "1000") as server:
        feed = make_feed(server.port, 30_000)
        began = time.monotonic()
        await feed.want(feed._tokens.wanted())
        whole = await until(lambda: feed.health().subscribed == 30_000, 60)
        ready = time.monotonic() - began
        await asyncio.sleep(2)
        frames, wall, cpu = feed.health().frames, time.monotonic(), time.process_time()
        await asyncio.sleep(seconds)
        wall = time.monotonic() - wall
        share, rate = (time.process_time() - cpu) / wall, (feed.health().frames - frames) / wall
        memory = process.memory_info().rss / 1e6
        ends = sum(feed.health().ends.values())
        await feed.close()
    print(
        f"| 30,000 tokens, 150 sockets | subscribed in {ready:.1f} s, {memory:.0f} MB,"
        f" {share:.1%} of a core at {rate:,.0f}/s | reconnects {ends} |"
    )
    return whole and ready < 60 and memory < 500 and share < 0.15


def main() -> int:
    """Run one of the two."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["burst", "wide"])
    parser.add_argument("--seconds", type=float, default=30)
    given = parser.parse_args()
    work = {"burst": burst, "wide": wide}[given.what]
    good = uvloop.run(work(given.seconds))
    print(f"figures reached: {good}")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
