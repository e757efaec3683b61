"""ops/listening: what a slow or endless request gets, and what it costs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from ops import listening
from tests.waiting import eventually

MOST, SOON = 100, 0.2  # bytes, seconds


async def echo(request: Request) -> Response:
    return PlainTextResponse(str(len(await request.body())))


async def drip(request: Request) -> Response:
    async def drops() -> AsyncIterator[bytes]:
        for _ in range(3):
            await asyncio.sleep(SOON)
            yield b"drop"

    return StreamingResponse(drops())


@asynccontextmanager
async def served() -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    app = Starlette(routes=[Route("/", echo, methods=["POST"]), Route("/drip", drip)])
    server = uvicorn.Server(listening.listening(listening.Bounded(app, MOST, SOON), port=0))
    task = asyncio.create_task(server._serve())
    await eventually(lambda: server.started, within=10)
    port = server.servers[0].sockets[0].getsockname()[1]
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield reader, writer
    finally:
        writer.close()
        server.should_exit = True
        await task


async def status_of(reader: asyncio.StreamReader) -> int:
    """Return the status of the next answer, read to its end."""
    found = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
    for line in found.lower().split(b"\r\n"):
        if line.startswith(b"content-length: "):
            await reader.readexactly(int(line.partition(b" ")[2]))
    return int(found[9:12])


@pytest.mark.parametrize("start", [b"", b"POST / HT", b"POST / HTTP/1.1\r\nHost: x\r\nA: "])
async def test_a_head_that_does_not_end_is_ended(
    start: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listening, "HEAD_WITHIN", SOON)
    async with served() as (reader, writer):
        writer.write(start)
        assert await asyncio.wait_for(reader.read(), 5) == b""


async def test_the_second_head_of_a_connection_must_end_as_well(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(listening, "HEAD_WITHIN", SOON)
    async with served() as (reader, writer):
        writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nab")
        assert await status_of(reader) == 200
        writer.write(b"POST")
        assert await asyncio.wait_for(reader.read(), 5) == b""


async def test_a_body_that_does_not_end_gets_408_and_the_connection_is_over() -> None:
    async with served() as (reader, writer):
        writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nab")
        assert await status_of(reader) == 408
        assert await asyncio.wait_for(reader.read(), 5) == b""


@pytest.mark.parametrize(
    "sent",
    [
        b"Content-Length: 101\r\n\r\n",
        b"Content-Length: 9999999999999999999\r\n\r\n",
        b"Transfer-Encoding: chunked\r\n\r\n"
        + b"32\r\n"
        + b"a" * 50
        + b"\r\n"
        + b"33\r\n"
        + b"a" * 51,
    ],
    ids=["announced", "absurd", "in chunks"],
)
async def test_a_body_beyond_the_limit_gets_413(sent: bytes) -> None:
    async with served() as (reader, writer):
        writer.write(b"POST / HTTP/1.1\r\nHost: x\r\n" + sent)
        assert await status_of(reader) == 413
        assert await asyncio.wait_for(reader.read(), 5) == b""


async def test_a_long_answer_is_not_ended_by_any_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listening, "HEAD_WITHIN", SOON)
    async with served() as (reader, writer):
        writer.write(b"GET /drip HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert (await asyncio.wait_for(reader.read(), 5)).count(b"drop") == 3


async def test_one_connection_too_many_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listening, "AT_ONCE", 1)
    async with served() as (reader, writer):
        writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
        assert await status_of(reader) == 503
