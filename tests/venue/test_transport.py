"""The last question before an order leaves is asked on the connection that carries it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import h2.config
import h2.connection
import h2.events
import httpx
import pytest

from tests.venue.scripted import ADDRESS, CREDS
from venue.errors import NotReady
from venue.limits import Limiter
from venue.transport import Hosts, Login, Transport


class Server:
    """Takes requests of one protocol and counts those whose head arrived."""

    def __init__(self) -> None:
        self.heads, self.callers = 0, list[asyncio.Task[None] | None]()

    async def old(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """HTTP/1.1."""
        self.callers.append(asyncio.current_task())
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                await reader.readuntil(b"\r\n\r\n")
                self.heads += 1
                await reader.readexactly(2)
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
        await _closed(writer)

    async def new(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """HTTP/2."""
        self.callers.append(asyncio.current_task())
        link = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
        link.initiate_connection()
        writer.write(link.data_to_send())
        with contextlib.suppress(ConnectionError):
            while received := await reader.read(65_536):
                for event in link.receive_data(received):
                    self.heads += isinstance(event, h2.events.RequestReceived)
                    if isinstance(event, h2.events.StreamEnded):
                        link.send_headers(event.stream_id, [(":status", "200")])
                        link.send_data(event.stream_id, b"{}", end_stream=True)
                writer.write(link.data_to_send())
        await _closed(writer)


@contextlib.asynccontextmanager
async def serving(protocol: str) -> AsyncIterator[tuple[Server, Transport]]:
    """Serve on a free port, with a transport that speaks that protocol to it."""
    server = Server()
    answer = server.new if protocol == "h2" else server.old
    async with await asyncio.start_server(answer, "127.0.0.1", 0) as listening:
        host, port = listening.sockets[0].getsockname()
        client = httpx.AsyncClient(http1=protocol != "h2", http2=protocol == "h2")
        login = Login(ADDRESS, CREDS)
        transport = Transport(
            Hosts(clob=f"http://{host}:{port}"),
            login=login,
            limiter=Limiter(limits=()),
            client=client,
        )
        yield server, transport
        await transport.aclose()
        await asyncio.gather(*(caller for caller in server.callers if caller))


async def _closed(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()


async def post(transport: Transport, *permits: bool) -> int:
    """Post with these answers to the question whether it may leave; return the status."""
    answers = iter(permits)
    answer = await transport.send(
        "clob", "POST", "/order", private=True, content="{}", may_send=lambda: next(answers)
    )
    return answer.status


@pytest.mark.parametrize("protocol", ["http/1.1", "h2"])
async def test_a_permit_that_ends_while_the_connection_is_made_stops_the_order(
    protocol: str,
) -> None:
    """To connect may take seconds, and a halt holds within one."""
    async with serving(protocol) as (server, transport):
        with pytest.raises(NotReady, match="stale: not sent"):
            await post(transport, True, False)
        assert server.heads == 0
        assert await post(transport, True, True) == 200
        assert server.heads == 1


@pytest.mark.parametrize("protocol", ["http/1.1", "h2"])
async def test_an_order_that_was_stopped_does_not_spoil_the_others(protocol: str) -> None:
    async with serving(protocol) as (server, transport):
        assert await post(transport, True, True) == 200
        for _ in range(3):
            with pytest.raises(NotReady):
                await post(transport, True, False)
        both = await asyncio.gather(post(transport, True, True), post(transport, True, True))
        assert list(both) == [200, 200]
        assert server.heads == 3


async def test_without_a_permit_no_connection_is_made() -> None:
    async with serving("http/1.1") as (server, transport):
        with pytest.raises(NotReady, match="stale: not sent"):
            await post(transport, False)
        assert not server.callers
