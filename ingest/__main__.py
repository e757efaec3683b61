"""Run ingest: `python -m ingest [--shard I/N] [--metrics PORT]`; the rest comes from settings."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import socket
import sys

import structlog
import uvloop

from ingest.app import Ingest, Plan
from ingest.metrics import IngestMetrics, from_loop, serve
from ingest.outage import STORE_AWAY
from ingest.shards import Shard
from settings.errors import SettingsError
from settings.keystore import unlock
from settings.load import load_settings
from settings.logs import log_to
from settings.model import Settings
from settings.permission import require_permission
from settings.temporal_client import connect_temporal
from settings.venue import api_creds, hosts
from store.pool import open_pool
from venue.errors import NotReady, Unknown, VenueError
from venue.limits import Limiter
from venue.public import PublicVenue
from venue.stream import StreamLimits
from venue.transport import ApiCreds, Retry, Transport

log = structlog.get_logger()

FAILED, MISCONFIGURED = 1, 4  # exit codes (design 13)
CREDS_AGAIN = 2.0  # seconds between two attempts to log in
SHARE = 0.2  # of the venue's documented rate limits; trades need the rest


def plan(settings: Settings, shard: Shard) -> Plan:
    """Return what ingest needs to know of the settings."""
    ingest, silence = settings.ingest, settings.ingest.silence.total_seconds()
    ping = ingest.ping_every.total_seconds()
    return Plan(
        mode=settings.mode,
        rules=settings.rules,
        rules_hash=settings.rules_hash,
        shard=shard,
        task_queue=settings.temporal.task_queue,
        market_ws_url=settings.venue.market_ws_url,
        user_ws_url=settings.venue.user_ws_url,
        site_url=settings.venue.site_url,
        per_socket=ingest.tokens_per_socket,
        dispatches=ingest.dispatches,
        room=ingest.queue,
        # A freeze is doubted early enough that question and answer fit into `silence`.
        limits=StreamLimits(
            ping_every=ping,
            pong_within=ping,
            doubt_after=silence / 3,
            vouch_within=silence / 6,
            silent_for=silence * 2,
        ),
        catalogue_every=settings.schedule.discover,
        instance=f"{shard.index}/{shard.count} {socket.gethostname()} {os.getpid()}",
    )


async def credentials(settings: Settings) -> ApiCreds | None:
    """Return the API credentials: as set, else derived from the wallet, else None.

    Waits for a venue that does not answer; the market stream does not wait for us.

    Raises:
        VenueError: the venue refuses the wallet.
    """
    if creds := api_creds(settings):
        return creds
    wallet = settings.wallet
    if not (private := await asyncio.to_thread(unlock, wallet)):
        return None
    from venue.connect import Account, connect  # the SDK takes seconds to import

    account = Account(private, wallet.address, wallet.signature_type)
    while True:
        try:
            connected = await connect(hosts(settings), account)
        except (NotReady, Unknown) as error:
            log.warning("no_credentials_yet", error=str(error)[:200])
            await asyncio.sleep(CREDS_AGAIN)
            continue
        try:
            return connected.creds
        finally:
            await connected.aclose()


async def run(settings: Settings, shard: Shard, metrics_port: int) -> None:
    """Run until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    # Triggers wait for Temporal, the stream does not.
    client = await connect_temporal(settings.temporal, lazy=True)
    pool = await open_pool(settings.database_url.get_secret_value(), application="touchline-ingest")
    reads = Retry(attempts=3, within=10)
    venue = PublicVenue(Transport(hosts(settings), limiter=Limiter(share=SHARE), retry=reads))
    ingest = Ingest(plan(settings, shard), pool, client, venue, lambda: credentials(settings))
    health, loop = ingest.health, asyncio.get_running_loop()
    metrics = IngestMetrics(from_loop(loop, health.gauges), from_loop(loop, health.counted))
    stop_metrics = serve(metrics, metrics_port, settings.metrics_host)
    try:
        await ingest.run(stop)
    finally:
        stop_metrics()
        await venue.aclose()
        await pool.close()
        log.info("ended")


def main() -> int:
    """Read arguments and settings, run, and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m ingest", description=__doc__)
    parser.add_argument("--shard", help="I/N: this process takes part I of N (from 0)")
    parser.add_argument("--metrics", type=int, default=0, help="port of the metrics; 0: any free")
    arguments = parser.parse_args()
    try:
        settings = load_settings()
        require_permission(settings)
        shard = Shard.parse(arguments.shard or settings.ingest.shard)
    except (SettingsError, ValueError) as error:
        print(error, file=sys.stderr)
        return MISCONFIGURED
    log_to(settings.log.level, settings.log.format)
    try:
        uvloop.run(run(settings, shard, arguments.metrics))
    except (VenueError, SettingsError, *STORE_AWAY) as error:
        log.error("failed", error=repr(error))
        return FAILED
    return 0


if __name__ == "__main__":
    sys.exit(main())
