"""Waiting for something to become true, instead of sleeping for luck."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, overload

T = TypeVar("T")


@overload
@overload
async def eventually(
    predicate: Callable[[], Awaitable[T | None]], within: float = 10.0, every: float = 0.02
) -> T: ...
@overload
async def eventually(
    predicate: Callable[[], T | None], within: float = 10.0, every: float = 0.02
) -> T: ...
async def eventually(
    predicate: Callable[[], Any], within: float = 10.0, every: float = 0.02
) -> Any:
    """Return the first truthy answer of `predicate`, asked again until `within` seconds passed.

    An AssertionError inside the predicate counts as "not yet"; any other error is raised.

    Raises:
        AssertionError: the time is over; the text has the last answer.
    """
    end = time.monotonic() + within
    while True:
        try:
            answer = predicate()
            value = await answer if inspect.isawaitable(answer) else answer
        except AssertionError as e:
            last: object = e
        else:
            if value:
                return value
            last = value
        if time.monotonic() >= end:
            raise AssertionError(f"expected within {within} s, last answer was {last!r}")
        await asyncio.sleep(every)
