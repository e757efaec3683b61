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
PROBE = 3.0  # an answer takes less; a probe without one is followed by another
SOON = 0.001  # a wait this short rounds to none, and would be asked for without a pause
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

    A mode lasts until its time is over; then one entry is let through as the probe, and the
    others wait for what it learns. A success ends the mode. Each process learns by itself: what
    it costs is one refused post each, see docs/decisions/0007-modes-are-learnt.md.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._mode = VenueMode.NORMAL
        self._until = 0.0
        self._restarts = 0
        self._probing = False

    def state(self) -> ModeState:
        """Return the mode now; a mode whose time is over reads as NORMAL."""
        left = self._until - self._clock()
        if self._mode is VenueMode.NORMAL or left < SOON:
            return ModeState(mode=VenueMode.NORMAL)
        return ModeState(mode=self._mode, wait=timedelta(seconds=left))

    def admit(self) -> ModeState:
        """Return NORMAL to the entry that may be sent now, to all others the mode and their wait.

        Once the time of a mode is over the first to ask is the probe. The next one is due after
        `PROBE` seconds, in case the probe never tells.
        """
        found = self.state()
        if found.mode is VenueMode.NORMAL and self._mode is not VenueMode.NORMAL:
            self._until, self._probing = self._clock() + PROBE, True
        return found

    def learn(
        self, status: int, words: str, retry_after: timedelta | None, *, entry: bool = True
    ) -> float:
        """Take note of an answer to an order request; return seconds to hold the account back.

        The whole account backs off after 425 and 429; a restricted mode holds back entries only,
        and only an entry ends it, for a cancel works in most modes: one that is accepted, or the
        probe when it is refused for a reason of its own.
        """
        if entry and (status < 400 or (self._probing and _judged(status))):
            self._mode, self._restarts, self._probing = VenueMode.NORMAL, 0, False
        asked = None if retry_after is None else retry_after.total_seconds()
        if status in (425, 429):
            return self._back_off(status, asked)
        mode = _restricted(words) if status == 503 else None
        if mode is not None:
            self._probing = False
            default = POST_ONLY_FOR if mode is VenueMode.POST_ONLY else MODE_FOR
            self._mode, self._until = mode, self._clock() + (default if asked is None else asked)
        return 0.0

    def _back_off(self, status: int, asked: float | None) -> float:
        wait = min(FIRST_BACKOFF * 2**self._restarts, LAST_BACKOFF) if asked is None else asked
        self._restarts = min(self._restarts + 1, 16)
        if status == 425:
            self._probing = False
            self._mode, self._until = VenueMode.RESTARTING, self._clock() + wait
        return wait


def _judged(status: int) -> bool:
    """Return whether the engine looked at the order: it does so in no mode but the normal one."""
    return 400 <= status < 500 and status not in (403, 425, 429)


def _restricted(words: str) -> VenueMode | None:
    low = words.lower()
    if "post-only" in low:
        return VenueMode.POST_ONLY
    if "cancel-only" in low:
        return VenueMode.CANCEL_ONLY
    return VenueMode.DISABLED if "disabled" in low else None
