"""Rows: the few words every class of this package needs to read an answer."""

from __future__ import annotations

from typing import Any, TypeVar

import asyncpg

from domain.record import Record

R = TypeVar("R", bound=Record)


def only(row: asyncpg.Record | None) -> asyncpg.Record:
    """Return the row of a statement that always answers one."""
    if row is None:
        raise AssertionError("expected one row, was none")
    return row


def read(model: type[R], row: asyncpg.Record) -> R:
    """Return the record of a row whose columns are its fields."""
    return model.model_validate(dict(row))


def read_all(model: type[R], rows: list[Any]) -> list[R]:
    """Return the records of rows whose columns are their fields."""
    return [model.model_validate(dict(row)) for row in rows]
