"""The sim's memory on disk: every changed entity is written before the client hears of it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Protocol

import msgspec


class Journal(Protocol):
    """Keeps entities by kind and key."""

    def load(self) -> Iterable[tuple[str, str, bytes]]:
        """Yield (kind, key, JSON) of everything kept."""
        ...

    def write(self, rows: list[tuple[str, str, bytes]]) -> None:
        """Keep these entities, all or none."""
        ...

    def close(self) -> None:
        """Release the file."""
        ...


class Forgetful:
    """Forgets everything: for tests of the pure parts."""

    def load(self) -> Iterable[tuple[str, str, bytes]]:
        """Yield nothing."""
        return ()

    def write(self, rows: list[tuple[str, str, bytes]]) -> None:
        """Drop the entities."""

    def close(self) -> None:
        """Do nothing."""


class Sqlite:
    """SQLite with a write-ahead log: survives kill -9 of the sim, perhaps not a power cut."""

    def __init__(self, path: Path) -> None:
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=NORMAL")
        self._db.execute(
            "CREATE TABLE IF NOT EXISTS entity"
            "(kind TEXT, key TEXT, body BLOB, PRIMARY KEY (kind, key)) WITHOUT ROWID"
        )

    def load(self) -> Iterable[tuple[str, str, bytes]]:
        """Yield every entity."""
        yield from self._db.execute("SELECT kind, key, body FROM entity")

    def write(self, rows: list[tuple[str, str, bytes]]) -> None:
        """Write the entities in one transaction."""
        self._db.execute("BEGIN")
        try:
            self._db.executemany("INSERT OR REPLACE INTO entity VALUES (?, ?, ?)", rows)
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    def close(self) -> None:
        """Close the file."""
        self._db.close()


def encode(entity: Any) -> bytes:
    """Return the entity as JSON."""
    return msgspec.json.encode(entity)
