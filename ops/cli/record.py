"""touchline record: write the raw market stream to disk, in the background of nothing else."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer


def record(
    folder: Annotated[Path, typer.Argument(help="Where the files go; made if need be.")],
    markets: Annotated[int, typer.Option(help="Record at most so many markets.")] = 1000,
    seconds: Annotated[float, typer.Option(help="End after so long; 0: at Ctrl-C.")] = 0,
) -> None:
    """Record the market stream of the venue that the settings name (docs/ingest.md)."""
    arguments = [str(folder), "--markets", str(markets), "--seconds", str(seconds)]
    # Ingest is a room of its own: the process becomes it, so that Ctrl-C and exit codes are its.
    os.execv(sys.executable, [sys.executable, "-P", "-m", "ingest.record", *arguments])  # noqa: S606  # our own arguments, no shell
