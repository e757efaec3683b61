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
from venue.errors import NotReady, Unknown
from venue.limits import Limit, Limiter
from venue.transport import Hosts, Login, Permit, Transport


class Server:
    """Takes requests of one protocol and counts those whose head arrived."""

    def __init__(self) -> None:
        self.heads, self.callers = 0, list[asyncio.Task[None] | None]()
        self.goes_away = False  # HTTP/2: says that it took no request, and closes

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
                    if isinstance(event, h2.events.StreamEnded) and not self.goes_away:
                        link.send_headers(event.stream_id, [(":status", "200")])
                        link.send_data(event.stream_id, b"{}", end_stream=True)
                if self.goes_away:
                    link.close_connection(last_stream_id=1)
                    writer.write(link.data_to_send())
                    break
                writer.write(link.data_to_send())
            while await reader.read(65_536):  # the rest of a request that is not answered
                pass
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
    permit = Permit(lambda: next(answers), patience=1.0)
    answer = await transport.send(
        "clob", "POST", "/order", private=True, content="{}", permit=permit
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


async def test_an_order_is_not_sent_again_by_the_client_when_its_connection_is_closed() -> None:
    """The venue says that it took nothing. Bytes left all the same: nobody guesses."""
    async with serving("h2") as (server, transport):
        assert await post(transport, True, True) == 200
        server.goes_away = True
        with pytest.raises(Unknown, match="closed after it was sent"):
            await post(transport, True, True, True, True)
        assert server.heads == 2


async def test_a_connection_that_cannot_be_made_again_leaves_the_fate_open() -> None:
    permit = Permit(lambda: True, patience=1.0)

    async def refused_after_the_bytes(request: httpx.Request) -> httpx.Response:
        await permit.trace("http2.send_request_headers.started", None)
        raise httpx.ConnectError("again", request=request)

    client = httpx.AsyncClient(transport=httpx.MockTransport(refused_after_the_bytes))
    transport = Transport(Hosts(), limiter=Limiter(limits=()), client=client)
    with pytest.raises(Unknown):
        await transport.send("clob", "POST", "/order", permit=permit)
    await transport.aclose()


async def test_a_turn_that_comes_after_the_permit_is_left_to_others() -> None:
    """Else a burst of exits takes all turns and uses few: each would come too late."""
    limiter = Limiter([Limit("order", "clob", 10, 10, ("/order",))], share=1.0)
    client = httpx.AsyncClient(transport=httpx.MockTransport(lambda _: httpx.Response(200)))
    transport = Transport(Hosts(), limiter=limiter, client=client)
    sent = 0
    for _ in range(30):
        with contextlib.suppress(NotReady):
            await transport.send("clob", "POST", "/order", permit=Permit(lambda: True, 0.0))
            sent += 1
    assert sent == 5  # the burst
    with pytest.raises(NotReady) as late:
        await transport.send("clob", "POST", "/order", permit=Permit(lambda: True, 0.0))
    assert late.value.retry_after is not None
    assert late.value.retry_after.total_seconds() == pytest.approx(2, abs=0.2)
    await transport.aclose()


async def test_without_a_permit_no_connection_is_made() -> None:
    async with serving("http/1.1") as (server, transport):
        with pytest.raises(NotReady, match="stale: not sent"):
            await post(transport, False)
        assert not server.callers
