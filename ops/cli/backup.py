"""touchline backup, restore: copies of everything that remembers a trade."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from ops.cli.exits import CliError, Exit
from ops.cli.options import Json, Profile, Set, load
from ops.cli.reach import dsn_of
from ops.cli.show import out, print_json
from ops.deploy.backup import CLUSTER, Manifest, back_up, verify
from ops.deploy.backup import restore as put_back
from ops.deploy.pg_programs import BackupError
from ops.services.pg_binaries import PostgresError
from ops.services.postgres import EmbeddedPostgres
from ops.stack.runfile import running
from settings.model import Settings

WithTemporal = Annotated[
    bool,
    typer.Option(
        "--with-temporal",
        help="Also the databases temporal and temporal_visibility of the same PostgreSQL.",
    ),
]


def backup(
    target: Annotated[
        Path | None, typer.Argument(help="A new directory.", show_default="backups/TIME")
    ] = None,
    with_temporal: WithTemporal = False,
    json: Json = False,
    profile: Profile = None,
    set_: Set = None,
) -> None:
    """Copy the store, and Temporal's file where `up` runs it; everything may go on running."""
    settings = load(profile, set_)
    folder = target or Path("backups") / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    temporal = _temporal_file(settings)
    try:
        file = temporal if temporal.exists() else None
        found = back_up(dsn_of(settings), file, folder, CLUSTER if with_temporal else ())
    except (BackupError, PostgresError, OSError) as e:
        raise CliError(Exit.ERROR, str(e)) from e
    _tell(found, folder, json, "written to")


def restore(
    source: Annotated[Path, typer.Argument(help="A directory that `backup` wrote.")],
    verify_only: Annotated[
        bool, typer.Option("--verify", help="Only examine the backup; change nothing.")
    ] = False,
    with_temporal: WithTemporal = False,
    json: Json = False,
    profile: Profile = None,
    set_: Set = None,
) -> None:
    """Put a backup into an empty database (or an empty state directory), then start as usual.

    Nothing is ever written over. The first reconciliation compares what was restored with the
    venue and mends the difference.
    """
    settings = load(profile, set_)
    try:
        found = verify(source)
        if not verify_only:
            _put_back(settings, source, CLUSTER if with_temporal else ())
    except (BackupError, PostgresError, OSError) as e:
        raise CliError(Exit.ERROR, str(e)) from e
    _tell(found, source, json, "sound in" if verify_only else "restored from")


def _put_back(settings: Settings, source: Path, cluster: Sequence[str]) -> None:
    if running(settings.state) is not None:
        raise CliError(Exit.ERROR, "something runs in this state directory: ./touchline down first")
    dsn = settings.database_url.get_secret_value()
    if dsn:
        file = None if settings.temporal.address else _temporal_file(settings)
        put_back(source, dsn, file, cluster)
        return
    server = EmbeddedPostgres(settings.state)
    dsn = server.start()
    try:
        put_back(source, dsn, _temporal_file(settings))
    finally:
        server.stop()


def _temporal_file(settings: Settings) -> Path:
    return settings.state.absolute() / "temporal.db"


def _tell(found: Manifest, folder: Path, json: bool, how: str) -> None:
    if json:
        print_json({"folder": folder, **found.model_dump()})
        return
    parts = ", ".join(found.files)
    out.print(f"{parts} of {found.at:%Y-%m-%d %H:%M:%S} UTC, {how} {folder}", markup=False)
