"""Finding: one thing that a deployment needs, as it was found."""

from __future__ import annotations

from domain.record import Record


class Finding(Record):
    """A check's answer. `applied` tells that it was missing and has been made."""

    name: str
    ok: bool
    found: str
    fix: str = ""
    applied: bool = False
