"""Server: all endpoints of the sim in one process, the venue on one port, control on another."""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
import signal
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.routing import BaseRoute, Mount

from sim import http_account, http_data, http_gamma, http_orders, http_public, http_relayer, sockets
from sim.config import SimConfig
from sim.control import Control
from sim.engine import Engine
from sim.journal import Forgetful, Journal, Sqlite
from sim.listener import Listener
from sim.memory import Memory
from sim.sources import open_source


class StateError(Exception):
    """The state directory cannot be used; the text says why and what to do."""


class Sim:
    """A running simulator: build it, `start`, use the URLs, `stop`."""

    def __init__(self, config: SimConfig) -> None:
        self.config = config
        self._kept = _Kept(config.state)
        self.token = config.control_token or self._kept.token
        self.engine = Engine(Memory(self._kept.journal()), config)
        self.source = open_source(self.engine)
        if not config.held:
            self.engine.playing.set()
        self._listeners: list[Listener] = []
        self._tasks: list[asyncio.Task[Any]] = []
        self.port = self.control_port = 0

    async def start(self) -> None:
        """Listen on both ports and start the clock."""
        main = Starlette(routes=_routes(self.engine))
        control = Control(self.engine, self.source, self.token).app()
        self.port = await self._serve(main, self.config.port or self._kept.ports[0])
        self.control_port = await self._serve(
            control, self.config.control_port or self._kept.ports[1]
        )
        self._kept.remember(self.token, (self.port, self.control_port))
        self._tasks.append(asyncio.create_task(self.engine.run()))
        if self.source is not None:
            self._tasks.append(asyncio.create_task(self.source.run()))

    def urls(self) -> dict[str, Any]:
        """Return what a client must know."""
        host = self.config.host
        base, stream = f"http://{host}:{self.port}", f"ws://{host}:{self.port}"
        named = {
            "clob": base,
            "ws_market": f"{stream}/ws/market",
            "ws_user": f"{stream}/ws/user",
            "gamma": f"{base}/gamma",
            "data": f"{base}/data-api",
            "relayer": f"{base}/relayer",
            "site": f"{base}/site",
            "rpc": f"{base}/rpc",
            "control": f"http://{host}:{self.control_port}",
        }
        return {
            "ready": True,
            **named,
            "token": "" if self.config.control_token else self.token,  # a given one is no news
            "state": str(self.config.state or ""),
            "source": self.config.source,
            "speed": self.config.speed,
        }

    async def wait(self) -> None:
        """Run until a task fails or the sim is stopped; a task's error comes out here."""
        done, _ = await asyncio.wait(self._tasks, return_when=asyncio.FIRST_EXCEPTION)
        for task in done:
            task.result()

    async def stop(self) -> None:
        """Close sockets and files."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self.engine.hub.drop("")
        await asyncio.sleep(0)
        await asyncio.gather(*(listener.stop() for listener in self._listeners))
        await self.engine.close()

    async def _serve(self, app: Starlette, port: int) -> int:
        listener = Listener(app, self.config.host, port)
        self._listeners.append(listener)
        await listener.start()
        return listener.port


def _routes(engine: Engine) -> list[BaseRoute]:
    return [
        *sockets.routes(engine),
        Mount("/gamma", routes=http_gamma.routes(engine)),
        Mount("/data-api", routes=http_data.routes(engine)),
        Mount("/relayer", routes=http_relayer.relayer_routes(engine)),
        Mount("/site", routes=http_relayer.site_routes(engine)),
        *http_relayer.rpc_routes(engine),
        *http_account.routes(engine),
        *http_orders.routes(engine),
        *http_public.routes(engine),
    ]


class _Kept:
    """The state directory: journal, ports and token, so that a restart is the same venue."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self.token, self.ports = secrets.token_hex(16), (0, 0)
        if folder is None:
            return
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._recall(folder / "sim.json")
        except OSError as cause:
            raise StateError(
                f"state directory {folder}: expected a writable directory, was {cause.strerror}"
            ) from cause

    def _recall(self, file: Path) -> None:
        if not file.exists():
            return
        try:
            known = json.loads(file.read_text())
            self.token, self.ports = str(known["token"]), tuple(known["ports"])
        except (ValueError, KeyError, TypeError) as cause:
            raise StateError(
                f"{file}: expected the token and ports of an earlier start, was damaged; "
                "delete the file to get new ones"
            ) from cause

    def journal(self) -> Journal:
        """Return the journal of the directory, or one that forgets."""
        return Sqlite(self._folder / "sim.sqlite") if self._folder else Forgetful()

    def remember(self, token: str, ports: tuple[int, int]) -> None:
        """Keep ports and token for the next start."""
        if self._folder is not None:
            file = self._folder / "sim.json"
            file.write_text(json.dumps({"token": token, "ports": list(ports)}))
            file.chmod(0o600)


@contextlib.asynccontextmanager
async def running(config: SimConfig) -> AsyncIterator[Sim]:
    """Run a sim inside this process, for tests."""
    sim = Sim(config)
    await sim.start()
    try:
        yield sim
    finally:
        await sim.stop()


async def serve(config: SimConfig, ready: Callable[[str], None] | None = None) -> None:
    """Run until SIGTERM or SIGINT; print the URLs as one JSON line when ready."""
    sim = Sim(config)
    try:
        await sim.start()
    except BaseException:
        await sim.stop()
        raise
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stopped.set)
    line = json.dumps(sim.urls())
    if ready is None:
        sys.stdout.write(line + "\n")
        sys.stdout.flush()
    else:
        ready(line)
    waiting = asyncio.create_task(stopped.wait())
    running_task = asyncio.create_task(sim.wait())
    done, _ = await asyncio.wait({waiting, running_task}, return_when=asyncio.FIRST_COMPLETED)
    await sim.stop()
    waiting.cancel()
    if running_task in done:
        running_task.result()
