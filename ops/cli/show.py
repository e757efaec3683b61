"""Showing things: JSON for scripts, tables for people."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import Path

from pydantic import BaseModel
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

PIPE_WIDTH = 160  # a pipe has no width of its own; 80 would fold every id
out = Console(highlight=False, width=None if sys.stdout.isatty() else PIPE_WIDTH)
errors = Console(stderr=True, highlight=False)


def as_json(value: object) -> str:
    """Return JSON; money keeps its digits as text, times are ISO 8601 in UTC."""
    return json.dumps(value, default=_plain, indent=2, ensure_ascii=False)


def print_json(value: object) -> None:
    """Print JSON on standard output, without colours or wrapping."""
    print(as_json(value))


def _plain(value: object) -> object:
    match value:
        case BaseModel():
            return value.model_dump()
        case Decimal():
            return format(value, "f")
        case datetime():
            return value.isoformat()
        case timedelta():
            return value.total_seconds()
        case Enum():
            return value.value
        case Path():
            return str(value)
    raise TypeError(f"expected something JSON can hold, was {type(value).__name__}")


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Table:
    """Return a table; cell texts come from outside and are never read as markup."""
    shown = Table(title=Text(title) if title else None, title_justify="left", header_style="bold")
    for name in columns:
        right = name.endswith("$") or name in ("price", "shares", "limit", "times", "posts")
        shown.add_column(name, justify="right" if right else "left", overflow="fold")
    for row in rows:
        shown.add_row(*(escape(text(cell)) for cell in row))
    return shown


def text(value: object) -> str:
    """Return a cell: nothing for None, money without needless zeros, times in UTC."""
    match value:
        case None:
            return ""
        case Decimal():
            return money(value)
        case datetime():
            return value.strftime("%Y-%m-%d %H:%M:%S")
        case Enum():
            return str(value.value)
    return str(value)


def money(value: Decimal) -> str:
    """Return at least two places, and more only where they say something: 20.00, 0.9613."""
    whole, _, places = format(value, "f").partition(".")
    return f"{whole}.{places.rstrip('0').ljust(2, '0')}"


def printable(value: str, most: int = 60) -> str:
    """Return untrusted text on one line, without control characters, cut to a length."""
    clean = "".join(c if c.isprintable() else " " for c in value)
    return clean if len(clean) <= most else clean[: most - 1] + "…"
