"""touchline logs: what the processes wrote, merged or one by one."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from ops.cli.exits import CliError, Exit
from ops.cli.options import Profile, Set, load
from ops.cli.show import printable

FOLLOW_EVERY = 0.3
MOST = 64 * 1024  # characters of one line that are shown
BLOCK = 256 * 1024  # bytes read from the end of a log: enough for any `--lines` people ask for


def logs(
    part: Annotated[str | None, typer.Argument(help="worker, ingest, sim, temporal …")] = None,
    lines: Annotated[int, typer.Option("--lines", "-n", min=0, help="So many from the end.")] = 20,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on as they grow.")] = False,
    profile: Profile = None,
    set_: Set = None,
) -> None:
    """Print the end of the logs of every part, or of one."""
    settings = load(profile, set_)
    files = _files(settings.state, part)
    width = max(len(name) for name in files)
    ends = {}
    for name, path in files.items():
        ends[name], shown = _tail(path, lines)
        for line in shown:
            print(f"{name:<{width}} {printable(line, MOST)}")
    while follow:
        time.sleep(FOLLOW_EVERY)
        for name, path in files.items():
            ends[name], shown = _grown(path, ends[name])
            for line in shown:
                print(f"{name:<{width}} {printable(line, MOST)}", flush=True)


def _files(state: Path, part: str | None) -> dict[str, Path]:
    files = {path.stem: path for path in sorted((state / "logs").glob("*.log"))}
    if (state / "postgres.log").exists():
        files["postgres"] = state / "postgres.log"
    if not files:
        raise CliError(Exit.NOT_RUNNING, f"no logs in {state}: nothing was started there")
    if part is None:
        return files
    if part not in files:
        raise CliError(Exit.NOT_FOUND, f"no log of {part}; there are: {', '.join(files)}")
    return {part: files[part]}


def _tail(path: Path, lines: int) -> tuple[int, Iterator[str]]:
    with open(path, "rb") as file:
        end = file.seek(0, 2)
        file.seek(max(end - BLOCK, 0))
        text = file.read(BLOCK).decode(errors="replace")
    return end, iter(text.splitlines()[-lines:] if lines else [])


def _grown(path: Path, since: int) -> tuple[int, Iterator[str]]:
    """Return the whole lines written since then; a line under way waits for its end."""
    with open(path, "rb") as file:
        file.seek(since)
        whole, newline, _ = file.read().rpartition(b"\n")
    return since + len(whole) + len(newline), iter(whole.decode(errors="replace").splitlines())
