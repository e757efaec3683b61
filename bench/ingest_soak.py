"""A slow consumer under load: `python -m bench.ingest_soak [--minutes 10] [--rate 5000]`.

A server on loopback sends numbered prints at this rate and cuts readers that are too far behind.
The consumer stops again and again, ever longer, up to six seconds. What counts: no print is
missing inside an epoch (a loss in silence), and every cut, and nothing else, is a new epoch.
Says once a minute how it stands. Ends with 1 if anything was lost in silence.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time

import psutil
import uvloop

from bench.ingest_sockets import Holes, Venue, make_feed, venue
from ingest.feed import Feed

CUT = 2_000_000  # bytes that may wait for a reader before the server cuts it
LONGEST = 6.0  # seconds of one stall; then they begin anew
SHORTEST = 0.05


async def soak(seconds: float, rate: float) -> bool:
    """Run and print; return whether nothing was lost in silence."""
    async with venue("--rate", str(rate), "--cut", str(CUT)) as server:
        feed, holes = make_feed(server.port, 200), Holes()
        feed.taps.append(holes.tap)
        await feed.want(feed._tokens.wanted())
        end, stop, tell = time.monotonic() + seconds, SHORTEST, time.monotonic() + 60
        while time.monotonic() < end:
            await asyncio.sleep(1.0)
            feed.gate(True)
            await asyncio.sleep(stop)
            feed.gate(False)
            stop = stop * 1.5 if stop < LONGEST else SHORTEST
            if time.monotonic() > tell:
                tell += 60
                print(standing(server, feed, holes), flush=True)
        await asyncio.sleep(3)  # what is under way arrives
        health = feed.health()
        print(f"{seconds:.0f} s at {rate:,.0f}/s: " + standing(server, feed, holes))
        good = holes.lost == 0 and health.epochs == server.said["cuts"] + 1
        await feed.close()
    return good and holes.seen > 0


def standing(server: Venue, feed: Feed, holes: Holes) -> str:
    """Return how it stands."""
    health, said = feed.health(), server.said
    ends = ", ".join(f"{why} {times}" for why, times in health.ends.items()) or "none"
    return (
        f"sent {said['sent']:,}, seen {holes.seen:,}, lost in silence {holes.lost},"
        f" cut {said['cuts']} times, epochs {health.epochs} (ends: {ends}),"
        f" {psutil.Process().memory_info().rss / 1e6:.0f} MB"
    )


def main() -> int:
    """Read the flags and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--rate", type=float, default=5_000)
    given = parser.parse_args()
    good = uvloop.run(soak(given.minutes * 60, given.rate))
    print(f"figures reached: {good}")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
