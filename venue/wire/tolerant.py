"""The slow, forgiving reading of a stream frame: numbers stay text, nulls and gaps are allowed."""

from __future__ import annotations

import json
from typing import Any, TypeVar

import msgspec

T = TypeVar("T")


class Malformed(ValueError):
    """A frame or an object in it is not what the channel sends."""


def text_json(frame: bytes | str) -> Any:
    """Parse JSON with every number kept as its text, so that no float ever holds money.

    Raises:
        Malformed: not JSON, or not text.
    """
    try:
        return json.loads(frame, parse_float=str, parse_int=str, parse_constant=str)
    except (ValueError, RecursionError) as error:
        raise Malformed(f"expected JSON, was {frame[:80]!r}") from error


def objects(value: Any) -> list[dict[str, Any]]:
    """Return the objects of a frame: one object, or an array of them.

    Raises:
        Malformed: the value is neither.
    """
    if isinstance(value, dict):
        return [value]
    if isinstance(value, list) and all(isinstance(item, dict) for item in value):
        return value
    raise Malformed(f"expected an object or an array of objects, was {str(value)[:80]!r}")


def convert(value: dict[str, Any], kind: type[T]) -> T:
    """Return the object as `kind`; nulls count as absent.

    Raises:
        Malformed: a needed field is absent or has another shape.
    """
    present = {key: item for key, item in value.items() if item is not None}
    try:
        return msgspec.convert(present, kind, strict=False)
    except msgspec.ValidationError as error:
        raise Malformed(str(error)) from error
