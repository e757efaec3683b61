"""App: the routes of the dashboard, behind the gate."""

from __future__ import annotations

from pathlib import Path

import asyncpg
import structlog
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from ops.dashboard.access import ALIVE, LASTS, LOGIN, Gate, Keys, cookie_name, csrf_fits, local_path
from ops.dashboard.acting import MOST, Acting
from ops.dashboard.data import Data
from ops.dashboard.desk import Desk
from ops.dashboard.live import Live
from ops.dashboard.metrics import exposition
from ops.dashboard.pages.page import NoSuchThing, Page
from ops.dashboard.view import PAGES, View
from ops.health.report import Status
from ops.listening import Bounded

log = structlog.get_logger()

STATIC = Path(__file__).parent / "static"


class Site:
    """The handlers that belong to no group."""

    def __init__(self, desk: Desk, view: View, keys: Keys) -> None:
        self._desk, self._view, self._keys = desk, view, keys

    async def alive(self, _: Request) -> Response:
        """Say that this process answers, and nothing else (XD-16)."""
        return PlainTextResponse("alive")

    async def health(self, _: Request) -> Response:
        """Tell every check; 503 when something is unhealthy (XD-16)."""
        report = await self._desk.health.report()
        status = 503 if report.overall is Status.UNHEALTHY else 200
        return JSONResponse(report.model_dump(mode="json"), status_code=status)

    async def metrics(self, _: Request) -> Response:
        """Answer Prometheus."""
        return Response(await exposition(self._desk), media_type="text/plain; version=0.0.4")

    async def login_form(self, request: Request) -> Response:
        """Show the form; who is signed in already goes on."""
        there = local_path(request.query_params.get("next", "/"))
        if request.state.session is not None:
            return RedirectResponse(there, status_code=303)
        return self._view.login(request, there, "", 200)

    async def login(self, request: Request) -> Response:
        """Turn the token into a session cookie."""
        form = await request.form()
        there = local_path(str(form.get("next", "/")))
        error, status = "", 303
        if not self._keys.may_try():
            error, status = "Too many wrong tokens: wait a minute.", 429
        elif not self._keys.is_token(str(form.get("token", "")).strip()):
            self._keys.note_wrong()
            log.warning("login_refused")
            error, status = "That is not the token.", 401
        if error:
            return self._view.login(request, there, error, status)
        answer = RedirectResponse(there, status_code=303)
        answer.set_cookie(
            cookie_name(request.scope),
            self._keys.new_session(),
            max_age=LASTS,
            httponly=True,
            samesite="strict",
            secure=request.url.scheme == "https",
        )
        return answer

    async def logout(self, request: Request) -> Response:
        """End the session of this browser."""
        form = await request.form()
        if not csrf_fits(request.state.session, request, str(form.get("csrf", ""))):
            return PlainTextResponse("this form is not from here", status_code=403)
        self._keys.end(request.state.session)
        answer = RedirectResponse(LOGIN, status_code=303)
        answer.delete_cookie(cookie_name(request.scope))
        return answer

    async def failed(self, request: Request, error: Exception) -> Response:
        """Tell a person what is wrong without telling how we are built."""
        if isinstance(error, NoSuchThing):
            return self._view.html("sorry.html", request, {"text": str(error)}, 404)
        if isinstance(error, HTTPException):
            text, status = error.detail, error.status_code
            answer = self._view.html("sorry.html", request, {"text": text}, status)
            answer.headers.update(error.headers or {})
            return answer
        log.warning("store_away", error=repr(error)[:200])
        text = "The database does not answer. Trades go on; this page comes back by itself."
        return self._view.html("sorry.html", request, {"text": text}, 503)


def _show(desk: Desk, view: View, page: Page) -> Route:
    async def show(request: Request) -> Response:
        params = {**request.query_params, **request.path_params}
        return view.page(page, request, await page.read(desk, params))

    return Route(page.path, show, name=page.name)


def make_app(desk: Desk, token: str) -> ASGIApp:
    """Return the dashboard: nothing but liveness and the login form answers a stranger."""
    keys, view = Keys(token), View(desk)
    site, acting, live, data = (
        Site(desk, view, keys),
        Acting(desk, view),
        Live(desk, view),
        Data(desk),
    )
    routes: list[BaseRoute] = [
        Route(ALIVE, site.alive),
        Route(LOGIN, site.login_form),
        Route(LOGIN, site.login, methods=["POST"]),
        Route("/logout", site.logout, methods=["POST"]),
        Route("/health", site.health),
        Route("/metrics", site.metrics),
        Route("/live/{page}", live.serve),
        Route("/data/profit", data.profit),
        Route("/data/price/{id}", data.price),
        Route("/confirm/{deed}", acting.confirm),
        Route("/act/{deed}", acting.act, methods=["POST"]),
        *(_show(desk, view, page) for page in PAGES),
        Mount("/static", StaticFiles(directory=STATIC), name="static"),
    ]
    away = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError)
    handlers = dict.fromkeys((NoSuchThing, HTTPException, *away), site.failed)
    site_itself = Starlette(routes=routes, exception_handlers=handlers)
    return Gate(Bounded(site_itself, MOST), keys)
