"""Backup and restore: the store by pg_dump, Temporal's SQLite by its own backup call.

A set is a directory: store.dump, temporal.db (embedded Temporal) or the dumps of Temporal's own
databases (a cluster on the same PostgreSQL), and manifest.json with their digests. Temporal is
copied first: a workflow that is older than the store repeats steps that the store knows, which is
harmless; the other way round it would remember posts that have no row.
"""

from __future__ import annotations

import hashlib
import shutil
import sqlite3
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from pydantic import ValidationError

from domain.record import Record, Utc
from ops.deploy.pg_programs import BackupError, beside, dump, pour, query
from settings.version import VERSION, build_id

STORE, TEMPORAL, MANIFEST = "store.dump", "temporal.db", "manifest.json"
CLUSTER = ("temporal", "temporal_visibility")  # as deploy/compose makes them


class Manifest(Record):
    """What a set holds: file names and their SHA-256."""

    version: str
    build_id: str
    at: Utc
    files: dict[str, str]


def back_up(dsn: str, temporal: Path | None, target: Path, cluster: Sequence[str] = ()) -> Manifest:
    """Write a set to a new directory.

    `temporal` is the embedded server's file, if there is one; `cluster` names Temporal's databases
    beside the store's. All servers may run. The directory appears whole or not at all.

    Raises:
        BackupError: it exists already, or a part failed.
    """
    if target.exists():
        raise BackupError(f"expected a new directory, was {target}: it exists")
    aside = target.with_name(f".{target.name}.unfinished")
    shutil.rmtree(aside, ignore_errors=True)  # of a backup that failed
    aside.mkdir(mode=0o700, parents=True)
    for name in cluster:
        dump(beside(dsn, name), aside / f"{name}.dump")
    if temporal is not None:
        copy_sqlite(temporal, aside / TEMPORAL)
    dump(dsn, aside / STORE)
    manifest = Manifest(
        version=VERSION,
        build_id=build_id(),
        at=datetime.now(UTC),
        files={path.name: digest(path) for path in sorted(aside.iterdir())},
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
        if path.name != name or not path.is_file() or digest(path) != written:
            raise BackupError(f"{path} must be as it was written, was changed or is missing")
    return manifest


def restore(source: Path, dsn: str, temporal: Path | None, cluster: Sequence[str] = ()) -> Manifest:
    """Put a set back into an empty database and, if asked, an absent SQLite file or a cluster.

    Temporal's databases are made where they are missing, for the role of their name's first word.

    Raises:
        BackupError: something is there already (nothing is ever written over), or a part failed.
    """
    manifest = verify(source)
    if temporal is not None and temporal.exists():
        raise BackupError(f"expected no {temporal}, was there: move it aside first")
    for name in cluster:
        if f"{name}.dump" not in manifest.files:
            raise BackupError(f"expected {name}.dump in {source}, was none")
        _make_room(dsn, name)
    _require_empty(dsn)
    for name in cluster:
        pour(source / f"{name}.dump", beside(dsn, name), _owner(dsn, name))
    pour(source / STORE, dsn)
    if temporal is not None and TEMPORAL in manifest.files:
        copy_sqlite(source / TEMPORAL, temporal)
    return manifest


def _make_room(dsn: str, name: str) -> None:
    """Make one of Temporal's databases, or see that it is empty."""
    known = query(dsn, f"SELECT count(*) FROM pg_database WHERE datname = '{name}'")  # noqa: S608  # our own name
    if known == "0":
        query(dsn, f'CREATE DATABASE "{name}" OWNER "{name.partition("_")[0]}"')
    _require_empty(beside(dsn, name))


def _owner(dsn: str, name: str) -> str:
    return query(dsn, f"SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = '{name}'")  # noqa: S608  # our own name


def _require_empty(dsn: str) -> None:
    if query(dsn, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") != "0":
        raise BackupError("expected an empty database, was one with tables: make a new one")


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
