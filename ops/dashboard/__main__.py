"""`python -m ops.dashboard`: serve the dashboard until SIGTERM."""

from __future__ import annotations

import asyncio
import socket
import sys
from datetime import UTC, datetime

import structlog
import uvicorn
import uvloop

from ops.dashboard.app import make_app
from ops.dashboard.desk import Desk
from ops.dashboard.token import BindRefused, require_safe_bind, token_of
from ops.listening import listening
from settings.errors import SettingsError
from settings.load import load_with_sources
from settings.logs import log_to
from settings.model import Settings
from settings.temporal_client import connect_temporal
from store.pool import open_pool
from store.pulse import Heartbeats

log = structlog.get_logger()

FAILED, MISCONFIGURED = 1, 4  # exit codes (design 13)
BEAT = 10.0  # seconds between two heartbeats


async def run(settings: Settings, sources: dict[str, str], token: str) -> None:
    """Serve until SIGTERM or SIGINT.

    Raises:
        OSError: the port is taken, or the database does not answer.
    """
    place = settings.dashboard
    listener = socket.create_server((place.host, place.port), reuse_port=False)
    port = listener.getsockname()[1]
    # Lazy: the dashboard must come up to tell that Temporal does not.
    client = await connect_temporal(settings.temporal, lazy=True)
    dsn = settings.database_url.get_secret_value()
    pool = await open_pool(dsn, max_size=6, application="touchline-dashboard")
    desk = Desk(settings, pool, client, lambda: datetime.now(UTC), sources)
    server = uvicorn.Server(listening(make_app(desk, token)))
    desk.closing = lambda: server.should_exit
    log.info("ready", url=f"http://{place.host}:{port}", token_in=str(settings.state))
    beating = asyncio.create_task(_beat(Heartbeats(pool), f"{socket.gethostname()} {port}"))
    try:
        await server.serve(sockets=[listener])
    finally:
        beating.cancel()
        pool.terminate()
        log.info("ended")


async def _beat(heartbeats: Heartbeats, instance: str) -> None:
    while True:
        try:
            await heartbeats.beat("dashboard", instance, datetime.now(UTC))
        except Exception as e:  # the store is away: the pages say so
            log.warning("store_away", error=repr(e)[:200])
        await asyncio.sleep(BEAT)


def main() -> int:
    """Read the settings, serve, and return the exit code."""
    try:
        settings, layer = load_with_sources()
        place = settings.dashboard
        require_safe_bind(place.host, place.token.get_secret_value())
        token = token_of(place.token.get_secret_value(), settings.state)
    except (SettingsError, BindRefused) as error:
        print(error, file=sys.stderr)
        return MISCONFIGURED
    log_to(settings.log.level, settings.log.format)
    try:
        uvloop.run(run(settings, {key: item.source for key, item in layer.items()}, token))
    except OSError as error:
        log.error("failed", error=repr(error))
        return FAILED
    return 0


if __name__ == "__main__":
    sys.exit(main())
