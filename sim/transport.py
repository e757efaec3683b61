"""HTTP connections that can be cut: how the sim loses a request or an answer."""

from __future__ import annotations

import asyncio
from typing import Any, cast

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

MOST = 1 << 20  # bytes of a body

_connections: dict[tuple[str, int], asyncio.Transport] = {}


class CuttableProtocol(H11Protocol):
    """Remembers the transport of each client address."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own
        """Note the connection."""
        super().connection_made(transport)
        self._peer = cast("tuple[str, int]", transport.get_extra_info("peername"))
        _connections[self._peer] = transport

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP; an endpoint that has begun must not answer as well."""
        if self.cycle is not None:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        super().send_400_response(msg)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        _connections.pop(self._peer, None)
        super().connection_lost(exc)


def transport_of(scope: Scope) -> asyncio.Transport | None:
    """Return the connection of a request or socket; None when it is gone."""
    return _connections.get(tuple(scope["client"]))


def forget(scope: Scope) -> None:
    """Forget the connection of a socket, whose end is not told to us."""
    _connections.pop(tuple(scope["client"]), None)


async def cut(scope: Scope) -> None:
    """End the connection of this request at once, without an answer."""
    transport = transport_of(scope)
    if transport is not None:
        transport.abort()
        await asyncio.sleep(0)
        await asyncio.sleep(0)  # uvicorn hears of the loss before we return: no 500 is tried


async def text_of(request: Request) -> str | None:
    """Return the body of a request; None when it is too large or never ended."""
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > MOST:
                return None
    except ClientDisconnect:
        return None
    return body.decode("utf-8", "replace")


class NoAnswer(Response):
    """Cuts the connection instead of answering."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Cut."""
        await cut(scope)


class HalfAnswer(Response):
    """Sends the head and half of the body, then cuts the connection."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send a half, then cut."""
        start: dict[str, Any] = {
            "type": "http.response.start",
            "status": self.status_code,
            "headers": self.raw_headers,
        }
        await send(start)
        half = bytes(self.body)[: len(self.body) // 2]
        await send({"type": "http.response.body", "body": half, "more_body": True})
        await asyncio.sleep(0.02)
        await cut(scope)
