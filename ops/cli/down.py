"""touchline down: stop what runs, in order."""

from __future__ import annotations

import time
from typing import Annotated

import psutil
import typer

from ops.cli.exits import CliError, Exit
from ops.cli.options import Json, Profile, Set, load
from ops.cli.reach import not_running
from ops.cli.show import out, print_json
from ops.services.pg_binaries import PostgresError
from ops.services.postgres import EmbeddedPostgres, running_dsn
from ops.stack.runfile import running
from ops.supervision.identity import end_leftovers
from settings.model import Settings


def down(
    json: Json = False,
    timeout: Annotated[int, typer.Option("--timeout", min=1, help="Seconds to wait.")] = 120,
    profile: Profile = None,
    set_: Set = None,
) -> None:
    """Stop everything that `up` started. Open trades go on where they were at the next start."""
    settings = load(profile, set_)
    begun = time.monotonic()
    found = running(settings.state)
    supervisor = found.supervisor.process() if found else None
    if supervisor is not None:
        _stop(supervisor, timeout)
    elif not _stop_leftovers(settings):
        raise not_running(settings)
    seconds = round(time.monotonic() - begun, 1)
    if json:
        print_json({"stopped": True, "seconds": seconds})
    else:
        out.print(f"Stopped in {seconds} s.")


def _stop(supervisor: psutil.Process, timeout: int) -> None:
    try:
        supervisor.terminate()
        supervisor.wait(timeout)
    except psutil.NoSuchProcess:
        return
    except psutil.TimeoutExpired as e:
        text = f"still stopping after {timeout} s (pid {supervisor.pid})"
        raise CliError(Exit.TIMEOUT, text) from e


def _stop_leftovers(settings: Settings) -> bool:
    """Stop what a killed supervisor left; return whether there was anything."""
    if not settings.state.exists():
        return False
    ended = end_leftovers(settings.state, str(settings.state / "temporal.db"))
    if running_dsn(settings.state) is None:
        return bool(ended)
    server = EmbeddedPostgres(settings.state)
    try:
        server.start()  # adopts it
        server.stop()
    except PostgresError as e:
        raise CliError(Exit.ERROR, str(e)) from e
    return True
