"""A tiny TCP proxy: connections that can be cut or stalled while both ends live."""

from __future__ import annotations

import asyncio
import contextlib

LOOPBACK = "127.0.0.1"
CHUNK = 65_536


class Proxy:
    """Listens on a port of its own and forwards to one address."""

    def __init__(self, port: int = 0) -> None:
        self._target_port = port
        self._server: asyncio.Server | None = None
        self._pipes: set[asyncio.StreamWriter] = set()
        self._flowing = asyncio.Event()
        self._flowing.set()
        self.port = 0
        self.cuts = 0

    async def open(self, target_port: int) -> int:
        """Begin to forward to the port on loopback, or go on with another; return our own port."""
        self._target_port = target_port
        if self._server is None:
            self._server = await asyncio.start_server(self._serve, LOOPBACK, 0)
            self.port = int(self._server.sockets[0].getsockname()[1])
        return self.port

    def cut(self) -> int:
        """Abort every connection, in the middle of whatever they carry; return how many."""
        pipes, self._pipes = self._pipes, set()
        for writer in pipes:
            writer.transport.abort()
        self.cuts += len(pipes)
        return len(pipes)

    async def stall(self, seconds: float) -> None:
        """Forward nothing for a while; the connections stay."""
        self._flowing.clear()
        try:
            await asyncio.sleep(seconds)
        finally:
            self._flowing.set()

    async def close(self) -> None:
        """Stop listening and cut what is left."""
        if self._server is not None:
            self._server.close()
        self.cut()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            back, forth = await asyncio.open_connection(LOOPBACK, self._target_port)
        except OSError:
            writer.transport.abort()
            return
        self._pipes |= {writer, forth}
        try:
            await asyncio.gather(self._pump(reader, forth), self._pump(back, writer))
        finally:
            self._pipes -= {writer, forth}
            for end in (writer, forth):
                with contextlib.suppress(Exception):
                    end.close()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while data := await reader.read(CHUNK):
                await self._flowing.wait()
                writer.write(data)
                await writer.drain()
        with contextlib.suppress(OSError):
            writer.write_eof()
