"""The keys of the settings tree: which exist, and how a text becomes their value."""

from __future__ import annotations

import difflib
import json
import re
import types
import typing
from datetime import timedelta
from decimal import Decimal
from functools import cache

from pydantic import BaseModel, SecretStr

from settings.model import Settings

_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)?")
_UNIT = {"ms": "0.001", "s": "1", "m": "60", "h": "3600", "d": "86400"}
_NOTHING = frozenset({"", "none", "null"})


@cache
def leaves() -> dict[str, object]:
    """Return every dotted key with the type of its value, e.g. `entry.max_price`."""
    return dict(_walk(Settings, ""))


@cache
def sections() -> frozenset[str]:
    """Return the names that hold keys but no value."""
    return frozenset(key.rpartition(".")[0] for key in leaves() if "." in key)


def _walk(model: type[BaseModel], prefix: str) -> typing.Iterator[tuple[str, object]]:
    for name, field in model.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from _walk(kind, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", kind


def is_secret(key: str) -> bool:
    """Return whether the value of this key must never be shown."""
    return leaves().get(key) is SecretStr


def nearest(key: str, among: typing.Iterable[str]) -> str:
    """Return a hint naming the closest existing key, or an empty text."""
    close = difflib.get_close_matches(key, list(among), n=1, cutoff=0.6)
    return f"; did you mean {close[0]}?" if close else ""


def parse(key: str, value: object) -> object:
    """Turn a text into what the key's type wants; other values pass, pydantic judges them.

    Understood beside pydantic's own forms: durations (`90`, `90s`, `5m`, `6h`, `7d`), lists
    (`a,b` or JSON), and `none` where a value is optional.
    """
    if not isinstance(value, str):
        return value
    kinds = _kinds(leaves()[key])
    text = value.strip()
    if type(None) in kinds and text.lower() in _NOTHING:
        return None
    if timedelta in kinds and (found := _DURATION.fullmatch(text)):
        seconds = Decimal(found[1]) * Decimal(_UNIT[found[2] or "s"])
        return timedelta(microseconds=int(seconds * 1_000_000))
    if any(typing.get_origin(kind) is tuple for kind in kinds):
        return _items(text)
    return value if is_secret(key) else text


def _kinds(annotation: object) -> tuple[object, ...]:
    if isinstance(annotation, types.UnionType) or typing.get_origin(annotation) is typing.Union:
        return typing.get_args(annotation)
    return (annotation,)


def _items(text: str) -> object:
    if text.startswith("["):
        try:
            return json.loads(text)
        except json.JSONDecodeError:
            return text  # pydantic then says that a list was expected
    return [item.strip() for item in text.split(",") if item.strip()]
