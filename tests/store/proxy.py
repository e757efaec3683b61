"""A wire between client and server that is cut at the worst moment: work done, answer lost."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from urllib.parse import urlsplit, urlunsplit


class Wire:
    """Forwards bytes; after `cut_after`, the answer to the next message with it is swallowed."""

    def __init__(self, host: str, port: int) -> None:
        self.target = host, port
        self.marker: bytes | None = None
        self.cuts = 0
        self._writers: list[asyncio.StreamWriter] = []
        self._tasks: set[asyncio.Task[None]] = set()

    def cut_after(self, marker: bytes) -> None:
        """Cut once, when the server answers the next message that has these bytes."""
        self.marker = marker

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Connect one client with the server until either leaves or the wire is cut."""
        far_reader, far_writer = await asyncio.open_connection(*self.target)
        self._writers += [writer, far_writer]
        armed = asyncio.Event()
        tasks = [
            asyncio.create_task(self._up(reader, far_writer, armed)),
            asyncio.create_task(self._down(far_reader, writer, armed)),
        ]
        self._tasks.update(tasks)
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for end in (writer, far_writer):
            end.transport.abort()

    async def _up(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, armed: asyncio.Event
    ) -> None:
        while data := await reader.read(65536):
            if self.marker and self.marker in data:
                self.marker = None
                armed.set()
            writer.write(data)

    async def _down(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, armed: asyncio.Event
    ) -> None:
        while data := await reader.read(65536):
            if armed.is_set():
                self.cuts += 1
                return
            writer.write(data)

    async def close(self) -> None:
        """Cut everything."""
        for writer in self._writers:
            writer.transport.abort()
        await asyncio.gather(*self._tasks, return_exceptions=True)


@contextlib.asynccontextmanager
async def wired(dsn: str) -> AsyncIterator[tuple[Wire, str]]:
    """Yield a wire to the server of the DSN, and the DSN that leads through it."""
    parts = urlsplit(dsn)
    wire = Wire(parts.hostname or "127.0.0.1", parts.port or 5432)
    server = await asyncio.start_server(wire.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    through = parts._replace(netloc=f"{parts.username}:{parts.password}@127.0.0.1:{port}")
    try:
        yield wire, urlunsplit(through)
    finally:
        server.close()
        await wire.close()
        await server.wait_closed()
