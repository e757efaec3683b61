"""A dashboard on a traded morning: in the same loop for routes, on a socket for the browser."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
import uvicorn
from starlette.types import ASGIApp
from temporalio.client import Client

from ops.dashboard.app import make_app
from ops.dashboard.desk import Desk
from settings.load import load_settings
from tests.ops.traded import Morning
from tests.waiting import eventually

TOKEN = "a-token-for-tests-0123456789"


@dataclass
class Shown:
    """The dashboard's parts, for tests that look behind the pages."""

    desk: Desk
    app: ASGIApp
    pool: Any
    morning: Morning


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """Return an empty state directory."""
    return tmp_path


@pytest_asyncio.fixture
async def shown(pool: Any, state: Path, temporal_client: Client) -> Shown:
    """Return a dashboard without any trade yet."""
    settings = load_settings(
        [
            f"state={state}",
            "temporal.ui_url=http://127.0.0.1:8233",
            "wallet.private_key=0xplanted-secret-of-the-wallet",
        ],
        {},
    )
    desk = Desk(settings, pool, temporal_client, lambda: datetime.now(UTC), duties=())
    return Shown(desk, make_app(desk, TOKEN), pool, Morning(pool))


def browser_of(app: ASGIApp) -> httpx.AsyncClient:
    """Return a client that keeps cookies, without a session."""
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=True)
    return httpx.AsyncClient(transport=transport, base_url="http://desk.test")


async def sign_in(client: httpx.AsyncClient) -> None:
    """Sign in as a person does."""
    reply = await client.post("/login", data={"token": TOKEN, "next": "/"})
    assert reply.status_code == 303, reply.text


@pytest_asyncio.fixture
async def stranger(shown: Shown) -> AsyncIterator[httpx.AsyncClient]:
    """Return a client of somebody without the token."""
    async with browser_of(shown.app) as client:
        yield client


@pytest_asyncio.fixture
async def operator(shown: Shown) -> AsyncIterator[httpx.AsyncClient]:
    """Return a client that is signed in."""
    async with browser_of(shown.app) as client:
        await sign_in(client)
        yield client


@asynccontextmanager
async def served(app: ASGIApp) -> AsyncIterator[str]:
    """Serve on a free port of loopback; yields the URL."""
    server = uvicorn.Server(
        uvicorn.Config(app, port=0, log_config=None, access_log=False, timeout_graceful_shutdown=1)
    )
    task = asyncio.create_task(server._serve())
    try:
        await eventually(lambda: server.started, within=10)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        await task


Serve = Callable[[], Awaitable[str]]


@pytest_asyncio.fixture
async def url(shown: Shown) -> AsyncIterator[str]:
    """Return where the dashboard is served."""
    async with served(shown.app) as found:
        yield found
