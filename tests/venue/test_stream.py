"""venue/stream.py against a server on loopback."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial

from tests.venue.loopback import Loopback, loopback, running
from tests.waiting import eventually
from venue.stream import Stream, StreamLimits, Vouch

QUICK = StreamLimits(
    ping_every=0.1,
    pong_within=0.2,
    doubt_after=0.2,
    silent_for=0.6,
    first_wait=0.02,
    longest_wait=0.05,
    close=0.2,
)


def ignore(_: bytes) -> None:
    """Take a frame and do nothing with it."""


class Reader:
    """A stream and everything it handed over."""

    def __init__(
        self, url: str, vouch: Vouch | None, on_frame: Callable[[bytes], bool | None]
    ) -> None:
        self.frames: list[bytes] = []
        self.epochs: list[tuple[int, str]] = []
        self.on_frame = on_frame
        self.stream = Stream(
            url,
            lambda: "first",
            self._take,
            lambda epoch, why: self.epochs.append((epoch, why)),
            epochs=itertools.count(1),
            vouch=vouch,
            limits=QUICK,
        )

    def _take(self, frame: bytes, seen_ns: int) -> bool | None:
        assert seen_ns > 1_600_000_000 * 10**9
        self.frames.append(frame)
        return self.on_frame(frame)

    @property
    def reasons(self) -> list[str]:
        """Why each epoch began."""
        return [why for _, why in self.epochs]


@asynccontextmanager
async def reading(
    server: Loopback,
    vouch: Vouch | None = None,
    on_frame: Callable[[bytes], bool | None] = ignore,
) -> AsyncIterator[Reader]:
    """Run a stream against the server until the block ends."""
    reader = Reader(server.url, vouch, on_frame)
    async with running(asyncio.create_task(reader.stream.run())):
        await eventually(lambda: "first" in server.said)
        yield reader


async def test_frames_arrive_in_order_and_the_heartbeat_is_text_that_nobody_sees() -> None:
    async with loopback() as server, reading(server) as reader:
        await server.tell(*(b"%d" % i for i in range(500)))
        await eventually(lambda: len(reader.frames) == 500)
        await eventually(lambda: "PING" in server.said)
        assert reader.frames == [b"%d" % i for i in range(500)]
        assert reader.stream.health.connects == 1


async def test_a_hundred_drops_never_leave_two_sockets_open() -> None:
    """ING-M1: one socket is replaced by exactly one socket, each time with a new epoch."""
    async with loopback() as server, reading(server) as reader:

        def replaced(count: int) -> bool:
            return len(server.open) == 1 and server.connects == count + 1

        for i in range(1, 101):
            await server.drop()
            await eventually(partial(replaced, i))
        await eventually(lambda: len(reader.epochs) == 101)
        assert server.most_open == 1
        assert [epoch for epoch, _ in reader.epochs] == list(range(1, 102))
        assert set(reader.reasons) == {"start", "closed 1006"}


async def test_a_server_that_stops_answering_is_left() -> None:
    async with loopback() as server:
        server.pong = False
        async with reading(server) as reader:
            await eventually(lambda: "no pong" in reader.reasons)
            assert server.most_open == 1


async def test_a_quiet_server_that_answers_is_kept() -> None:
    """ING-M1: without data, but with PONG, and nobody who doubts it."""
    async with loopback() as server, reading(server) as reader:
        await eventually(lambda: server.said.count("PING") >= 8)
        assert reader.reasons == ["start"] and server.connects == 1


async def test_silence_that_is_vouched_for_is_kept() -> None:
    asked = 0

    async def right() -> bool:
        nonlocal asked
        asked += 1
        return True

    async with loopback() as server, reading(server, right) as reader:
        await eventually(lambda: asked >= 4)
        assert reader.reasons == ["start"] and server.connects == 1


async def test_a_frozen_feed_is_replaced_although_it_answers_our_ping() -> None:
    """W2: socket open, PONG alive, data frozen."""

    async def wrong() -> bool:
        return False

    async with loopback() as server, reading(server, wrong) as reader:
        await eventually(lambda: "frozen" in reader.reasons, within=2)
        await eventually(lambda: len(server.open) == 1)
        assert server.most_open == 1


async def test_silence_that_nobody_can_judge_ends_after_its_own_limit() -> None:
    async def cannot_tell() -> None:
        return None

    async with loopback() as server, reading(server, cannot_tell) as reader:
        await eventually(lambda: "silent" in reader.reasons, within=3)
        assert "frozen" not in reader.reasons


async def test_a_slow_judge_counts_as_no_judgement() -> None:
    limits = StreamLimits(doubt_after=0.05, vouch_within=0.05, silent_for=0.2, first_wait=0.01)

    async def slow() -> bool:
        await asyncio.sleep(30)
        return False

    async with loopback() as server:
        ends: list[str] = []
        stream = Stream(
            server.url,
            lambda: "first",
            lambda *_: None,
            lambda _, why: ends.append(why),
            epochs=itertools.count(1),
            vouch=slow,
            limits=limits,
        )
        async with running(asyncio.create_task(stream.run())):
            await eventually(lambda: "silent" in ends)


async def test_a_consumer_that_is_behind_stops_the_reading_and_loses_nothing() -> None:
    """W5: a burst of 20,000 frames, and a consumer that stops in the middle of it."""

    def stop_at_1000(_: bytes) -> None:
        if len(reader.frames) == 1000:
            reader.stream.gate.clear()

    async with loopback() as server, reading(server, on_frame=stop_at_1000) as reader:
        burst = asyncio.create_task(server.tell(*(b"%06d" % i for i in range(20_000))))
        await eventually(lambda: len(reader.frames) == 1000)
        await asyncio.sleep(1.0)  # longer than every limit of QUICK: our stall is not the feed's
        assert len(reader.frames) == 1000 and reader.reasons == ["start"]
        reader.stream.gate.set()
        await burst
        await eventually(lambda: len(reader.frames) == 20_000)
        assert reader.frames == [b"%06d" % i for i in range(20_000)]
        assert reader.reasons == ["start"]


async def test_an_absent_server_is_tried_again_until_it_is_there() -> None:
    async with loopback() as server:
        gone = server.url
    reader = Reader(gone, None, ignore)
    async with running(asyncio.create_task(reader.stream.run())):
        await eventually(lambda: sum(reader.stream.health.ends.values()) >= 3)
        assert not reader.stream.health.connected and reader.epochs == []


async def test_asking_for_a_replacement_opens_one_new_epoch() -> None:
    async with loopback() as server, reading(server) as reader:
        reader.stream.replace("hash mismatch")
        reader.stream.replace("again")
        await eventually(lambda: len(reader.epochs) == 2)
        assert reader.reasons == ["start", "hash mismatch"]


async def test_a_fault_in_our_own_watch_is_raised_and_not_swallowed() -> None:
    async def broken() -> bool:
        raise RuntimeError("bug")

    async with loopback() as server:
        reader = Reader(server.url, broken, ignore)
        task = asyncio.create_task(reader.stream.run())
        await asyncio.wait([task], timeout=5)
        assert isinstance(task.exception(), RuntimeError)


async def test_frames_that_tell_nothing_of_what_was_subscribed_do_not_hide_a_freeze() -> None:
    """W2: broadcasts go to every socket, also to one whose subscription is frozen."""
    asked: list[None] = []

    async def right() -> bool:
        asked.append(None)
        return True

    told: list[bool] = []
    async with loopback() as server, reading(server, right, lambda _: bool(told)) as reader:
        health = reader.stream.health

        async def chatter() -> None:
            while True:
                await server.tell(b"broadcast")
                await asyncio.sleep(QUICK.doubt_after / 10)

        async with running(asyncio.create_task(chatter())):
            await eventually(lambda: len(asked) >= 2)
            began = health.told_at
            assert health.frames > 2 and health.data_at > began
            told.append(True)
            await eventually(lambda: health.told_at > began)
            assert health.connects == 1
