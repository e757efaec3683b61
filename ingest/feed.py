"""Feed: every wanted token on exactly one socket, decoded and folded as frames arrive."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field

import structlog

from ingest.fold import Fold
from ingest.shards import Move, Placement
from ingest.tokens import Tokens, TokenState
from venue.stream import Stream, StreamLimits
from venue.wire.market import BROADCAST, MarketDecoder
from venue.wire.subscribe import TOKENS_A_SOCKET, market_first, market_less, market_more

log = structlog.get_logger()

Judge = Callable[[list[TokenState]], Awaitable[bool | None]]  # is the silence of these right?
OnGap = Callable[[list[TokenState], int, str], None]  # tokens, new epoch, why
Tap = Callable[[bytes, int, int], None]  # frame, receive time in ns, epoch

SAMPLE = 64  # every so many frames one is timed
PATIENCE = 600.0  # seconds for the book of a token: a market is listed minutes before it


@dataclass(slots=True)
class Socket:
    """One stream with its tokens; `waits` counts rounds of asking again for missing books."""

    stream: Stream
    tokens: set[str]
    task: asyncio.Task[None]
    waits: int = 0


@dataclass(frozen=True, slots=True)
class SocketHealth:
    """What can be seen of one socket; `data_age` in seconds, None while it is not connected."""

    epoch: int
    wanted: int
    missing: int  # tokens whose book has not come since the connection was made
    data_age: float | None


@dataclass(slots=True)
class FeedHealth:
    """Sums over all sockets, for the store and the metrics."""

    sockets: int = 0
    connected: int = 0
    wanted: int = 0
    subscribed: int = 0
    overdue: int = 0  # tokens without their book for longer than our patience
    frames: int = 0
    bytes: int = 0
    epochs: int = 0
    oldest_data: float = 0.0  # seconds since the quietest socket said something
    by_socket: dict[int, SocketHealth] = field(default_factory=dict)
    ends: Counter[str] = field(default_factory=Counter)


class Feed:
    """The market channel. Changes of `want` move as few subscriptions as possible."""

    def __init__(
        self,
        url: str,
        tokens: Tokens,
        fold: Fold,
        *,
        judge: Judge | None = None,
        on_gap: OnGap = lambda *_: None,
        limits: StreamLimits | None = None,
        per_socket: int = TOKENS_A_SOCKET,
        ramp: int = 10,
    ) -> None:
        """`ramp` sockets connect at once; `judge` tells a frozen feed from a quiet one."""
        self._url, self._tokens, self._fold, self._judge = url, tokens, fold, judge
        self._on_gap, self._limits = on_gap, limits
        self._placement = Placement(per_socket)
        self._ramp = asyncio.Semaphore(ramp)
        self._epochs = itertools.count(1)
        self._past: Counter[str] = Counter()  # of sockets that are gone
        self._past_ends: Counter[str] = Counter()
        self.sockets: dict[int, Socket] = {}
        self.decoder = MarketDecoder()
        self.taps: list[Tap] = []
        self.timings: deque[int] = deque(maxlen=2048)  # ns from frame to folded, of some frames
        self.failed = 0
        self._bare: dict[str, float] = {}  # tokens without a book, and since when
        self._open = True
        self._fault: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def run(self) -> None:
        """Wait for a fault of a socket's own code, and raise it; close all on the way out."""
        try:
            await self._fault
        finally:
            await self.close()

    async def want(self, tokens: Iterable[str]) -> None:
        """Subscribe to exactly these tokens."""
        for move in self._placement.want(tokens):
            if move.socket not in self.sockets:
                self._start(move.socket)
            elif move.socket not in self._placement.sockets:
                await self._stop(move.socket)
            else:
                await self._change(move)

    async def close(self) -> None:
        """Close every socket."""
        for number in list(self.sockets):
            await self._stop(number)

    def gate(self, full: bool) -> None:
        """Stop or resume reading on all sockets; nothing is dropped meanwhile."""
        self._open = not full
        for socket in self.sockets.values():
            (socket.stream.gate.clear if full else socket.stream.gate.set)()

    def states(self, socket: Socket) -> list[TokenState]:
        """Return what is known of the tokens of a socket."""
        by_id = self._tokens.by_id
        return [by_id[token] for token in socket.tokens if token in by_id]

    def settled(self, socket: Socket) -> list[TokenState]:
        """Return those whose book has come since the connection was made."""
        epoch = socket.stream.health.epoch
        return [state for state in self.states(socket) if state.synced == epoch]

    def missing(self, socket: Socket) -> list[str]:
        """Return the tokens whose book has not come since the connection was made."""
        epoch = socket.stream.health.epoch
        return [state.token_id for state in self.states(socket) if state.synced != epoch]

    async def ask_again(self) -> None:
        """Ask again for missing books: a new market is listed before its book exists.

        Called every few seconds; each socket waits twice as many rounds after every asking.
        """
        for socket in list(self.sockets.values()):
            socket.waits += 1
            asks = socket.waits.bit_count() == 1 and socket.waits > 1  # rounds 2, 4, 8, 16 …
            if asks and socket.stream.health.connected and (missing := self.missing(socket)):
                await socket.stream.send(market_more(missing))

    def health(self) -> FeedHealth:
        """Return the sums over all sockets; to be asked every few seconds."""
        found, now = FeedHealth(sockets=len(self.sockets)), time.monotonic()
        found.frames, found.bytes = self._past["frames"], self._past["bytes"]
        found.epochs, found.ends = self._past["epochs"], self.ends()
        bare: dict[str, float] = {}
        for number, socket in self.sockets.items():
            lacking = self.missing(socket)
            bare.update((token, self._bare.get(token, now)) for token in lacking)
            health, missing = socket.stream.health, len(lacking)
            age = round(now - health.data_at, 1) if health.connected else None
            wanted = len(socket.tokens)
            found.by_socket[number] = SocketHealth(health.epoch, wanted, missing, age)
            found.connected += health.connected
            found.wanted += wanted
            found.frames += health.frames
            found.bytes += health.bytes
            found.epochs += health.connects
            if age is not None:
                found.subscribed += wanted - missing
                found.oldest_data = max(found.oldest_data, age)
        self._bare = bare
        found.overdue = sum(now - since > PATIENCE for since in bare.values())
        return found

    def ends(self) -> Counter[str]:
        """Return why connections ended, with how many of each."""
        found = Counter(self._past_ends)
        for socket in self.sockets.values():
            found.update(socket.stream.health.ends)
        return found

    def _start(self, number: int) -> None:
        tokens = self._placement.sockets[number]
        stream = Stream(
            self._url,
            lambda: market_first(sorted(tokens)),
            lambda frame, seen_ns: self._frame(number, frame, seen_ns),
            lambda epoch, why: self._epoch(number, epoch, why),
            epochs=self._epochs,
            vouch=None if self._judge is None else lambda: self._vouch(number),
            limits=self._limits,
            ramp=self._ramp,
        )
        if not self._open:
            stream.gate.clear()
        task = asyncio.create_task(stream.run(), name=f"socket {number}")
        task.add_done_callback(self._ended)
        self.sockets[number] = Socket(stream, tokens, task)

    def _ended(self, task: asyncio.Task[None]) -> None:
        """A stream ends by cancellation alone; anything else is a fault that ends the process."""
        if not task.cancelled() and (fault := task.exception()) is not None:
            log.error("stream_failed", fault=repr(fault))
            if not self._fault.done():
                self._fault.set_exception(fault)

    async def _stop(self, number: int) -> None:
        socket = self.sockets.pop(number)
        self._past["frames"] += socket.stream.health.frames
        self._past["bytes"] += socket.stream.health.bytes
        self._past["epochs"] += socket.stream.health.connects
        self._past_ends.update(socket.stream.health.ends)
        socket.task.cancel()
        await asyncio.wait([socket.task])

    async def _change(self, move: Move) -> None:
        socket = self.sockets[move.socket]
        socket.waits = 0
        if move.less:
            await socket.stream.send(market_less(move.less))
        if move.more:
            await socket.stream.send(market_more(move.more))

    def _frame(self, number: int, frame: bytes, seen_ns: int) -> bool:
        """Fold one frame; return whether it told of tokens of this socket."""
        stream, told = self.sockets[number].stream, False
        epoch = stream.health.epoch
        try:
            events = self.decoder.decode(frame)
            told = bool(events) and type(events[0]) not in BROADCAST
            self._fold.apply(events, seen_ns, epoch)
        except Exception:  # the edge: one frame must not end the watch over 200 tokens
            self.failed += 1
            log.exception("frame_failed", socket=number, frame=frame[:500])
            stream.replace("frame failed")
        for tap in self.taps:
            tap(frame, seen_ns, epoch)
        if not stream.health.frames % SAMPLE:
            self.timings.append(time.time_ns() - seen_ns)
        return told

    def _epoch(self, number: int, epoch: int, why: str) -> None:
        log.info("epoch", socket=number, epoch=epoch, why=why)
        socket = self.sockets[number]
        socket.waits = 0
        if why != "start":
            self._on_gap(self.states(socket), epoch, why)

    async def _vouch(self, number: int) -> bool | None:
        """Ask whether silence is right; a book that never came tells nothing, unless none came."""
        socket = self.sockets[number]
        states = self.settled(socket) or self.states(socket)
        return await self._judge(states) if self._judge else None
