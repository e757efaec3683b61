"""touchline up: start everything, show the trades, stop in order."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Annotated

import typer

from ops.cli.exits import CliError, Exit
from ops.cli.options import Profile, Set, overrides
from ops.cli.screen import Screen
from ops.cli.session import Session
from ops.cli.show import out
from ops.report.build import Report
from ops.services.temporal import TemporalUnreachable
from ops.stack.assembly import Stack
from ops.stack.lock import StateError, alone
from ops.supervision.part import PartFailed
from settings.load import load_with_sources
from settings.permission import require_permission


def up(
    profile: Profile = None,
    set_: Set = None,
    speed: Annotated[
        float | None, typer.Option("--speed", min=0.1, help="Play the tape N times as fast.")
    ] = None,
    exit_when_done: Annotated[
        bool, typer.Option("--exit-when-done", help="End after the tape and its last trade.")
    ] = False,
    report: Annotated[
        Path | None, typer.Option("--report", help="Write the report as JSON to this file.")
    ] = None,
) -> None:
    """Start PostgreSQL, Temporal, the venue (a recording by default), worker and ingest.

    Prints the links and a live table. Ctrl-C stops all in order; a second start resumes.
    """
    changes = [*(set_ or []), *([f"sim.speed={speed:g}"] if speed is not None else [])]
    given = overrides(profile, changes)
    settings, layer = load_with_sources(given)
    if exit_when_done and settings.sim.source != "tape":
        raise CliError(
            Exit.CONFIGURATION,
            f"--exit-when-done needs sim.source=tape, was {settings.sim.source}: nothing else ends",
        )
    require_permission(settings)
    _require_writable(report)
    try:
        with alone(settings.state), Screen(out) as screen:
            screen.header(settings, layer)
            stack = Stack(settings, given, os.environ)
            try:
                found = asyncio.run(
                    Session(settings, stack, screen).run(
                        exit_when_done=exit_when_done, report=report
                    )
                )
            finally:
                stack.close()
    except (StateError, PartFailed, TemporalUnreachable) as e:
        raise CliError(Exit.ERROR, str(e)) from e
    if exit_when_done:
        _judge(found)


def _require_writable(report: Path | None) -> None:
    """Find out before the run, not after it, that the report cannot be written."""
    if report is not None and not os.access(report.absolute().parent, os.W_OK):
        raise CliError(Exit.CONFIGURATION, f"--report must be a writable file, was {report}")


def _judge(report: Report | None) -> None:
    if report is None:
        raise CliError(Exit.ERROR, "stopped before the tape was done")
    if not report.judge.clean or report.trades.open or report.trades.unknown:
        raise CliError(Exit.ERROR, "the books do not agree with the venue's, see the report")
