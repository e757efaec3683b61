"""Guard: an activity refuses what belongs to another mode than its worker's.

The second wall behind a queue for each mode: a live trade served by a worker of play money
would be judged by the wrong venue, and its order written off.
"""

from __future__ import annotations

from typing import Any

from temporalio.exceptions import ApplicationError
from temporalio.worker import (
    ActivityInboundInterceptor,
    ExecuteActivityInput,
    Interceptor,
)

from domain.market import Mode


class ModeGuard(Interceptor):
    """Lets an activity run only for the mode of this worker."""

    def __init__(self, mode: Mode) -> None:
        self._mode = mode

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:
        """Put the guard in front of every activity."""
        return _Guarded(next, self._mode)


class _Guarded(ActivityInboundInterceptor):
    def __init__(self, next: ActivityInboundInterceptor, mode: Mode) -> None:
        super().__init__(next)
        self._mode = mode

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        """Run the activity, or fail so that it is tried again, by the right worker.

        Raises:
            ApplicationError: type WrongMode, retried.
        """
        asked = next((m for m in map(mode_of, input.args) if m is not None), None)
        if asked is not None and asked is not self._mode:
            raise ApplicationError(
                f"expected a request of mode {self._mode.value}, was {asked.value}",
                type="WrongMode",
            )
        return await super().execute_activity(input)


def mode_of(request: Any) -> Mode | None:
    """Return the mode a request names, itself or in its key; None when it names none."""
    for holder in (request, getattr(request, "key", None)):
        mode = getattr(holder, "mode", None)
        if isinstance(mode, Mode):
            return mode
    return None
