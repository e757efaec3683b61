"""Supply chain: what the lock files pin, under which licences, and whether that is installed."""

from __future__ import annotations

import re
from importlib.metadata import PackageNotFoundError, metadata, version
from pathlib import Path

from packaging.markers import Marker

from domain.record import Record

_PIN = re.compile(
    r"^([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^\]]*\])?==([^\s;\\]+)(?: *; *([^\\\n]+))?", re.MULTILINE
)
_STRONG = re.compile(r"\bA?GPL|GNU (?:Affero )?General Public", re.IGNORECASE)
_WEAK = re.compile(r"LGPL|Lesser General", re.IGNORECASE)


class Package(Record):
    """One pinned package. `installed` is empty where this platform does not need it."""

    name: str
    pinned: str
    installed: str
    licence: str

    @property
    def problem(self) -> str:
        """Return what is wrong with it, or an empty text."""
        if not self.installed:
            return ""
        if self.installed != self.pinned:
            return f"installed {self.installed}, pinned {self.pinned}"
        if not self.licence:
            return "no licence named"
        if _STRONG.search(_WEAK.sub("", self.licence)):
            return "strong copyleft"
        return ""


def read_lock(lock: Path) -> list[Package]:
    """Return the packages that a lock file pins for this platform, by name."""
    return [
        Package(name=name, pinned=pinned, installed=_installed(name), licence=_licence(name))
        for name, pinned, marker in sorted(_PIN.findall(lock.read_text()))
        if not marker or Marker(marker.strip()).evaluate()
    ]


def unhashed(lock: Path) -> list[str]:
    """Return the requirements of a lock file that carry no hash or name a URL."""
    text = re.sub(r"\\\n", " ", lock.read_text())
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith((" ", "#"))]
    return [
        line.split()[0]
        for line in lines
        if not line.startswith("-") and ("--hash=sha256:" not in line or "://" in line)
    ]


def _installed(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def _licence(name: str) -> str:
    try:
        found = metadata(name).json
    except PackageNotFoundError:
        return ""
    if expression := found.get("license_expression"):
        return str(expression)
    classified = [
        item.rpartition(" :: ")[2]
        for item in found.get("classifier", [])
        if item.startswith("License ::")
    ]
    if classified:
        return ", ".join(classified)
    return str(found.get("license", "")).strip().partition("\n")[0][:60]
