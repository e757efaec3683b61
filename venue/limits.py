"""Rate limits: one token bucket for each documented limit (facts 7), shared by the account.

Time is monotonic, so a stepped wall clock changes nothing. A waiter takes its place at once and
sleeps outside of any lock, so waiters do not block each other (ING-L1).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta

from venue.errors import NotReady

Clock = Callable[[], float]
Sleep = Callable[[float], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `count` requests in any window of `seconds` for these methods and paths."""

    name: str
    host: str  # clob, gamma, data, relayer
    count: int
    seconds: float
    paths: tuple[str, ...] = ()  # beginnings; empty: all of the host
    methods: tuple[str, ...] = ()  # empty: all

    def covers(self, host: str, method: str, path: str) -> bool:
        """Return whether a request counts against this limit."""
        return (
            self.host == host
            and (not self.methods or method in self.methods)
            and (not self.paths or any(_under(path, p) for p in self.paths))
        )


# Facts 7.1: per address of the network. Paths are beginnings of whole parts.
PER_ADDRESS: tuple[Limit, ...] = (
    Limit("clob", "clob", 9000, 10),
    Limit("book", "clob", 1500, 10, ("/book",), ("GET",)),
    Limit("price", "clob", 1500, 10, ("/price",), ("GET",)),
    Limit("midpoint", "clob", 1500, 10, ("/midpoint",), ("GET",)),
    Limit("books", "clob", 500, 10, ("/books",)),
    Limit("prices", "clob", 500, 10, ("/prices",)),
    Limit("midpoints", "clob", 500, 10, ("/midpoints",)),
    Limit("history", "clob", 1000, 10, ("/prices-history",)),
    Limit("tick", "clob", 200, 10, ("/tick-size",)),
    Limit("balance", "clob", 200, 10, ("/balance-allowance",), ("GET",)),
    Limit("balance update", "clob", 50, 10, ("/balance-allowance/update",)),
    Limit("ledger", "clob", 900, 10, ("/data", "/notifications")),
    Limit("orders", "clob", 500, 10, ("/data/order", "/data/orders")),
    Limit("trades", "clob", 500, 10, ("/data/trades",)),
    Limit("notifications", "clob", 125, 10, ("/notifications",)),
    Limit("keys", "clob", 100, 10, ("/auth",)),
    Limit("ok", "clob", 100, 10, ("/ok",)),
    Limit("post", "clob", 5000, 10, ("/order",), ("POST",)),
    Limit("post, 10 min", "clob", 120_000, 600, ("/order",), ("POST",)),
    Limit("cancel", "clob", 5000, 10, ("/order",), ("DELETE",)),
    Limit("cancel, 10 min", "clob", 120_000, 600, ("/order",), ("DELETE",)),
    Limit("posts", "clob", 2000, 10, ("/orders",), ("POST",)),
    Limit("posts, 10 min", "clob", 21_000, 600, ("/orders",), ("POST",)),
    Limit("cancels", "clob", 2000, 10, ("/orders",), ("DELETE",)),
    Limit("cancels, 10 min", "clob", 15_000, 600, ("/orders",), ("DELETE",)),
    Limit("cancel all", "clob", 250, 10, ("/cancel-all",)),
    Limit("cancel all, 10 min", "clob", 6000, 600, ("/cancel-all",)),
    Limit("cancel market", "clob", 1500, 10, ("/cancel-market-orders",)),
    Limit("cancel market, 10 min", "clob", 21_000, 600, ("/cancel-market-orders",)),
    Limit("gamma", "gamma", 4000, 10),
    Limit("gamma events", "gamma", 500, 10, ("/events",)),
    Limit("gamma markets", "gamma", 300, 10, ("/markets",)),
    Limit("gamma listing", "gamma", 900, 10, ("/events", "/markets")),
    Limit("gamma comments", "gamma", 200, 10, ("/comments",)),
    Limit("gamma tags", "gamma", 200, 10, ("/tags",)),
    Limit("gamma search", "gamma", 350, 10, ("/public-search",)),
    Limit("data", "data", 1000, 10),
    Limit("data trades", "data", 200, 10, ("/v2/trades",)),
    Limit("data positions", "data", 150, 10, ("/v2/positions",)),
    Limit("relayer submit", "relayer", 25, 60, ("/submit",)),
)
# Facts 7.2: per signer, Standard tier, as the rate of a second; the burst above it is not used.
# Cancels have a bucket of their own, so that no number of entries can hold one up.
PER_SIGNER: tuple[Limit, ...] = (
    Limit("signer orders", "clob", 40, 1, ("/order", "/orders"), ("POST",)),
    Limit(
        "signer cancels",
        "clob",
        80,
        1,
        ("/order", "/orders", "/cancel-all", "/cancel-market-orders"),
        ("DELETE",),
    ),
)
DOCUMENTED = PER_ADDRESS + PER_SIGNER


