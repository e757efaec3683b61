"""Refusal: why an action did not happen, in words for the person who asked."""

from __future__ import annotations


class Refused(Exception):
    """The action did not happen. `missing`: what it was aimed at does not exist."""

    def __init__(self, text: str, *, missing: bool = False, timeout: bool = False) -> None:
        super().__init__(text)
        self.missing = missing
        self.timeout = timeout
