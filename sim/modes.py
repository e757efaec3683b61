"""Venue-wide modes: engine restart, post-only, cancel-only, disabled (facts 2.11)."""

from __future__ import annotations

from typing import Any

from sim.faults import Faults
from sim.refusals import CANCEL_ONLY, DISABLED, POST_ONLY_MODE, Refusal


class Modes:
    """Windows of time in which the venue refuses some or all requests; set through faults."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self._until: dict[str, int] = {}

    def enter(self, mode: str, until_ms: int) -> None:
        """Begin a mode: restart, post_only, cancel_only or disabled."""
        self._until[mode] = until_ms

    def clear(self) -> None:
        """End all modes."""
        self._until.clear()

    def active(self, now_ms: int) -> dict[str, int]:
        """Return the modes in force with their ends."""
        return {mode: until for mode, until in self._until.items() if until > now_ms}

    def check_order(self, body: Any, now_ms: int) -> None:
        """Refuse a new order that the mode does not allow.

        Raises:
            Refusal: 425 or 503.
        """
        self._check_common(now_ms)
        active = self.active(now_ms)
        if "cancel_only" in active:
            raise Refusal(503, CANCEL_ONLY)
        if "post_only" in active and not (isinstance(body, dict) and body.get("postOnly")):
            wait = max((active["post_only"] - now_ms) // 1000, 1)
            raise Refusal(
                503,
                POST_ONLY_MODE,
                {"Retry-After": str(wait)},
                code="post_only_mode",
                retry_after_seconds=wait,
            )

    def check_cancel(self, now_ms: int) -> None:
        """Refuse a cancel while the engine restarts or trading is disabled.

        Raises:
            Refusal: 425 or 503.
        """
        self._check_common(now_ms)

    def _check_common(self, now_ms: int) -> None:
        active = self.active(now_ms)
        if "restart" in active:
            raise Refusal(425, "Too Early")
        if "disabled" in active:
            raise Refusal(503, DISABLED)
