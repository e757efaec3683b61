"""Files with secrets: only their owner may read them (design section 14)."""

from __future__ import annotations

import stat
from pathlib import Path

from settings.errors import SettingsError

OTHERS = stat.S_IRWXG | stat.S_IRWXO
MOST = 1 << 20  # bytes; a secret is small, and a wrong path may name a disk


def require_private(path: Path, what: str) -> None:
    """Refuse a file that anyone but its owner may touch.

    Raises:
        SettingsError: the mode is too open, or the file cannot be examined.
    """
    try:
        mode = path.stat().st_mode
    except OSError as e:
        raise SettingsError([f"{what} must name a file, was {path}: {e.strerror}"]) from None
    if not stat.S_ISREG(mode):
        raise SettingsError([f"{what} must name a file, was {path}: no regular file"])
    if mode & OTHERS:
        raise SettingsError(
            [
                f"{what} {path}: only its owner may read it, mode was {stat.filemode(mode)};"
                f" run: chmod 600 {path}"
            ]
        )


def read_private(path: Path, what: str) -> str:
    """Return the text of a file that only its owner may read, without the last line end.

    Raises:
        SettingsError: it is open to others, unreadable, empty or far too large.
    """
    require_private(path, what)
    try:
        with path.open("rb") as file:
            text = file.read(MOST + 1).decode().rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as e:
        raise SettingsError(
            [f"{what} {path}: expected a text, was unreadable: {type(e).__name__}"]
        ) from None
    if not text or len(text) > MOST:
        raise SettingsError([f"{what} {path}: expected a secret, was {len(text)} characters"])
    return text
