"""What every web server of ours has in common: patience and appetite that end.

Nothing here knows who asks: it bounds what a stranger can cost before anybody reads a request.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import h11
import uvicorn
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_WITHIN = 10.0  # seconds for the head of a request; its size is bounded by h11 at 64 KiB
BODY_WITHIN = 20.0  # seconds for a whole body
AT_ONCE = 200  # connections; one more is answered with 503


class Impatient(H11Protocol):
    """Closes a connection whose request does not get beyond its head in time."""

    _late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
        """Wait for the first request."""
        super().connection_made(transport)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more."""
        self._head_is_here()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take bytes; single ones buy no time."""
        super().data_received(data)
        if self.conn.their_state is h11.IDLE:
            self._await_head()
        else:
            self._head_is_here()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP; an application that has begun must not answer as well."""
        if self.cycle is not None:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        super().send_400_response(msg)

    def _await_head(self) -> None:
        if self._late is None:
            self._late = self.loop.call_later(HEAD_WITHIN, self.transport.close)

    def _head_is_here(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None


class Bounded:
    """Refuses bodies of more than `most` bytes, and bodies that do not end in time."""

    def __init__(self, app: ASGIApp, most: int, within: float = BODY_WITHIN) -> None:
        self.app, self._most, self._within = app, most, within

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request on, with its body under watch."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        declared = Headers(scope=scope).get("content-length", "")
        if declared.isdigit() and int(declared) > self._most:
            refusal = PlainTextResponse(self._too_much, 413, headers={"Connection": "close"})
            await refusal(scope, receive, send)
            return
        with contextlib.suppress(ClientDisconnect):  # nobody is left to be answered
            await self.app(scope, self._watched(receive), send)

    @property
    def _too_much(self) -> str:
        return f"expected a body of at most {self._most} bytes"

    def _watched(self, receive: Receive) -> Receive:
        loop = asyncio.get_running_loop()
        ends, taken, whole = loop.time() + self._within, 0, False

        async def watched() -> Message:
            nonlocal taken, whole
            if whole:  # now only the end of the connection can be heard
                return await receive()
            try:
                message = await asyncio.wait_for(receive(), ends - loop.time())
            except TimeoutError:
                raise _end(408, f"expected a body within {self._within:g} s") from None
            taken += len(message.get("body", b""))
            whole = not message.get("more_body", False)
            if taken > self._most:
                raise _end(413, self._too_much)
            return message

        return watched


def listening(app: ASGIApp, **place: Any) -> uvicorn.Config:
    """Return how to serve an application: no websockets, no access log, no name of the server."""
    return uvicorn.Config(
        app,
        http=Impatient,
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        limit_concurrency=AT_ONCE,
        timeout_graceful_shutdown=2,  # open streams have no end of their own
        **place,
    )


def _end(status: int, text: str) -> HTTPException:
    return HTTPException(status, text, headers={"Connection": "close"})
