"""The two sockets: market and user, text PING and PONG (facts 4)."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from sim.engine import Engine
from sim.hub import Line, MarketLine, Message, UserLine
from sim.transport import forget, transport_of

PONG = Message("PONG")
BATCH = 1024  # frames written at once
HIGH_WATER = 1 << 20  # bytes under way to a slow client; the rest waits in its line
BAD_FRAME = 1003
BAD_AUTH = 1008


def routes(engine: Engine) -> list[WebSocketRoute]:
    """Return both socket routes."""

    async def market(socket: WebSocket) -> None:
        line = MarketLine(engine.config.queue)
        await _serve(socket, line, _Market(engine, line))

    async def user(socket: WebSocket) -> None:
        line = UserLine(engine.config.queue, "")
        await _serve(socket, line, _User(engine, line))

    return [WebSocketRoute("/ws/market", market), WebSocketRoute("/ws/user", user)]


class _Market:
    """What market clients may say."""

    def __init__(self, engine: Engine, line: MarketLine) -> None:
        self._engine = engine
        self._line = line

    def hear(self, frame: dict[str, Any]) -> int | None:
        """Take one client frame; return a close code when it is hopeless."""
        given = frame.get("assets_ids")
        if not isinstance(given, list):
            return BAD_FRAME
        assets = [str(asset) for asset in given]
        if frame.get("operation") == "unsubscribe":
            self._line.assets.difference_update(assets)
            return None
        if frame.get("custom_feature_enabled"):
            self._line.custom = True
        self._line.assets.update(assets)
        self._engine.hub.market_lines.add(self._line)
        if frame.get("initial_dump", True):
            self._engine.hub.dump(self._line, assets)
        return None

    def leave(self) -> None:
        """Forget the socket."""
        self._engine.hub.market_lines.discard(self._line)


class _User:
    """What user clients may say."""

    def __init__(self, engine: Engine, line: UserLine) -> None:
        self._engine = engine
        self._line = line

    def hear(self, frame: dict[str, Any]) -> int | None:
        """Take one client frame; the first one must carry credentials."""
        markets = {str(market) for market in frame.get("markets") or ()}
        if not self._line.owner:
            credentials = frame.get("auth")
            key = self._engine.credentials.of_socket(
                credentials if isinstance(credentials, dict) else {}
            )
            if key is None:
                return BAD_AUTH
            self._line.owner = key.key
            self._line.markets = markets
            self._engine.hub.user_lines.add(self._line)
        elif frame.get("operation") == "unsubscribe":
            self._line.markets -= markets
        else:
            self._line.markets |= markets
        return None

    def leave(self) -> None:
        """Forget the socket."""
        self._engine.hub.user_lines.discard(self._line)


async def _serve(socket: WebSocket, line: Line, side: _Market | _User) -> None:
    await socket.accept()
    writer = asyncio.create_task(_write(socket, line))
    try:
        while line.closed is None:
            text = await socket.receive_text()
            if text == "PING":
                line.put(PONG)
                continue
            code = side.hear(_parse(text))
            if code is not None:
                line.close(code)
    except (WebSocketDisconnect, RuntimeError):
        line.close()
    except (KeyError, TypeError):  # bytes instead of text, a field of the wrong shape
        line.close(BAD_FRAME)
    finally:
        side.leave()
        await asyncio.wait([writer])
        forget(socket.scope)


async def _write(socket: WebSocket, line: Line) -> None:
    """Write what is in the line, past the server's own path: its cost for each frame and socket
    is ten times that of writing the same bytes to all."""
    wire = transport_of(socket.scope)
    try:
        while wire is not None and (batch := await line.batch(BATCH)):
            wire.write(b"".join(message.wire for message in batch))
            await asyncio.sleep(0)
            while wire.get_write_buffer_size() > HIGH_WATER:  # noqa: ASYNC110 - it tells nobody
                await asyncio.sleep(0.005)
            if wire.is_closing():
                break
        await socket.close(line.closed or 1001)
    except (WebSocketDisconnect, RuntimeError, OSError):
        pass
    line.close(line.closed or 1001)


def _parse(text: str) -> dict[str, Any]:
    try:
        frame = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return frame if isinstance(frame, dict) else {}
