"""Access: token to signed session, a check before every route, and headers on every answer.

The address of the peer proves nothing (a proxy on this machine is loopback too), so it is never
looked at: every request needs a session cookie or the token as a bearer.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

ALIVE, LOGIN = "/alive", "/login"
OPEN = frozenset({ALIVE, LOGIN})  # liveness tells nothing; the login form lets nobody in
LASTS = 12 * 3600  # seconds of a session
TRIES, WINDOW = 10, 60.0  # wrong tokens in so many seconds, then nobody may try for a while

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self';"
    " img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none';"
    " frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Cache-Control": "no-store",
}


@dataclass(frozen=True, slots=True)
class Session:
    """Who asks. `csrf` must come back with every action; a bearer needs none."""

    who: str
    nonce: str
    csrf: str
    bearer: bool


class Keys:
    """Signs and checks sessions, with a key of this process: its end, or a new token, ends them.

    So no restart forgets which sessions were signed out.
    """

    def __init__(self, token: str, clock: Callable[[], float] = time.time) -> None:
        self._token = token.encode()
        self._key = hashlib.sha256(secrets.token_bytes(32) + self._token).digest()
        self._clock = clock
        self._over: dict[str, int] = {}  # nonces that were signed out, until they would have ended
        self._wrong: deque[float] = deque(maxlen=TRIES)

    def is_token(self, given: str) -> bool:
        """Return whether this is the token, in constant time."""
        return hmac.compare_digest(
            hashlib.sha256(given.encode()).digest(), hashlib.sha256(self._token).digest()
        )

    def may_try(self) -> bool:
        """Return whether the login form is open: not after too many wrong tokens."""
        full = len(self._wrong) == TRIES
        return not (full and self._clock() - self._wrong[0] < WINDOW)

    def note_wrong(self) -> None:
        """Count a wrong token."""
        self._wrong.append(self._clock())

    def new_session(self) -> str:
        """Return the value of a session cookie."""
        text = f"{int(self._clock()) + LASTS}.{secrets.token_urlsafe(12)}"
        return f"{text}.{self._sign(text)}"

    def read_session(self, cookie: str) -> Session | None:
        """Return the session of a cookie, or None when it is forged or over."""
        text, _, signature = cookie.rpartition(".")
        if not hmac.compare_digest(self._sign(text).encode(), signature.encode()):
            return None
        ends, _, nonce = text.partition(".")
        if not ends.isdigit() or int(ends) < self._clock() or nonce in self._over:
            return None
        return Session("dashboard", nonce, self._sign("csrf " + nonce), bearer=False)

    def end(self, session: Session) -> None:
        """End a session for good: its cookie lets nobody in again, wherever it was copied to."""
        now = int(self._clock())
        self._over = {nonce: ends for nonce, ends in self._over.items() if ends >= now}
        self._over[session.nonce] = now + LASTS

    def session_of(self, headers: Headers, cookie: str | None) -> Session | None:
        """Return who asks, by bearer token or cookie."""
        scheme, _, given = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            return Session("token", "", "", bearer=True) if self.is_token(given) else None
        return self.read_session(cookie) if cookie else None

    def _sign(self, text: str) -> str:
        return hmac.new(self._key, text.encode(), hashlib.sha256).hexdigest()


def cookie_name(scope: Scope) -> str:
    """Return the cookie's name; with the port, since cookies ignore it and installations do not."""
    server = scope.get("server")
    return f"touchline_{server[1]}" if server else "touchline"


class Gate:
    """Lets a request pass to the routes, or answers it. Wraps the whole application."""

    def __init__(self, app: ASGIApp, keys: Keys) -> None:
        self._app, self._keys = app, keys

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check one request; the lifespan passes."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    if name not in headers:
                        headers[name] = value
            await send(message)

        request = Request(scope)
        session = self._keys.session_of(request.headers, request.cookies.get(cookie_name(scope)))
        scope.setdefault("state", {})["session"] = session
        if session is None and scope["path"] not in OPEN:
            await _refuse(request)(scope, receive, with_headers)
        else:
            await self._app(scope, receive, with_headers)


def _refuse(request: Request) -> Response:
    """Send a browser's page to the login form; everything else gets 401 and no word more."""
    if request.method == "GET" and "text/html" in request.headers.get("accept", ""):
        if "hx-request" not in request.headers:
            there = quote(request.url.path, safe="/")
            return RedirectResponse(f"{LOGIN}?next={there}", status_code=303)
    return PlainTextResponse(
        "sign in first", status_code=401, headers={"WWW-Authenticate": "Bearer"}
    )


def csrf_fits(session: Session, request: Request, given: str) -> bool:
    """Return whether an action came from our own page: its token, and its origin where named."""
    if session.bearer:
        return True
    origin = request.headers.get("origin")
    if origin is not None and origin.partition("://")[2] != request.headers.get("host"):
        return False
    return bool(given) and hmac.compare_digest(given.encode(), session.csrf.encode())


def local_path(text: str) -> str:
    """Return where to go after login: a path of ours, nothing else."""
    local = text.startswith("/") and not text.startswith("//") and "\\" not in text
    return text if local and text.isprintable() else "/"
