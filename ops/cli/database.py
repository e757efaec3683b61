"""touchline migrate: bring the database up to this code."""

from __future__ import annotations

from typing import Annotated

import typer

from ops.cli.exits import CliError, Exit
from ops.cli.options import Json, Profile, Set, load
from ops.cli.reach import dsn_of, run_within
from ops.cli.show import out, print_json
from ops.stack.database import require_database
from ops.supervision.part import PartFailed
from store import migrations


def migrate(
    json: Json = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what is missing.")] = False,
    profile: Profile = None,
    set_: Set = None,
) -> None:
    """Apply the migrations that the database lacks; safe to run again and beside others."""
    settings = load(profile, set_)
    dsn = dsn_of(settings)

    async def work() -> list[str]:
        await require_database(dsn)
        return await (migrations.pending(dsn) if dry_run else migrations.migrate(dsn))

    try:
        names = run_within(work, 300)
    except (migrations.MigrationError, PartFailed) as e:
        raise CliError(Exit.ERROR, str(e)) from e
    if json:
        print_json({"dry_run": dry_run, "migrations": names})
    elif names:
        out.print(("Missing: " if dry_run else "Applied: ") + ", ".join(names))
    else:
        out.print("The database is up to date.")
