"""touchline audit: the supply chain, by the lock files and what is installed."""

from __future__ import annotations

from typing import Annotated

import typer

from ops.cli.exits import CliError, Exit
from ops.cli.options import Json
from ops.cli.show import out, print_json, table
from ops.deploy.advisories import Answer, Unasked, ask
from ops.deploy.licences import Package, read_lock, unhashed
from settings.place import ROOT


def audit(
    json: Json = False,
    vulnerabilities: Annotated[
        bool, typer.Option("--vulnerabilities", help="Also ask pip-audit (needs the network).")
    ] = False,
) -> None:
    """List what runs with its licences; exit code 1 if anything of it is not in order."""
    lock = ROOT / "requirements" / "run.lock"
    packages = read_lock(lock)
    problems = {p.name: p.problem for p in packages if p.problem}
    problems |= dict.fromkeys(unhashed(lock), "without a hash")
    try:
        answer = ask(lock) if vulnerabilities else None
    except Unasked as e:
        raise CliError(Exit.ERROR, f"vulnerabilities are unknown: {e}") from e
    if json:
        print_json({"packages": packages, "problems": problems, "vulnerabilities": answer})
    else:
        _show(packages, problems, answer)
    if problems or (answer and (answer.advisories or answer.unknown)):
        raise typer.Exit(Exit.ERROR)


def _show(packages: list[Package], problems: dict[str, str], answer: Answer | None) -> None:
    rows = [(p.name, p.pinned, p.licence or "-", problems.get(p.name, "")) for p in packages]
    out.print(table("Runtime packages", ("package", "version", "licence", "problem"), rows))
    out.print(f"{len(packages)} packages, {len(problems)} problems.")
    if answer is None:
        return
    for known in answer.advisories:
        fix = f"fixed in {known.fixed_in}" if known.fixed_in else "no fixed version"
        out.print(f"{known.package} {known.version}: {known.id}, {fix}", markup=False)
    if answer.unknown:
        out.print(f"Not known to the service: {', '.join(answer.unknown)}", markup=False)
    out.print(f"{answer.asked} packages asked, {len(answer.advisories)} vulnerabilities.")
