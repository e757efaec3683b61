"""Live: server-sent events with the parts of a page that changed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator

import asyncpg
import structlog
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse

from ops.dashboard.desk import Desk
from ops.dashboard.pages.page import NoSuchThing, Page, Params
from ops.dashboard.view import BY_NAME, View

log = structlog.get_logger()

EVERY = 1.0  # seconds between two looks
ALIVE_EVERY = 15.0  # seconds after which silence is broken, for proxies
MOST = 40  # streams at once; each browser tab is one
LASTS = 1800.0  # seconds; the browser comes back, and shows its session again


class Live:
    """Looks once a second for all readers of the same page, and sends what changed."""

    def __init__(self, desk: Desk, view: View, every: float = EVERY, lasts: float = LASTS) -> None:
        self._desk, self._view = desk, view
        self._every, self._lasts = every, lasts
        self._open = 0
        self._memory: dict[str, tuple[float, dict[str, Markup]]] = {}
        self._locks: dict[str, asyncio.Lock] = {}

    async def serve(self, request: Request) -> Response:
        """Return the stream of a page."""
        page = BY_NAME.get(request.path_params["page"])
        if page is None:
            return PlainTextResponse("no such page", status_code=404)
        if self._open >= MOST:
            return PlainTextResponse("too many open pages", status_code=503)
        params = dict(request.query_params)
        return StreamingResponse(
            self._events(page, params),
            media_type="text/event-stream",
            headers={"X-Accel-Buffering": "no"},
        )

    async def _events(self, page: Page, params: Params) -> AsyncGenerator[str, None]:
        self._open += 1
        shown: dict[str, Markup] = {}
        ends = time.monotonic() + self._lasts
        spoke = time.monotonic()
        try:
            yield "retry: 1000\n\n"
            while time.monotonic() < ends and not self._desk.closing():
                parts = await self._look(page, params)
                changed = {name: html for name, html in parts.items() if shown.get(name) != html}
                if changed:
                    shown |= changed
                    spoke = time.monotonic()
                    yield message(changed)
                elif time.monotonic() - spoke > ALIVE_EVERY:
                    spoke = time.monotonic()
                    yield ": still here\n\n"
                await asyncio.sleep(self._every)
        finally:
            self._open -= 1

    async def _look(self, page: Page, params: Params) -> dict[str, Markup]:
        key = f"{page.name}?{sorted(params.items())}"
        if len(self._locks) > 10 * MOST:
            self._locks, self._memory = {}, {}
        async with self._locks.setdefault(key, asyncio.Lock()):
            at, parts = self._memory.get(key, (-self._every, {}))
            if time.monotonic() - at >= self._every * 0.9:
                parts = await self._read(page, params)
                self._memory[key] = (time.monotonic(), parts)
            return parts

    async def _read(self, page: Page, params: Params) -> dict[str, Markup]:
        """Return the parts, or nothing new while the store is away: the next look tells."""
        try:
            return self._view.parts(page, await page.read(self._desk, params))
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as e:
            log.warning("live_look_failed", page=page.name, error=repr(e)[:200])
        except (NoSuchThing, KeyError):
            pass
        return {}


def message(parts: dict[str, Markup]) -> str:
    """Return one event that replaces these parts where they stand."""
    html = "".join(
        f'<hx-partial hx-target="#part-{name}" hx-swap="innerMorph">{part}</hx-partial>'
        for name, part in parts.items()
    )
    lines = "".join(f"data: {line}\n" for line in html.splitlines())
    return f"{lines}\n"
