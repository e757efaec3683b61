"""Kill points: named places at which a chaos run lets this process die, as by kill -9.

A no-op unless TOUCHLINE_KILL_AT=POINT:COUNT is set for this process, which only chaos does: the
COUNT-th time POINT is reached the process kills itself, without any handler, flush or goodbye.
In the fast variant a hook stands in for the signal.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import Final

VARIABLE: Final = "TOUCHLINE_KILL_AT"

_point, _, _count = os.environ.get(VARIABLE, "").rpartition(":")
_left = int(_count or 1)
hook: Callable[[str], None] | None = None


def passing(point: str) -> None:
    """Die here when a chaos run said so; otherwise nothing happens."""
    global _left
    if hook is not None:
        hook(point)
    if point == _point:
        _left -= 1
        if _left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
