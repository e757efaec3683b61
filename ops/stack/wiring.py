"""What each part is told: its environment, with the secrets it needs and no others."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping

from settings.keys import is_secret, leaves
from settings.layers import COMMON, IN_FILE, PREFIX, variable
from settings.place import ROOT

# Which groups of secrets a part may see. Everything else is taken out of its environment.
MAY_SEE = {
    "worker": ("wallet.", "venue.", "database_url", "temporal.", "alerts."),
    "ingest": ("wallet.", "venue.", "database_url", "temporal."),
    "codec": ("temporal.",),
    "dashboard": ("dashboard.", "database_url", "temporal."),
}
NO_SETTINGS = ("sim", "temporal")  # foreign to our settings: they are told otherwise


class Wiring:
    """The settings of the parts, as environment variables; grows while the stack starts."""

    def __init__(self, base: Mapping[str, str], overrides: Iterable[str], settings: str) -> None:
        self._base = dict(base)
        self._told: dict[str, str] = {}
        for pair in overrides:
            key, _, value = pair.partition("=")
            self.tell(key.strip(), value)
        if settings:
            self._base["TOUCHLINE_SETTINGS"] = settings
        paths = [str(ROOT), *self._base.get("PYTHONPATH", "").split(os.pathsep)]
        self._base["PYTHONPATH"] = os.pathsep.join(dict.fromkeys(filter(None, paths)))

    def tell(self, key: str, value: str) -> None:
        """Set a setting for every part started from now on."""
        self._told[variable(key)] = value

    def environment(self, part: str) -> dict[str, str]:
        """Return the environment of a part; secrets it has no use for are left out."""
        everything = {**self._base, **self._told, "PYTHONUNBUFFERED": "1"}
        return {name: value for name, value in everything.items() if self._allowed(part, name)}

    def _allowed(self, part: str, name: str) -> bool:
        if part in NO_SETTINGS and name.startswith((PREFIX, "TEMPORAL_")):
            return False
        key = _KEYS.get(name) or _KEYS.get(name.removesuffix(IN_FILE))
        if key is None or not is_secret(key):
            return True
        return key.startswith(MAY_SEE.get(part, ()))


_KEYS = {**{variable(key): key for key in leaves()}, **COMMON}
