"""The layers settings come from, each as flat dotted keys that remember their source."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

from settings.errors import SettingsError
from settings.keys import is_secret, leaves, nearest, sections
from settings.private import read_private, require_private
from settings.profiles import PROFILES

PREFIX = "TOUCHLINE_"
FILE_NAME = "touchline.toml"
IN_FILE = "_FILE"  # after the variable of a secret: the file that holds it

# Variables with a meaning elsewhere; everything else with our prefix must be a setting.
RESERVED = frozenset(
    {
        "TOUCHLINE_SETTINGS",
        "TOUCHLINE_PG_BIN",
        "TOUCHLINE_PG_PORT",
        "TOUCHLINE_VENV",
        "TOUCHLINE_KILL_AT",  # chaos alone: activities/killpoint.py
    }
)
COMMON = {
    "DATABASE_URL": "database_url",
    "TEMPORAL_ADDRESS": "temporal.address",
    "TEMPORAL_NAMESPACE": "temporal.namespace",
}


class Given(NamedTuple):
    """A raw value and where it came from, in words a user can act on."""

    value: object
    source: str


Layer = dict[str, Given]


def profile_layer(name: str) -> Layer:
    """Return the values of a profile."""
    return {key: Given(preset.value, f"profile {name}") for key, preset in PROFILES[name].items()}


def set_layer(pairs: Iterable[str]) -> Layer:
    """Return the values of `--set key=value`."""
    layer: Layer = {}
    problems = []
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key.strip():
            problems.append(f"--set must be key=value, was {pair!r}")
        layer[key.strip()] = Given(value, "--set")
    if problems:
        raise SettingsError(problems)
    return layer


def environment_layer(environ: Mapping[str, str]) -> Layer:
    """Return the values of the environment; a misspelt TOUCHLINE_ variable is a problem.

    An empty variable is as good as none: that is what compose files make of an absent one.
    A secret may be in a file of its owner's: TOUCHLINE_WALLET__PRIVATE_KEY_FILE names it.
    """
    layer = {key: Given(environ[name], name) for name, key in COMMON.items() if environ.get(name)}
    names = {variable(key): key for key in leaves()}
    files = {f"{name}{IN_FILE}": key for name, key in names.items() if is_secret(key)}
    problems = []
    for name, value in environ.items():
        if not name.startswith(PREFIX) or name in RESERVED:
            continue
        if name in files:
            problems += _from_file(layer, files[name], name, value)
        elif name not in names:
            hint = nearest(name, [*names, *RESERVED])
            problems.append(f"environment variable {name}: no such setting{hint}")
        elif value != "":
            layer[names[name]] = Given(value, name)
    if problems:
        raise SettingsError(problems)
    return layer


def _from_file(layer: Layer, key: str, name: str, value: str) -> list[str]:
    """Add the secret that a file holds, and return what is wrong with that file."""
    if value:
        try:
            layer[key] = Given(read_private(Path(value).expanduser(), name), f"{name} {value}")
        except SettingsError as e:
            return e.problems
    return []


def variable(key: str) -> str:
    """Return the environment variable of a key: `entry.max_price` → TOUCHLINE_ENTRY__MAX_PRICE."""
    return PREFIX + key.replace(".", "__").upper()


def file_layer(environ: Mapping[str, str], folder: Path) -> Layer:
    """Return the values of the TOML file: TOUCHLINE_SETTINGS, else touchline.toml if present."""
    named = environ.get("TOUCHLINE_SETTINGS", "")
    path = Path(named).expanduser() if named else folder / FILE_NAME
    try:
        text = path.read_bytes().decode()
        tree = tomllib.loads(text, parse_float=Decimal)
    except FileNotFoundError:
        if not named:
            return {}
        raise SettingsError(
            [f"TOUCHLINE_SETTINGS must name a file, was {named}: no such file"]
        ) from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as e:
        raise SettingsError([f"settings file {path}: expected TOML, was unreadable: {e}"]) from e
    layer = {key: Given(value, str(path)) for key, value in _flatten(tree, "")}
    _require_private(path, layer)
    return layer


def _flatten(tree: dict[str, object], prefix: str) -> Iterator[tuple[str, object]]:
    for name, value in tree.items():
        key = f"{prefix}{name}"
        if isinstance(value, dict) and (key in sections() or key not in leaves()):
            yield from _flatten(value, f"{key}.")
        else:
            yield key, value


def _require_private(path: Path, layer: Layer) -> None:
    """Refuse secrets in a file that others can read (design section 14)."""
    if secrets := [key for key in layer if is_secret(key)]:
        require_private(path, f"settings file with {', '.join(secrets)}")
