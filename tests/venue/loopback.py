"""A websocket server on loopback that a test holds by the hand."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed


class Loopback:
    """Records what clients say. `pong` and `data` switch off what a broken venue leaves out."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.open: set[ServerConnection] = set()
        self.most_open = 0
        self.connects = 0
        self.pong = True
        self.greeting: bytes | None = None
        self.url = ""

    async def handle(self, ws: ServerConnection) -> None:
        """Serve one client until it leaves."""
        self.connects += 1
        self.open.add(ws)
        self.most_open = max(self.most_open, len(self.open))
        with contextlib.suppress(ConnectionClosed):
            async for frame in ws:
                text = frame if isinstance(frame, str) else frame.decode()
                self.said.append(text)
                if text == "PING" and self.pong:
                    await ws.send("PONG")
                elif text != "PING" and self.greeting is not None:
                    await ws.send(self.greeting, text=True)
        self.open.discard(ws)

    async def tell(self, *frames: bytes) -> None:
        """Send frames to every client."""
        for ws in list(self.open):
            for frame in frames:
                await ws.send(frame, text=True)

    async def drop(self) -> None:
        """Cut every connection, without a closing handshake."""
        for ws in list(self.open):
            ws.transport.abort()
            await ws.wait_closed()


@contextlib.asynccontextmanager
async def loopback() -> AsyncIterator[Loopback]:
    """Serve on a free port for the length of the block."""
    server = Loopback()
    listening: Server
    async with serve(server.handle, "127.0.0.1", 0, ping_interval=None, max_size=None) as listening:
        port = next(iter(listening.sockets)).getsockname()[1]
        server.url = f"ws://127.0.0.1:{port}/ws/market"
        yield server
        for ws in list(server.open):
            ws.transport.abort()


@contextlib.asynccontextmanager
async def running(*work: asyncio.Task[None]) -> AsyncIterator[None]:
    """End the tasks after the block, whatever happens in it."""
    try:
        yield
    finally:
        for task in work:
            task.cancel()
        for task in work:
            with contextlib.suppress(asyncio.CancelledError):
                await task
