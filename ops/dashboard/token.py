"""Token: the one key of the dashboard, made at first start and kept for its owner alone."""

from __future__ import annotations

import ipaddress
import os
import secrets
from pathlib import Path

FILE = "dashboard.token"
NAME = "Its token"  # of the line that `up` prints
LEAST = 16  # characters of a token that a person chose


class BindRefused(ValueError):
    """The dashboard must not listen like this; the text says what to do."""


def token_of(given: str, state: Path) -> str:
    """Return the configured token, else the one in the state directory, made if need be.

    Raises:
        BindRefused: the configured one is too short to protect money.
    """
    if given:
        if len(given) < LEAST:
            raise BindRefused(
                f"dashboard.token must have at least {LEAST} characters, was {len(given)}"
            )
        return given
    path = state / FILE
    state.mkdir(parents=True, exist_ok=True)
    try:
        handle = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text().strip()
    with os.fdopen(handle, "w") as file:
        file.write(secrets.token_urlsafe(24))
    return path.read_text().strip()


def require_safe_bind(host: str, given: str) -> None:
    """Refuse an address that others can reach unless a person chose a token (MON-H1, G11).

    Raises:
        BindRefused: the host is not a loopback address and no token is configured.
    """
    if is_loopback(host) or given:
        return
    raise BindRefused(
        f"dashboard.host must be a loopback address without dashboard.token, was {host}:"
        " set TOUCHLINE_DASHBOARD__TOKEN, or bind to 127.0.0.1 and use a tunnel"
    )


def is_loopback(host: str) -> bool:
    """Return whether only this machine can reach the address; a name counts only if localhost."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
