"""Delivery of alerts as activities: waiting for news costs no history, only an attempt."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Protocol

from temporalio import activity
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from activities.alive import alive

NOTHING_YET = "NothingYet"
LOOK_EVERY = timedelta(seconds=2)


class RoundLike(Protocol):
    """What one look at the outbox did."""

    @property
    def sent(self) -> int:
        """How many alerts every channel took."""


Deliver = Callable[[], Awaitable[RoundLike]]
Listen = Callable[[], Awaitable[int]]


class AlertActivities:
    """Bound to the outbox and its channels; built once per worker in worker/bootstrap.py."""

    def __init__(self, deliver: Deliver, listen: Listen | None) -> None:
        self._deliver, self._listen = deliver, listen

    @activity.defn
    async def deliver_alerts(self) -> int:
        """Deliver what is due and return how many alerts were sent.

        Raises:
            ApplicationError: "NothingYet" when nothing was sent; asked again by the retry.
        """
        async with alive():
            done = await self._deliver()
        if not done.sent:
            raise _nothing_yet("no alert is due", LOOK_EVERY)
        return done.sent

    @activity.defn
    async def obey_chat(self) -> bool:
        """Answer the chat until there is nothing to say; False when no chat is configured.

        Raises:
            ApplicationError: "NothingYet" after one long look; asked again by the retry.
        """
        if self._listen is None:
            return False
        await self._listen()
        raise _nothing_yet("the chat is listened to", timedelta(seconds=1))


def _nothing_yet(text: str, again: timedelta) -> ApplicationError:
    """Return the error that makes Temporal ask again; benign, so that no log or metric cries."""
    return ApplicationError(
        text,
        type=NOTHING_YET,
        next_retry_delay=again,
        category=ApplicationErrorCategory.BENIGN,
    )