PATIENCE = 10.0  # seconds that a request waits for its turn


class Bucket:
    """One limit as a token bucket that never passes `count` in any window of `seconds`.

    Half of the count is the burst and half refills per window, so a full bucket plus a whole
    window of refill is the limit itself.
    """

    def __init__(self, limit: Limit, clock: Clock = time.monotonic, share: float = 1.0) -> None:
        allowed = limit.count * share
        self._burst = max(1.0, float(int(allowed / 2)))
        self._rate = max(allowed - self._burst, allowed / 2, 1e-9) / limit.seconds
        if allowed < 2:  # one at a time, one window apart
            self._rate = allowed / limit.seconds / 2
        self._clock = clock
        self._left = self._burst
        self._at = clock()

    def take(self) -> float:
        """Take a token now and return the seconds to wait before using it."""
        now = self._clock()
        self._left = min(self._burst, self._left + max(0.0, now - self._at) * self._rate)
        self._at = max(self._at, now)
        self._left -= 1
        return max(0.0, -self._left / self._rate)

    def give_back(self) -> None:
        """Return a token that was taken and not used, e.g. by a cancelled waiter."""
        self._left = min(self._burst, self._left + 1)


class Limiter:
    """All buckets of one account in this process: those of its signer and of this address.

    `share` divides the limits between processes: 0.5 each for two workers keeps both together
    within the venue's figures. `pause` holds everything back after a 429 or 425.
    """

    def __init__(
        self,
        limits: Iterable[Limit] = DOCUMENTED,
        *,
        share: float = 0.5,
        clock: Clock = time.monotonic,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        if not 0 < share <= 1:
            raise ValueError(f"expected a share in (0, 1], was {share}")
        self._buckets = [(limit, Bucket(limit, clock, share)) for limit in limits]
        self._clock = clock
        self._sleep = sleep
        self._paused_until = 0.0

    async def acquire(self, host: str, method: str, path: str, patience: float = PATIENCE) -> float:
        """Wait until the request may be sent and return the seconds waited.

        A cancelled wait gives its tokens back and propagates (ING-H2).

        Raises:
            NotReady: the wait would be longer than `patience` seconds; whoever can wait
                without holding anything (a workflow) should.
        """
        taken = [b for limit, b in self._buckets if limit.covers(host, method, path)]
        wait = max([b.take() for b in taken] + [self.paused_for])
        if wait <= 0:
            return 0.0
        try:
            if wait > patience:
                raise NotReady(f"our own rate limit asks to wait {wait:.1f} s", _span(wait))
            await self._sleep(wait)
        except (asyncio.CancelledError, NotReady):
            for bucket in taken:
                bucket.give_back()
            raise
        return wait

    def pause(self, seconds: float) -> None:
        """Hold every request of the account back for this long from now."""
        self._paused_until = max(self._paused_until, self._clock() + seconds)

    @property
    def paused_for(self) -> float:
        """Return the seconds left of the pause, 0 when there is none."""
        return max(0.0, self._paused_until - self._clock())


def _span(seconds: float) -> timedelta:
    return timedelta(seconds=seconds)


def _under(path: str, start: str) -> bool:
    return path == start or path.startswith(start + "/")
