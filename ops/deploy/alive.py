"""Health check of a container: `python -m ops.deploy.alive worker|ingest|URL`; exit code 0 or 1."""

from __future__ import annotations

import argparse
import asyncio
import socket
import sys
from datetime import UTC, datetime, timedelta

import asyncpg
import httpx

from settings.errors import SettingsError
from settings.load import load_settings
from store.pool import open_pool
from store.pulse import Heartbeats

FRESH = timedelta(seconds=60)  # processes beat every 10 s
WITHIN = 10.0  # seconds


async def beats(process: str, dsn: str, host: str) -> bool:
    """Return whether a process of this kind on this host gave a sign of life lately.

    The heartbeat is written by the loop that does the work: one that hangs writes none.
    """
    pool = await open_pool(dsn, max_size=1, connect_timeout=5)
    try:
        heard = await Heartbeats(pool).all(datetime.now(UTC) - FRESH)
    finally:
        await pool.close()
    return any(item.process == process and host in item.instance.split() for item in heard)


def answers(url: str) -> bool:
    """Return whether a page answers with 200."""
    try:
        return httpx.get(url, timeout=WITHIN, trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False


def main() -> int:
    """Check one thing."""
    parser = argparse.ArgumentParser(prog="python -m ops.deploy.alive", description=__doc__)
    parser.add_argument("what", help="worker, ingest, or the URL of a page")
    what = parser.parse_args().what
    if "://" in what:
        return 0 if answers(what) else 1
    try:
        dsn = load_settings().database_url.get_secret_value()
        work = asyncio.wait_for(beats(what, dsn, socket.gethostname()), WITHIN)
        return 0 if asyncio.run(work) else 1
    except (OSError, TimeoutError, asyncpg.PostgresError, SettingsError) as e:
        print(f"{type(e).__name__}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
