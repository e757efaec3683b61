"""Part: one thing the supervisor starts, watches and stops."""

from __future__ import annotations

from typing import Protocol


class PartFailed(RuntimeError):
    """A part did not start; the text says what it said last and where its log is."""


class Part(Protocol):
    """What the supervisor needs of a part, whether a process of ours or a server."""

    @property
    def name(self) -> str:
        """Return the name shown to people, e.g. `worker`."""

    async def start(self) -> None:
        """Start it and return once it is healthy.

        Raises:
            PartFailed: it ended, or was not healthy in time.
        """

    def alive(self) -> bool:
        """Return whether it still runs."""

    async def stop(self) -> None:
        """Stop it in an orderly way; harmless when it does not run."""
