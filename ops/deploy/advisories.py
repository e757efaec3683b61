"""Known vulnerabilities of what a lock file pins, as pip-audit's service knows them."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from domain.record import Record

WITHIN = 300.0  # seconds for all packages


class Unasked(RuntimeError):
    """The question was not answered, which is no good news; the text says what to do."""


class Advisory(Record):
    """One known vulnerability of one pinned package."""

    package: str
    version: str
    id: str
    fixed_in: str


class Answer(Record):
    """What the service said: how many packages it knows, and what is wrong with them."""

    asked: int
    unknown: tuple[str, ...]
    advisories: tuple[Advisory, ...]


def ask(lock: Path) -> Answer:
    """Ask for every package of a lock file. Needs the network.

    Raises:
        Unasked: pip-audit is not installed, or the service cannot be reached, or knew no package.
    """
    if importlib.util.find_spec("pip_audit") is None:
        raise Unasked("pip-audit is needed for this: pip install pip-audit")
    command = [sys.executable, "-m", "pip_audit", "--disable-pip", "--require-hashes"]
    command += ["--progress-spinner=off", "--format=json", "-r", str(lock)]
    try:
        done = subprocess.run(  # noqa: S603  # our own arguments
            command, capture_output=True, text=True, timeout=WITHIN
        )
    except subprocess.TimeoutExpired:
        raise Unasked(f"the service did not answer within {WITHIN:g} s: try again later") from None
    try:
        answer = read(json.loads(done.stdout))
    except (ValueError, KeyError):
        last = (done.stderr.strip().splitlines() or ["no word"])[-1]
        raise Unasked(f"the service cannot be reached: {last[:300]}") from None
    if len(answer.unknown) == answer.asked:
        raise Unasked(
            f"the service knew none of {answer.asked} packages: this machine reaches another index"
        )
    return answer


def read(report: Mapping[str, Any]) -> Answer:
    """Read pip-audit's JSON; a package that it skipped is unknown, never sound."""
    packages = report["dependencies"]
    found = [
        Advisory(
            package=package["name"],
            version=package["version"],
            id=known["id"],
            fixed_in=", ".join(known["fix_versions"]),
        )
        for package in packages
        for known in package.get("vulns", ())
    ]
    unknown = tuple(package["name"] for package in packages if "skip_reason" in package)
    return Answer(asked=len(packages), unknown=unknown, advisories=tuple(found))
