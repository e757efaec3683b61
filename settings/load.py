"""Load the settings: defaults < profile < file < environment < --set, checked as one."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from settings.errors import SettingsError
from settings.keys import is_secret, leaves, nearest, parse, sections
from settings.layers import Layer, environment_layer, file_layer, profile_layer, set_layer
from settings.model import Settings
from settings.profiles import PROFILES
from settings.sense import contradictions

DEFAULT_PROFILE = "demo"


def load_settings(
    overrides: Iterable[str] = (),
    environ: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> Settings:
    """Return the settings of this process.

    `overrides` are `key=value` texts (`--set`). `environ` and `folder` (where touchline.toml
    is looked for) default to those of the process.

    Raises:
        SettingsError: anything is unknown, misspelt, wrong or contradictory; all of it is told.
    """
    return load_with_sources(overrides, environ, folder)[0]


def load_with_sources(
    overrides: Iterable[str] = (),
    environ: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> tuple[Settings, Layer]:
    """Return the settings and, for every key that was given somewhere, who gave it."""
    environ = os.environ if environ is None else environ
    said = _merge(
        file_layer(environ, folder or Path.cwd()),
        environment_layer(environ),
        set_layer(overrides),
    )
    _refuse_unknown(said)
    layer = _merge(profile_layer(_profile(said)), said)
    settings = _validate(layer)
    if problems := contradictions(settings):
        raise SettingsError(problems)
    return settings, layer


def _merge(*layers: Layer) -> Layer:
    merged: Layer = {}
    for layer in layers:
        merged |= layer
    return merged


def _profile(said: Layer) -> str:
    if "profile" not in said:
        return DEFAULT_PROFILE
    given = said["profile"]
    if given.value not in PROFILES:
        hint = nearest(str(given.value), PROFILES)
        names = ", ".join(PROFILES)
        raise SettingsError(
            [f"profile (from {given.source}) must be one of {names}, was {given.value!r}{hint}"]
        )
    return str(given.value)


def _refuse_unknown(layer: Layer) -> None:
    problems = []
    for key, given in layer.items():
        if key in sections():
            problems.append(
                f"{key} (from {given.source}) is a group of settings, was {given.value!r};"
                f" set one of its keys, e.g. {_example(key)}"
            )
        elif key not in leaves():
            hint = nearest(key, leaves())
            problems.append(f"{key} (from {given.source}): no such setting{hint}")
    if problems:
        raise SettingsError(problems)


def _example(section: str) -> str:
    return next(key for key in leaves() if key.startswith(f"{section}."))


def _validate(layer: Layer) -> Settings:
    tree: dict[str, object] = {}
    for key, given in layer.items():
        *path, name = key.split(".")
        node = tree
        for part in path:
            node = node.setdefault(part, {})  # type: ignore[assignment]  # the tree holds dicts above its leaves
        node[name] = parse(key, given.value)
    try:
        return Settings.model_validate(tree)
    except ValidationError as e:
        # `from None`: pydantic's own text repeats the input, which may be a secret.
        raise SettingsError(
            [_sentence(layer, error["loc"], _wanted(error)) for error in e.errors()]
        ) from None


def _sentence(layer: Layer, location: tuple[int | str, ...], message: str) -> str:
    """Say which key, which value, from where, and what was expected."""
    parts = [str(part) for part in location]
    key = ".".join(parts)
    while key not in layer and parts:  # e.g. one item of a list, one arm of a union
        parts.pop()
        key = ".".join(parts)
    given = layer[key]
    shown = "a secret" if is_secret(key) else repr(str(given.value))
    return f"{key} (from {given.source}): expected {message}, was {shown}"


def _wanted(error: ErrorDetails) -> str:
    if error["type"].startswith("time_delta"):
        return "a duration such as 90s, 5m, 6h or 7d"
    text = error["msg"].removeprefix("Input should be ").removeprefix("Value error, ")
    return text[:1].lower() + text[1:]
