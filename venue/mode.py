"""The venue's trading mode as one state that every entry waits upon (facts 2.11)."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from enum import StrEnum

from domain.record import Record

FIRST_BACKOFF = 1.0  # seconds after the first 425 or 429 without a figure; doubles
LAST_BACKOFF = 30.0
POST_ONLY_FOR = 120.0  # after a restart the venue takes post-only orders for two minutes
MODE_FOR = 30.0  # cancel-only and disabled carry no figure: look again after this


class VenueMode(StrEnum):
    """What the venue takes now."""

    NORMAL = "normal"
    RESTARTING = "restarting"
    POST_ONLY = "post_only"
    CANCEL_ONLY = "cancel_only"
    DISABLED = "disabled"


class ModeState(Record):
    """A mode and how long to wait before asking again (0 in NORMAL)."""

    mode: VenueMode
    wait: timedelta = timedelta(0)


class ModeWatch:
    """Learns the mode from the answers of this account; shared by all who post.

    A mode lasts until its time is over; then the next post is the probe. A success ends it.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._mode = VenueMode.NORMAL
        self._until = 0.0
        self._restarts = 0

    def state(self) -> ModeState:
        """Return the mode now; a mode whose time is over reads as NORMAL."""
        left = self._until - self._clock()
        if self._mode is VenueMode.NORMAL or left <= 0:
            return ModeState(mode=VenueMode.NORMAL)
        return ModeState(mode=self._mode, wait=timedelta(seconds=left))

    def learn(
        self, status: int, words: str, retry_after: timedelta | None, *, entry: bool = True
    ) -> float:
        """Take note of an answer to an order request; return seconds to hold the account back.

        The whole account backs off after 425 and 429; a restricted mode holds back entries only,
        and only an accepted entry ends it: a cancel works in most modes.
        """
        if status < 400:
            if entry:
                self._mode, self._restarts = VenueMode.NORMAL, 0
            return 0.0
        asked = None if retry_after is None else retry_after.total_seconds()
        if status in (425, 429):
            return self._back_off(status, asked)
        mode = _restricted(words) if status == 503 else None
        if mode is not None:
            default = POST_ONLY_FOR if mode is VenueMode.POST_ONLY else MODE_FOR
            self._mode, self._until = mode, self._clock() + (default if asked is None else asked)
        return 0.0

    def _back_off(self, status: int, asked: float | None) -> float:
        wait = min(FIRST_BACKOFF * 2**self._restarts, LAST_BACKOFF) if asked is None else asked
        self._restarts = min(self._restarts + 1, 16)
        if status == 425:
            self._mode, self._until = VenueMode.RESTARTING, self._clock() + wait
        return wait


def _restricted(words: str) -> VenueMode | None:
    low = words.lower()
    if "post-only" in low:
        return VenueMode.POST_ONLY
    if "cancel-only" in low:
        return VenueMode.CANCEL_ONLY
    return VenueMode.DISABLED if "disabled" in low else None
