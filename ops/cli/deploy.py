"""touchline deploy init, check, promote: a server made ready, examined, and moved to new code."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated

import typer
from temporalio.client import Client
from temporalio.service import RPCError

from ops.cli.exits import CliError, Exit
from ops.cli.options import Json, Profile, Set, load
from ops.cli.reach import dsn_of, require_running, run_within
from ops.cli.show import out, print_json, table
from ops.deploy import cluster, running
from ops.deploy.finding import Finding
from ops.deploy.init import make_secrets
from ops.deploy.versions import Versions
from ops.stack.database import require_database
from ops.supervision.part import PartFailed
from settings.model import Settings
from settings.place import ROOT
from settings.temporal_client import connect_temporal
from settings.version import build_id

app = typer.Typer(
    help="Make a server ready, examine it, move it to new code (docs/deploy.md).",
    no_args_is_help=True,
    rich_markup_mode=None,
)
Look = Callable[[], Awaitable[Finding]]
PAUSE = 1.0  # seconds between two looks


@app.command()
def init(
    folder: Annotated[Path, typer.Option("--folder", help="Where docker-compose.yml is.")] = ROOT,
) -> None:
    """Make deploy/secrets and .env; what exists is left as it is."""
    made = make_secrets(folder)
    for path in made:
        out.print(f"made {path.relative_to(folder)}", markup=False)
    out.print("Next: look at .env, then: docker compose up -d" if made else "Nothing was missing.")


@app.command()
def check(
    apply: Annotated[bool, typer.Option("--apply", help="Make what is missing.")] = False,
    prepare: Annotated[
        bool, typer.Option("--prepare", help="Only what must be there before a worker starts.")
    ] = False,
    json: Json = False,
    profile: Profile = None,
    set_: Set = None,
) -> None:
    """Examine Temporal and the database: everything a worker needs, and whether one works."""
    settings = load(profile, set_)
    findings = run_within(lambda: _examine(settings, apply, prepare), 120)
    well = all(finding.ok for finding in findings)
    if json:
        print_json({"ok": well, "build_id": build_id(), "findings": findings})
    else:
        rows = [
            ("made" if f.applied else "ok" if f.ok else "FAILED", f.name, f.found, f.fix)
            for f in findings
        ]
        out.print(table("Deployment", ("", "check", "found", "what to do"), rows))
    if not well:
        raise typer.Exit(Exit.ERROR)


async def _examine(settings: Settings, apply: bool, prepare: bool) -> list[Finding]:
    dsn = dsn_of(settings)
    client = await reach(settings)
    try:
        await require_database(dsn)
        found = [
            await cluster.namespace(client, apply),
            await cluster.retention(client, apply),
            await cluster.schema(dsn, apply),
        ]
        if not found[0].ok:
            return found
        found.append(await _once_known(lambda: cluster.search_attributes(client, apply)))
        if not prepare:
            found.append(await running.pollers(client, settings.temporal.task_queue))
            found.append(await running.schedules(client, settings.mode.value, apply))
            if settings.temporal.versioning:
                found.append(await running.versions(client))
    except (RPCError, PartFailed) as e:
        raise CliError(Exit.ERROR, f"the examination stopped: {e}") from e
    return found


async def _once_known(look: Look) -> Finding:
    """Look again while a namespace just made is not known to every part of the server."""
    for _ in range(20):
        try:
            return await look()
        except RPCError:
            await asyncio.sleep(PAUSE)
    return await look()


async def reach(settings: Settings) -> Client:
    """Return a client, whether or not its namespace exists yet."""
    place = settings.temporal
    if not place.address:
        found = require_running(settings)
        place = place.model_copy(update={"address": found.temporal_address, "embedded": True})
    try:
        return await asyncio.wait_for(connect_temporal(place), 10)
    except (RuntimeError, TimeoutError) as e:
        raise CliError(
            Exit.NOT_RUNNING, f"Temporal at {place.address} (TEMPORAL_ADDRESS) does not answer"
        ) from e


@app.command()
def promote(
    build: Annotated[
        str | None, typer.Argument(help="Build id; default: that of this code.", show_default=False)
    ] = None,
    within: Annotated[int, typer.Option("--within", help="Seconds to wait for a worker.")] = 120,
    json: Json = False,
    profile: Profile = None,
    set_: Set = None,
) -> None:
    """Send all tasks to workers of this code, once one of them is seen; BUILD goes back."""
    settings, wanted = load(profile, set_), build or build_id()
    before = run_within(lambda: _promote(settings, wanted, within), within + 30)
    if json:
        print_json({"current": wanted, "before": before})
    else:
        was = f"; before: {before}" if before and before != wanted else ""
        out.print(f"Tasks go to {wanted}{was}.", markup=False)


async def _promote(settings: Settings, wanted: str, within: int) -> str:
    client = await reach(settings)
    versions = Versions(client)
    end = asyncio.get_running_loop().time() + within
    while wanted not in (known := await versions.known()):
        if asyncio.get_running_loop().time() > end:
            seen = ", ".join(known) or "none"
            raise CliError(
                Exit.TIMEOUT,
                f"no worker with temporal.versioning=true and build {wanted} was seen within"
                f" {within} s; seen: {seen}",
            )
        await asyncio.sleep(PAUSE)
    before = await versions.current()
    try:
        await versions.promote(wanted)
    except RPCError as e:
        raise CliError(Exit.ERROR, f"Temporal refused {wanted}: {e.message}") from e
    return before
