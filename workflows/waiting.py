"""Waiters: activities that return when there is news, raced against messages and a deadline."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

from temporalio import workflow
from temporalio.exceptions import ActivityError

T = TypeVar("T")


async def news_or(
    waiter: workflow.ActivityHandle[T], woken: Callable[[], bool], wait: timedelta, why: str
) -> T | None:
    """Return the waiter's news, or None when a message or the deadline came first.

    The waiter is then cancelled; if its news won the race against the cancellation, it counts.
    """
    try:
        await workflow.wait_condition(
            lambda: waiter.done() or woken(), timeout=wait, timeout_summary=why
        )
    except TimeoutError:
        pass
    if not waiter.done():
        waiter.cancel()
    try:
        return await waiter
    except (ActivityError, asyncio.CancelledError):
        return None
