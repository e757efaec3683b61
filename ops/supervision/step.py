"""Step: something done once between two parts, e.g. the migrations."""

from __future__ import annotations

from collections.abc import Awaitable, Callable


class Step:
    """A part without a process: done at the start, nothing to watch, nothing to stop."""

    def __init__(self, name: str, action: Callable[[], Awaitable[object]]) -> None:
        self._name = name
        self._action = action

    @property
    def name(self) -> str:
        """Return the name shown to people."""
        return self._name

    async def start(self) -> None:
        """Do it."""
        await self._action()

    def alive(self) -> bool:
        """Return True: what is done stays done."""
        return True

    async def stop(self) -> None:
        """Do nothing."""
