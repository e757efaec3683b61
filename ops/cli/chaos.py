"""`touchline chaos`: hurt everything by seed, then let the venue's own ledger judge."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from ops.chaos.campaign import Campaign, campaign
from ops.cli.exits import CliError, Exit
from ops.cli.show import out
from settings.place import ROOT


def chaos(
    runs: Annotated[int, typer.Option("--runs", min=1, help="How many seeds.")] = 1,
    seed: Annotated[int, typer.Option("--seed", help="The first seed.")] = 1,
    report: Annotated[
        Path | None, typer.Option("--report", help="Write everything as JSON.", metavar="FILE")
    ] = None,
    fast: Annotated[
        bool, typer.Option("--fast", help="One process, virtual clock: many seeds a second.")
    ] = False,
    only: Annotated[
        int | None, typer.Option("--only", help="One seed alone, with its story.", metavar="SEED")
    ] = None,
) -> None:
    """Kill, freeze, cut, stall and lie, by seed; afterwards the books must equal the venue's.

    Starts stacks of its own on free ports, in directories of their own; touches no other one.
    """
    seeds = [only] if only is not None else list(range(seed, seed + runs))
    if fast:
        raise typer.Exit(_fast(seeds, report, alone=only is not None))

    def keep(found: Campaign) -> None:
        if report is not None:
            report.write_text(json.dumps(asdict(found), indent=1) + "\n")

    found = asyncio.run(campaign(seeds, out.print, keep))
    _show(found, alone=only is not None)
    if found.failed:
        raise CliError(Exit.ERROR, f"{len(found.failed)} of {len(seeds)} seeds: {found.failed}")


def _show(found: Campaign, *, alone: bool) -> None:
    for result in found.results:
        if alone or result.faults:
            for line in [*result.story, *(f"FAULT {fault}" for fault in result.faults)]:
                out.print(line, markup=False)


def _fast(seeds: list[int], report: Path | None, *, alone: bool) -> int:
    """Run the fast variant as a process: it builds on the worker, which nobody may import."""
    command = [sys.executable, "-m", "bench.chaos_fast", "--seed", str(seeds[0])]
    command += ["--only", str(seeds[0])] if alone else ["--runs", str(len(seeds))]
    if report is not None:
        command += ["--report", str(report.absolute())]
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, cwd=ROOT, env=environ, check=False).returncode  # noqa: S603  # our own arguments
