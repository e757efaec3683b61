"""Record the market stream: `python -m ingest.record FOLDER [--markets N] [--seconds S]`.

Needs the venue's URLs from the settings, no database, no wallet and no Temporal.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from pathlib import Path

import structlog
import uvloop

from domain.rules import StrategyRules, TriggerRules
from ingest.__main__ import SHARE
from ingest.audit import AUDIT_EVERY, Audit
from ingest.feed import Feed
from ingest.fold import Fold
from ingest.recorder import Recorder
from ingest.tokens import Tokens, TokenState
from settings.errors import SettingsError
from settings.load import load_settings
from settings.logs import log_to
from settings.model import Settings
from settings.venue import hosts
from venue.errors import VenueError
from venue.limits import Limiter
from venue.public import PublicVenue
from venue.transport import Retry, Transport

log = structlog.get_logger()

FAILED, MISCONFIGURED = 1, 4  # exit codes (design 13)


class Deaf:
    """A sink for a fold that only keeps books."""

    def touched(self, state: TokenState, price: int, size: str, ms: int, seen_ns: int) -> None:
        """Ignore."""

    def unseen(self, state: TokenState, price: int, ms: int) -> None:
        """Ignore."""

    def level(self, state: TokenState) -> None:
        """Ignore."""

    def hint(self, kind: str, condition_id: str) -> None:
        """Ignore."""


async def record(settings: Settings, folder: Path, most: int, stop: asyncio.Event) -> int:
    """Record up to `most` markets until `stop`; return how many frames were kept.

    Raises:
        VenueError: the venue does not tell its markets.
        Exception: what reading, comparing or writing died of.
    """
    tokens = Tokens(TriggerRules(), StrategyRules(outcome_indexes=(0, 1)))
    reads = Retry(attempts=3, within=30)
    venue = PublicVenue(Transport(hosts(settings), limiter=Limiter(share=SHARE), retry=reads))
    audit, recorder = Audit(venue), Recorder(folder)
    fold = Fold(tokens, Deaf())
    feed = Feed(settings.venue.market_ws_url, tokens, fold, judge=audit.right)
    feed.taps.append(recorder.tap)
    work = [
        asyncio.create_task(one)
        for one in (
            _subscribe(venue, tokens, feed, recorder, most, stop),
            recorder.run(),
            feed.run(),
            audit.watch(feed, AUDIT_EVERY),
        )
    ]
    try:
        await asyncio.wait(work, return_when=asyncio.FIRST_COMPLETED)
    finally:
        await feed.close()
        for task in work:
            task.cancel()
        await asyncio.gather(*work, return_exceptions=True)
        await venue.aclose()
    log.info("recorded", frames=recorder.frames, lost=recorder.lost, folder=str(folder))
    for task in work:
        if not task.cancelled():
            task.result()
    return recorder.frames


async def _subscribe(
    venue: PublicVenue,
    tokens: Tokens,
    feed: Feed,
    recorder: Recorder,
    most: int,
    stop: asyncio.Event,
) -> None:
    """Watch up to `most` markets; returns when `stop` is set."""
    async for page in venue.markets():
        known = page.markets[: most - len(tokens.conditions())]
        recorder.markets(known)
        for market in known:
            tokens.put(market, taken=False)
        await feed.want(tokens.wanted())
        if len(tokens.conditions()) >= most or stop.is_set():
            break
    log.info("recording", markets=len(tokens.conditions()), sockets=len(feed.sockets))
    await stop.wait()


async def _until(settings: Settings, folder: Path, most: int, seconds: float) -> None:
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    if seconds:
        loop.call_later(seconds, stop.set)
    await record(settings, folder, most, stop)


def main() -> int:
    """Read arguments and settings, record, and return the exit code."""
    parser = argparse.ArgumentParser(prog="touchline record", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--markets", type=int, default=1000, help="at most so many")
    parser.add_argument("--seconds", type=float, default=0, help="0: until Ctrl-C")
    given = parser.parse_args()
    try:
        settings = load_settings()
    except SettingsError as error:
        print(error, file=sys.stderr)
        return MISCONFIGURED
    log_to(settings.log.level, settings.log.format)
    try:
        uvloop.run(_until(settings, given.folder, given.markets, given.seconds))
    except Exception as error:  # the edge: whatever it died of, the tape ends here
        log.error("failed", error=repr(error), exc_info=not isinstance(error, VenueError | OSError))
        return FAILED
    return 0


if __name__ == "__main__":
    sys.exit(main())
