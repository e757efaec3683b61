"""PostgreSQL's own programs, run against a DSN: dump, restore, one query."""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path
from typing import IO
from urllib.parse import unquote, urlsplit, urlunsplit

from ops.services.pg_binaries import find_binaries

PREAMBLE = 40  # lines of a restore script before its first object
# Said by programs of PostgreSQL 17 and later; an older server does not know it.
TOO_NEW = b"SET transaction_timeout = 0;"


class BackupError(RuntimeError):
    """The backup or restore did not happen; the text says why. Never holds a password."""


def beside(dsn: str, database: str) -> str:
    """Return the DSN of another database of the same server."""
    return urlunsplit(urlsplit(dsn)._replace(path=f"/{database}"))


def dump(dsn: str, target: Path) -> None:
    """Write a database to a file, as it is at one moment; it may be in use.

    Raises:
        BackupError: pg_dump failed.
    """
    _run(dsn, "pg_dump", "--format=custom", "--no-owner", f"--file={target}")


def query(dsn: str, text: str) -> str:
    """Return what one query answers, unaligned.

    Raises:
        BackupError: it failed.
    """
    return _run(dsn, "psql", "-XAt", "-v", "ON_ERROR_STOP=1", "-c", text).strip()


def pour(source: Path, dsn: str, role: str = "") -> None:
    """Restore a dump into an empty database, whole or not at all; `role` will own it.

    Raises:
        BackupError: a part failed.
    """
    with tempfile.NamedTemporaryFile() as raw, tempfile.TemporaryFile() as script:
        _run("", "pg_restore", "--no-owner", f"--file={raw.name}", str(source))
        if role:
            script.write(f'SET ROLE "{role}";\n'.encode())
        for number, line in enumerate(raw):
            if number > PREAMBLE or line.strip() != TOO_NEW:
                script.write(line)
        script.seek(0)
        single = ("-Xq", "--single-transaction", "-v", "ON_ERROR_STOP=1", "-o", os.devnull)
        _run(dsn, "psql", *single, stdin=script)


def _run(dsn: str, program: str, *arguments: str, stdin: IO[bytes] | None = None) -> str:
    """Run a program; the password travels in its environment, not in its arguments."""
    done = subprocess.run(  # noqa: S603  # our own path
        [find_binaries() / program, *arguments],
        env={**os.environ, **_place(dsn)},
        stdin=stdin,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise BackupError(f"{program} ended with {done.returncode}: {done.stderr.strip()[-500:]}")
    return done.stdout


def _place(dsn: str) -> dict[str, str]:
    if not dsn:
        return {}
    place = urlsplit(dsn)
    return {
        "PGHOST": place.hostname or "127.0.0.1",
        "PGPORT": str(place.port or 5432),
        "PGUSER": unquote(place.username or "postgres"),
        "PGPASSWORD": unquote(place.password or ""),
        "PGDATABASE": place.path.lstrip("/") or "postgres",
        "PGCONNECT_TIMEOUT": "10",
    }
