"""Backup and restore: the store by pg_dump, Temporal's SQLite by its own backup call.

A set is a directory: store.dump, temporal.db (embedded Temporal only) and manifest.json with
their digests. Trades that moved on between the two copies are mended by the reconciliation after
the restore, as after a power cut: PostgreSQL is the record, Temporal's part may be older.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sqlite3
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import unquote, urlsplit

from pydantic import ValidationError

from domain.record import Record, Utc
from ops.services.pg_binaries import find_binaries
from settings.version import VERSION, build_id

STORE, TEMPORAL, MANIFEST = "store.dump", "temporal.db", "manifest.json"


class BackupError(RuntimeError):
    """The backup or restore did not happen; the text says why. Never holds a password."""


class Manifest(Record):
    """What a set holds: file names and their SHA-256."""

    version: str
    build_id: str
    at: Utc
    files: dict[str, str]


def back_up(dsn: str, temporal: Path | None, target: Path) -> Manifest:
    """Write a set to a new directory; `temporal` is the embedded server's file, if there is one.

    Both servers may run. The directory appears whole or not at all.

    Raises:
        BackupError: it exists already, or a part failed.
    """
    if target.exists():
        raise BackupError(f"expected a new directory, was {target}: it exists")
    aside = target.with_name(f".{target.name}.unfinished")
    shutil.rmtree(aside, ignore_errors=True)  # of a backup that failed
    aside.mkdir(mode=0o700, parents=True)
    _postgres("pg_dump", dsn, ["--format=custom", "--no-owner", f"--file={aside / STORE}"])
    if temporal is not None:
        copy_sqlite(temporal, aside / TEMPORAL)
    names = [name for name in (STORE, TEMPORAL) if (aside / name).exists()]
    manifest = Manifest(
        version=VERSION,
        build_id=build_id(),
        at=datetime.now(UTC),
        files={name: digest(aside / name) for name in names},
    )
    (aside / MANIFEST).write_text(manifest.model_dump_json(indent=1))
    for path in aside.iterdir():
        path.chmod(0o600)
    aside.rename(target)
    return manifest


def verify(source: Path) -> Manifest:
    """Return the manifest of a set whose files are as they were written.

    Raises:
        BackupError: it is no set, or a file was changed or is missing.
    """
    try:
        manifest = Manifest.model_validate_json((source / MANIFEST).read_text())
    except (OSError, ValidationError) as e:
        raise BackupError(f"expected a backup in {source}, was none: {type(e).__name__}") from e
    for name, written in manifest.files.items():
        path = source / name
        if name not in (STORE, TEMPORAL) or not path.is_file() or digest(path) != written:
            raise BackupError(f"{path} must be as it was written, was changed or is missing")
    return manifest


def restore(source: Path, dsn: str, temporal: Path | None) -> Manifest:
    """Put a set back into an empty database and, if asked, an absent SQLite file.

    Raises:
        BackupError: something is there already (nothing is ever written over), or a part failed.
    """
    manifest = verify(source)
    if temporal is not None and temporal.exists():
        raise BackupError(f"expected no {temporal}, was there: move it aside first")
    if _tables(dsn):
        raise BackupError("expected an empty database, was one with tables: make a new one")
    _postgres(
        "pg_restore",
        dsn,
        ["--no-owner", "--exit-on-error", "--single-transaction", "--dbname=", str(source / STORE)],
    )
    if temporal is not None and TEMPORAL in manifest.files:
        copy_sqlite(source / TEMPORAL, temporal)
    return manifest


def copy_sqlite(source: Path, target: Path) -> None:
    """Copy a SQLite database that may be in use; the copy is consistent and complete.

    Raises:
        BackupError: the source is no usable database.
    """
    try:
        with (
            sqlite3.connect(f"file:{source}?mode=ro", uri=True, timeout=30) as old,
            sqlite3.connect(target) as new,
        ):
            old.backup(new)
            (said,) = new.execute("PRAGMA quick_check").fetchone()
        old.close()
        new.close()
    except sqlite3.Error as e:
        raise BackupError(f"cannot copy {source}: {e}") from e
    if said != "ok":
        raise BackupError(f"the copy of {source} must be sound, was: {said}")


def digest(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _tables(dsn: str) -> bool:
    query = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"
    said = _postgres("psql", dsn, ["-At", "-c", query])
    return said.strip() != "0"


def _postgres(program: str, dsn: str, arguments: Sequence[str]) -> str:
    """Run a PostgreSQL program; the password travels in its environment, not in its arguments."""
    place = urlsplit(dsn)
    environ = {
        **os.environ,
        "PGHOST": place.hostname or "127.0.0.1",
        "PGPORT": str(place.port or 5432),
        "PGUSER": unquote(place.username or "postgres"),
        "PGPASSWORD": unquote(place.password or ""),
        "PGDATABASE": place.path.lstrip("/") or "postgres",
        "PGCONNECT_TIMEOUT": "10",
    }
    filled = [
        f"--dbname={environ['PGDATABASE']}" if item == "--dbname=" else item for item in arguments
    ]
    path = find_binaries() / program
    done = subprocess.run(  # noqa: S603 (our own path)
        [path, *filled], env=environ, capture_output=True, text=True
    )
    if done.returncode:
        raise BackupError(f"{program} ended with {done.returncode}: {done.stderr.strip()[-500:]}")
    return done.stdout
