"""One supervisor per state directory."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path


class StateError(RuntimeError):
    """The state directory cannot be used; the text says why and what to do."""


@contextlib.contextmanager
def alone(state: Path) -> Iterator[None]:
    """Make the state directory and hold it until the end of the block.

    Raises:
        StateError: it cannot be made or written, or another supervisor holds it.
    """
    try:
        if not state.exists():
            state.mkdir(parents=True, mode=0o700)
            if os.geteuid() == 0:
                state.chmod(0o711)  # PostgreSQL's account must pass; files inside stay private
        lock = open(state / "supervisor.lock", "w")
    except OSError as e:
        raise StateError(
            f"the state directory {state} must be writable: {e.strerror}."
            " Set TOUCHLINE_STATE to another directory"
        ) from e
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StateError(
                f"Touchline already runs in {state}: see ./touchline status, stop it with"
                " ./touchline down, or set TOUCHLINE_STATE for a second one"
            ) from None
        yield
