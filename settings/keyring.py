"""The keys that payloads are sealed with: by id, the newest first. Standard library only."""

from __future__ import annotations

import base64
import binascii
import dataclasses
import hashlib
import os
import re
from collections.abc import Mapping
from types import MappingProxyType

KEY_BYTES = 32
_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


class KeyringError(ValueError):
    """The text holds no usable keys. Never repeats a key."""


@dataclasses.dataclass(frozen=True, slots=True)
class Keyring:
    """Keys by id. The first seals; every one opens, so a key is rotated without a stop."""

    current: str
    keys: Mapping[str, bytes] = dataclasses.field(repr=False)

    @classmethod
    def parse(cls, text: str) -> Keyring | None:
        """Read `ID:BASE64[,ID:BASE64 …]`, the newest first; None for an empty text.

        A key without an id is named by the beginning of its SHA-256.

        Raises:
            KeyringError: a part is no AES-256 key in base64, or an id occurs twice.
        """
        keys: dict[str, bytes] = {}
        for part in filter(None, (item.strip() for item in text.split(","))):
            name, key = _read_key(part)
            if name in keys:
                raise KeyringError(f"key ids must differ, was {name} twice")
            keys[name] = key
        return cls(next(iter(keys)), MappingProxyType(keys)) if keys else None


def _read_key(part: str) -> tuple[str, bytes]:
    name, _, encoded = part.rpartition(":")
    try:
        key = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        raise KeyringError("a key must be base64, was something else") from None
    if len(key) != KEY_BYTES:
        raise KeyringError(f"a key must have {KEY_BYTES} bytes, was {len(key)}")
    name = name or hashlib.sha256(key).hexdigest()[:8]
    if not _ID.fullmatch(name):
        raise KeyringError("a key id must be letters, digits, dots and dashes, was another text")
    return name, key


def new_key(name: str) -> str:
    """Return a fresh key as `ID:BASE64`, for the front of temporal.encryption_key."""
    return f"{name}:{base64.b64encode(os.urandom(KEY_BYTES)).decode()}"
