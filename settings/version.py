"""Which code this is: the release, and a digest of the sources that workers run."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

from settings.place import ROOT

VERSION = "0.1.0"  # as in pyproject.toml
DEPLOYMENT = "touchline"
# What decides how a trade goes on. The order is part of the digest.
SOURCES = ("activities", "domain", "settings", "store", "venue", "worker", "workflows")


@cache
def build_id(root: Path = ROOT) -> str:
    """Return e.g. `0.1.0-3f9c2a7e51`: equal for equal sources, on every machine."""
    digest = hashlib.sha256()
    for folder in SOURCES:
        for path in sorted((root / folder).rglob("*.py")):
            text = path.read_bytes()
            digest.update(f"{path.relative_to(root).as_posix()} {len(text)}\0".encode())
            digest.update(text)
    return f"{VERSION}-{digest.hexdigest()[:10]}"
