"""Listener: one port with its ASGI application, started and stopped without polling."""

from __future__ import annotations

import asyncio
import socket
from typing import Any, cast

import uvicorn
from starlette.applications import Starlette
from uvicorn.server import ServerState

from sim.transport import MOST, CuttableProtocol

GRACE_S = 1.0


class PortError(Exception):
    """A port cannot be used; the text names it and the reason."""


class Listener:
    """Serves an application on a port of one address; port 0 takes a free one."""

    def __init__(self, app: Starlette, host: str, port: int) -> None:
        self._socket = _bind(host, port)
        self._state = ServerState()
        self._config = uvicorn.Config(
            app,
            http=CuttableProtocol,
            ws="websockets-sansio",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,  # the address of a client is the key to its connection
            ws_ping_interval=None,
            ws_max_size=MOST,
            ws_per_message_deflate=False,
        )
        self._server: asyncio.Server | None = None

    @property
    def port(self) -> int:
        """Return the port that clients connect to."""
        return int(self._socket.getsockname()[1])

    async def start(self) -> None:
        """Accept connections."""
        self._config.load()
        self._state.default_headers = self._config.encoded_headers
        self._server = await asyncio.get_running_loop().create_server(
            self._protocol, sock=self._socket, backlog=512
        )

    async def stop(self) -> None:
        """Stop accepting, let running requests end for a second, then cut what is left."""
        if self._server is None:
            self._socket.close()
            return
        self._server.close()
        for connection in list(self._state.connections):
            connection.shutdown()
        await asyncio.sleep(0)
        if self._state.tasks:
            await asyncio.wait(list(self._state.tasks), timeout=GRACE_S)
        left = list(self._state.tasks)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        for connection in list(self._state.connections):
            transport = cast(Any, connection).transport
            transport.abort()

    def _protocol(self) -> asyncio.Protocol:
        return CuttableProtocol(config=self._config, server_state=self._state, app_state={})


def _bind(host: str, port: int) -> socket.socket:
    # asyncio turns Nagle off only for sockets that name their protocol: 40 ms an answer otherwise
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as cause:
        listener.close()
        raise PortError(
            f"port {port} on {host}: expected a free port, was {cause.strerror}"
        ) from cause
    listener.setblocking(False)
    return listener
