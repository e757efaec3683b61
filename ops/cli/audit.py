"""touchline audit: the supply chain, by the lock files and what is installed."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from typing import Annotated

import typer

from ops.cli.exits import CliError, Exit
from ops.cli.options import Json
from ops.cli.show import out, print_json, table
from ops.deploy.licences import read_lock, unhashed
from settings.place import ROOT


def audit(
    json: Json = False,
    vulnerabilities: Annotated[
        bool, typer.Option("--vulnerabilities", help="Also ask pip-audit (needs the network).")
    ] = False,
) -> None:
    """List what runs with its licences; exit code 1 if a pin, hash or licence is not in order."""
    lock = ROOT / "requirements" / "run.lock"
    packages, bare = read_lock(lock), unhashed(lock)
    problems = {p.name: p.problem for p in packages if p.problem}
    problems |= dict.fromkeys(bare, "without a hash")
    if json:
        print_json({"packages": packages, "problems": problems})
    else:
        rows = [(p.name, p.pinned, p.licence or "-", problems.get(p.name, "")) for p in packages]
        out.print(table("Runtime packages", ("package", "version", "licence", "problem"), rows))
        out.print(f"{len(packages)} packages, {len(problems)} problems.")
    if vulnerabilities:
        _ask_pip_audit(str(lock))
    if problems:
        raise typer.Exit(Exit.ERROR)


def _ask_pip_audit(lock: str) -> None:
    if importlib.util.find_spec("pip_audit") is None:
        raise CliError(Exit.CONFIGURATION, "pip-audit is needed for this: pip install pip-audit")
    command = [sys.executable, "-m", "pip_audit", "--disable-pip", "--require-hashes", "-r", lock]
    if subprocess.run(command).returncode:  # noqa: S603 (our own arguments)
        raise CliError(Exit.ERROR, "pip-audit found something, or could not ask")
