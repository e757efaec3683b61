"""Where the codec server is for a browser, and its token: made once, kept for its owner alone."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from settings.private import read_private

FILE = "codec.token"
PORT = 8789


def token_of(state: Path) -> str:
    """Return the token of this state directory, made if need be.

    Raises:
        SettingsError: somebody opened the file to others.
    """
    path = state / FILE
    state.mkdir(parents=True, exist_ok=True)
    try:
        handle = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o600)
    except FileExistsError:
        return read_private(path, "the codec server's token")
    token = secrets.token_urlsafe(24)
    with os.fdopen(handle, "w") as file:
        file.write(token)
    return token


def endpoint(host: str, port: int, token: str) -> str:
    """Return what the Web UI wants as its codec endpoint; it adds /decode itself."""
    return f"http://{host}:{port}/{token}"
