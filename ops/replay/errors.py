"""What can be wrong with a replay's input."""

from __future__ import annotations


class NotATape(Exception):
    """The recording cannot be read; the text names the file, the place and what was expected."""


class BadScores(Exception):
    """The table of scores cannot be read; the text names the line and what was expected."""
