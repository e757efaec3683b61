"""One text for equal rules, and its hash, which is stored with every decision."""

from __future__ import annotations

import hashlib
import json
from datetime import timedelta
from decimal import Decimal
from enum import Enum

from pydantic import BaseModel


def digest(rules: BaseModel) -> str:
    """Return the SHA-256 (hex) of a model; 0.95 and 0.950 are the same rule."""
    text = json.dumps(_plain(rules.model_dump()), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _plain(value: object) -> object:
    match value:
        case dict():
            return {str(key): _plain(item) for key, item in value.items()}
        case list() | tuple():
            return [_plain(item) for item in value]
        case Enum():
            return value.value
        case Decimal():
            return format(value.normalize(), "f")
        case timedelta():
            return f"{value // timedelta(microseconds=1)}us"
        case _:
            return value
