"""View: templates, and the rendering of a page and of its live parts."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse

from ops.dashboard.access import Session
from ops.dashboard.desk import Desk
from ops.dashboard.pages import lists, overview, story, system, trades
from ops.dashboard.pages.page import Context, Page
from ops.dashboard.wording import FILTERS

PAGES: tuple[Page, ...] = (
    overview.PAGE,
    trades.OPEN_PAGE,
    trades.CLOSED_PAGE,
    *lists.PAGES,
    *system.PAGES,
    story.PAGE,
)
TEMPLATES = Path(__file__).parent / "templates"
BY_NAME = {page.name: page for page in PAGES}


def login_policy() -> str:
    """Return the content policy of the login form: its one style, by hash, and nothing else.

    Files are for who is signed in; the form must look decent all the same.
    """
    digest = hashlib.sha256((TEMPLATES / "login.css").read_bytes().rstrip(b"\n")).digest()
    return (
        f"default-src 'none'; style-src 'sha256-{base64.b64encode(digest).decode()}';"
        " img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )


def make_environment() -> Environment:
    """Return the templates: everything is escaped, and a misspelt name is an error."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(FILTERS)
    return environment


class View:
    """Renders. One per application."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._templates = make_environment()

    def parts(self, page: Page, context: Context) -> dict[str, Markup]:
        """Return the HTML of each live part of a page."""
        values = {**self._common(), **context}
        return {
            name: Markup(self._templates.get_template(f"parts/{name}.html").render(values))  # noqa: S704 - our own template, escaped
            for name in page.parts
        }

    def page(self, page: Page, request: Request, context: Context) -> HTMLResponse:
        """Return a whole page."""
        path = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        return self.html(
            f"{page.name}.html",
            request,
            {
                **context,
                "page": page,
                "parts": self.parts(page, context),
                "live": f"/live/{page.name}?{_live_query(request)}",
                "here": path,
            },
        )

    def html(
        self, template: str, request: Request, context: Context, status: int = 200
    ) -> HTMLResponse:
        """Return a template as an answer."""
        session: Session | None = request.state.session
        values: dict[str, Any] = {
            **self._common(),
            "menu": [page for page in PAGES if page.menu],
            "session": session,
            "note": self._desk.notes.pop(session.nonce, "") if session else "",
            "live": "",
            "page": None,
            **context,
        }
        return HTMLResponse(
            self._templates.get_template(template).render(values), status_code=status
        )

    def login(self, request: Request, there: str, error: str, status: int) -> HTMLResponse:
        """Return the login form."""
        answer = self.html("login.html", request, {"next": there, "error": error}, status)
        answer.headers["Content-Security-Policy"] = login_policy()
        return answer

    def _common(self) -> Context:
        desk = self._desk
        ui = desk.settings.temporal.ui_url
        return {
            "mode": desk.mode.value,
            "profile": desk.settings.profile,
            "workflow_url": desk.workflow_url,
            "ui_url": ui if ui.startswith(("http://", "https://")) else "",
        }


def _live_query(request: Request) -> str:
    pairs = [*request.path_params.items(), *request.query_params.items()]
    return urlencode(pairs)
