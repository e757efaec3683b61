"""Options that many commands share, and loading the settings with them."""

from __future__ import annotations

from typing import Annotated

import typer

from settings.load import load_settings
from settings.model import Settings

Profile = Annotated[
    str | None,
    typer.Option("--profile", help="demo, paper or live.", metavar="NAME", show_default="demo"),
]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", help="Change one setting; may be repeated.", metavar="KEY=VALUE"),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")]


def overrides(profile: str | None, changes: list[str] | None) -> list[str]:
    """Return the options as `key=value` texts."""
    chosen = [f"profile={profile}"] if profile is not None else []
    return chosen + list(changes or [])


def load(profile: str | None = None, changes: list[str] | None = None) -> Settings:
    """Return the settings.

    Raises:
        SettingsError: something about them is wrong; ends with exit code 4.
    """
    return load_settings(overrides(profile, changes))
