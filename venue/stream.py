"""One socket of the venue, kept alive: our own reader, because the SDK's drops in silence.

Frames go to a plain function, one after the other, on the reader's own task. A consumer that
is behind closes `gate`; the reader then stops reading and TCP holds the sender back, so
nothing is dropped here. Whatever else loses frames (a reconnect, a frozen feed) starts a new
epoch and says why.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from typing import Never
from urllib.parse import urlsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, WebSocketException

from venue.wire.subscribe import PING, PONG

MAX_FRAME = 64 * 1024 * 1024  # the opening array carries 200 books
_LOCAL = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass(frozen=True, slots=True)
class StreamLimits:
    """Seconds. With the defaults a frozen feed is replaced in less than 20 s."""

    connect: float = 10.0
    ping_every: float = 10.0
    pong_within: float = 10.0
    doubt_after: float = 10.0  # told nothing for so long: ask `vouch` whether that is right
    vouch_within: float = 5.0
    silent_for: float = 60.0  # told nothing, and nobody could say whether that is right
    first_wait: float = 0.25
    longest_wait: float = 30.0
    steady_after: float = 30.0  # a connection this old starts the waits anew
    close: float = 1.0


@dataclass(slots=True)
class StreamHealth:
    """What can be seen of a socket. Times are `time.monotonic()`; 0.0 means never."""

    epoch: int = 0
    connected: bool = False
    connects: int = 0
    frames: int = 0
    bytes: int = 0
    data_at: float = 0.0
    told_at: float = 0.0  # data about what was subscribed; the venue also broadcasts to all
    heard_at: float = 0.0
    ends: Counter[str] = field(default_factory=Counter)  # why connections ended


# The frame, and time.time_ns() of its arrival; True: it told of what was subscribed.
OnFrame = Callable[[bytes, int], bool | None]
OnEpoch = Callable[[int, str], None]  # the new epoch, and what ended the one before
Vouch = Callable[[], Awaitable[bool | None]]  # silence is right / wrong / cannot tell


class Stream:
    """Reads one socket for ever; at most one connection is open at any time."""

    health: StreamHealth

    def __init__(
        self,
        url: str,
        first: Callable[[], str],
        on_frame: OnFrame,
        on_epoch: OnEpoch,
        *,
        epochs: Iterator[int],
        vouch: Vouch | None = None,
        limits: StreamLimits | None = None,
        ramp: asyncio.Semaphore | None = None,
    ) -> None:
        """Prepare the reader. `first` makes the opening frame, anew for every connection.

        `epochs` numbers the stretches, shared by all sockets of the process. Without `vouch`
        silence is taken for granted as long as the venue answers our PING (user channel).
        `ramp` bounds how many sockets connect at once.
        """
        self._url, self._first, self._on_frame, self._on_epoch = url, first, on_frame, on_epoch
        self._epochs, self._vouch = epochs, vouch
        self._limits = limits or StreamLimits()
        self._ramp = ramp or asyncio.Semaphore(1)
        self._ws: ClientConnection | None = None
        self._reading = False
        self._verdict = ""
        self._vouched_at = 0.0
        self.gate = asyncio.Event()
        self.gate.set()
        self.health = StreamHealth()

    async def run(self) -> None:
        """Keep the socket open until cancelled."""
        attempt, reason = 0, "start"
        while True:
            began = time.monotonic()
            try:
                async with self._connection() as ws:
                    self._begin(reason)
                    reason = await self._serve(ws)
            except (OSError, TimeoutError, WebSocketException, ValueError) as error:
                reason = f"connect: {type(error).__name__}"
                self.health.ends[reason] += 1
            steady = time.monotonic() - began > self._limits.steady_after
            attempt = 0 if steady else attempt + 1
            await asyncio.sleep(self._wait(attempt))

    async def send(self, text: str) -> None:
        """Send a frame if connected; otherwise the next opening frame makes it needless."""
        if self._ws is not None:
            with contextlib.suppress(ConnectionClosed, TimeoutError):
                async with asyncio.timeout(self._limits.pong_within):
                    await self._ws.send(text)

    def replace(self, reason: str) -> None:
        """Drop the connection now; `run` opens the next one and a new epoch begins."""
        if self._ws is not None and not self._verdict:
            self._verdict = reason
            self._ws.transport.abort()

    def _wait(self, attempt: int) -> float:
        """Return the pause before the next connection, with jitter so that 150 do not meet."""
        doubled: float = self._limits.first_wait * 2.0 ** min(attempt, 20)
        return min(doubled, self._limits.longest_wait) * random.uniform(0.5, 1.0)  # noqa: S311  # chance, no secret

    @contextlib.asynccontextmanager
    async def _connection(self) -> AsyncIterator[ClientConnection]:
        local = urlsplit(self._url).hostname in _LOCAL
        async with self._ramp:
            ws = await connect(
                self._url,
                compression=None,
                max_size=MAX_FRAME,
                max_queue=256,
                ping_interval=None,  # the venue's heartbeat is text
                open_timeout=self._limits.connect,
                close_timeout=self._limits.close,
                proxy=None if local else True,
            )
        self._ws = ws
        try:
            yield ws
        finally:
            self._ws, self.health.connected = None, False
            await ws.close()

    def _begin(self, reason: str) -> None:
        now = time.monotonic()
        health = self.health
        health.epoch, health.connected = next(self._epochs), True
        health.connects += 1
        health.data_at = health.heard_at = health.told_at = self._vouched_at = now
        self._verdict = ""
        self._on_epoch(health.epoch, reason)

    async def _serve(self, ws: ClientConnection) -> str:
        """Read until the connection ends; return why it did."""
        watch = asyncio.create_task(self._watch(), name=f"watch {self._url}")
        watch.add_done_callback(lambda _: self.replace("watch ended"))
        try:
            async with asyncio.timeout(self._limits.connect):
                await ws.send(self._first())
            await self._read(ws)
        except ConnectionClosed as closed:
            code = closed.rcvd.code if closed.rcvd else 1006
            reason = self._verdict or f"closed {code}"
            self.health.ends[reason] += 1
            return reason
        finally:
            watch.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await watch  # raises what the watch died of

    async def _read(self, ws: ClientConnection) -> Never:
        """Hand over frames until the connection ends, by ConnectionClosed."""
        health, recv, gate, on_frame = self.health, ws.recv, self.gate, self._on_frame
        while True:
            self._reading = True
            data = await recv(decode=False)
            now = time.monotonic()
            health.heard_at = now
            if data == PONG:
                continue
            health.data_at = now
            health.frames += 1
            health.bytes += len(data)
            if on_frame(data, time.time_ns()):
                health.told_at = now
            if not gate.is_set():
                self._reading = False
                await gate.wait()
                now = time.monotonic()  # silence was ours
                health.data_at = health.heard_at = health.told_at = now

    async def _watch(self) -> None:
        """Send the heartbeat and doubt every silence; end the connection when it is dead."""
        limits = self._limits
        tick = min(1.0, limits.ping_every / 2, limits.doubt_after / 4)
        pinged_at, ping_due = 0.0, time.monotonic() + limits.ping_every
        while not self._verdict:
            await asyncio.sleep(tick)
            now = time.monotonic()
            if not self._reading:
                pinged_at = 0.0  # the answer may lie unread before us
                continue
            if self.health.heard_at >= pinged_at:
                pinged_at = 0.0
            if pinged_at and pinged_at < now - limits.pong_within:
                self.replace("no pong")
            elif now >= ping_due:
                ping_due = now + limits.ping_every
                await self.send(PING)
                pinged_at = pinged_at or now
            await self._doubt(now)

    async def _doubt(self, now: float) -> None:
        """Replace a socket that answers our PING yet delivers no data (py-clob-client#292)."""
        if self._vouch is None:
            return
        limits, since = self._limits, max(self.health.told_at, self._vouched_at)
        if now - since < limits.doubt_after:
            return
        asked_at = self.health.told_at
        try:
            async with asyncio.timeout(limits.vouch_within):
                verdict = await self._vouch()
        except TimeoutError:
            verdict = None
        if self.health.told_at > asked_at:
            return  # data came meanwhile
        if verdict:
            self._vouched_at = time.monotonic()
        elif verdict is False:
            self.replace("frozen")
        elif now - since > limits.silent_for:
            self.replace("silent")
