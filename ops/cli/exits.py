"""Exit codes of every command (design section 13)."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """What a script may rely on."""

    OK = 0
    ERROR = 1
    NOT_FOUND = 2
    NOT_RUNNING = 3
    CONFIGURATION = 4
    TIMEOUT = 5


class CliError(Exception):
    """Ends the command with a message for people and a code for scripts."""

    def __init__(self, code: Exit, text: str) -> None:
        super().__init__(text)
        self.code = code
