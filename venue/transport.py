"""HTTP to the venue: limits, L2 headers, errors as our four kinds, retries only where asked."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any, TypeVar

import httpx
import stamina

from venue.classify import Answer, error_of
from venue.errors import Drift, NotReady, Unknown, VenueError
from venue.limits import PATIENCE, Limiter
from venue.mode import ModeWatch
from venue.wire import fields
from venue.wire.auth import l2_headers

# httpcore tries this import at every lock of every request. Where the package is absent, each
# try searches the disk: a third of the CPU of a request. So absent once is absent for good.
if importlib.util.find_spec("sniffio") is None:
    sys.modules["sniffio"] = None  # type: ignore[assignment]  # None is how an import is forbidden

T = TypeVar("T")
Params = Mapping[str, str | Sequence[str]]  # a sequence is sent as one parameter many times
TIMEOUT = httpx.Timeout(connect=5.0, read=10.0, write=10.0, pool=2.0)
# Nothing was sent when no connection came about; every other transport error is ambiguous.
_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


@dataclass(frozen=True, slots=True)
class ApiCreds:
    """L2 credentials of the signer. Their text form shows nothing."""

    key: str = field(repr=False)
    secret: str = field(repr=False)
    passphrase: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Login:
    """Who signs private requests: the signer's address (not the wallet) and its credentials."""

    address: str
    creds: ApiCreds


@dataclass(frozen=True, slots=True)
class Hosts:
    """Base URLs, without a slash at the end. `site` answers the geoblock question."""

    clob: str = "https://clob.polymarket.com"
    gamma: str = "https://gamma-api.polymarket.com"
    data: str = "https://data-api.polymarket.com"
    relayer: str = "https://relayer-v2.polymarket.com"
    site: str = "https://polymarket.com"
    rpc: str = "https://polygon.drpc.org"
    market_ws: str = "wss://ws-subscriptions-clob.polymarket.com/ws/market"
    user_ws: str = "wss://ws-subscriptions-clob.polymarket.com/ws/user"


@dataclass(frozen=True, slots=True)
class Retry:
    """Retries of reads inside the venue room. Off (1 attempt) inside activities, which Temporal
    retries: two layers would multiply (ING-H1)."""

    attempts: int = 1
    within: float = 30.0  # seconds over all attempts
    first: float = 0.2
    longest: float = 5.0


class Permit:
    """The leave to send one request, once; asked again when its head is about to be sent.

    Making a connection may take seconds (httpx, extension "trace"). On a connection that the
    venue closes the client would send the bytes a second time by itself: that is not allowed.
    """

    def __init__(self, may_send: Callable[[], bool], patience: float) -> None:
        """`patience`: the longest wait for our own rate limit, in seconds, that it outlasts."""
        self.patience, self.used = patience, False
        self._may_send = may_send

    def ask(self) -> None:
        """Raise NotReady when the request must not leave any more."""
        if not self._may_send():
            raise NotReady("stale: not sent")

    async def trace(self, event: str, _: Any) -> None:
        """Hear of each step of the client.

        Raises:
            NotReady: it must not leave, and has not.
            Unknown: it left before, and its connection was lost.
        """
        if event.endswith(".send_request_headers.started"):
            if self.used:
                raise Unknown("the connection was closed after it was sent")
            self.ask()
            self.used = True


class Transport:
    """One per account and process. Close it with `aclose`."""

    def __init__(
        self,
        hosts: Hosts,
        *,
        login: Login | None = None,
        limiter: Limiter | None = None,
        modes: ModeWatch | None = None,
        retry: Retry | None = None,
        client: httpx.AsyncClient | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.limiter = limiter or Limiter()
        self.modes = modes or ModeWatch()
        self._login = login
        self._retry = retry or Retry()
        self._bases = {name: getattr(hosts, name).rstrip("/") for name in ("clob", "gamma", "data")}
        self._bases["site"] = hosts.site.rstrip("/")
        self._client = client or httpx.AsyncClient(timeout=TIMEOUT, http2=True)
        self._now = now

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def read(
        self,
        host: str,
        path: str,
        parse: Callable[[Any], T],
        *,
        params: Params | None = None,
        private: bool = False,
        absent: bool = False,
        method: str = "GET",
        body: Any = None,
        aside: bool = False,
    ) -> T:
        """Ask and return what `parse` makes of the JSON; retried as this transport is told.

        Args:
            absent: a 404, an empty body or `null` is an answer too: `parse(None)`.
            body: sent as compact JSON (POST of a list of tokens is a read as well).
            aside: parse in a thread: a page of 400 kB takes 19 ms, and ingest reads its stream.

        Raises:
            Unknown, NotReady, Refused, Drift: see venue/errors.py.
        """

        async def once() -> T:
            answer = await self.send(
                host, method, path, params=params, private=private, content=_compact(body)
            )
            decode = partial(_decode, answer, parse, absent=absent, what=f"an answer of {path}")
            return await asyncio.to_thread(decode) if aside else decode()

        if self._retry.attempts <= 1:
            return await once()
        retrying = stamina.AsyncRetryingCaller(
            attempts=self._retry.attempts,
            timeout=self._retry.within,
            wait_initial=self._retry.first,
            wait_max=self._retry.longest,
        )
        return await retrying(worth_retrying, once)

    async def send(
        self,
        host: str,
        method: str,
        path: str,
        *,
        params: Params | None = None,
        private: bool = False,
        content: str = "",
        permit: Permit | None = None,
    ) -> Answer:
        """Send one request, once, and return its answer whatever its status.

        `permit` is asked last of all, after every wait: a stale order never leaves.

        Raises:
            NotReady: it was certainly not sent.
            Unknown: it may have been received.
        """
        await self.limiter.acquire(host, method, path, permit.patience if permit else PATIENCE)
        headers = self._headers(method, path, content) if private else {}
        if content:
            headers["Content-Type"] = "application/json"
        if permit is not None:
            permit.ask()
        try:
            response = await self._client.request(
                method,
                self._bases[host] + path,
                params=dict(params) if params else None,
                content=content.encode() if content else None,
                headers=headers,
                extensions=None if permit is None else {"trace": permit.trace},
            )
        except _NEVER_SENT as cause:
            if permit is not None and permit.used:
                raise Unknown(f"{method} {host} {path}: {type(cause).__name__}") from cause
            raise NotReady(f"no connection to {host}: {type(cause).__name__}") from cause
        except httpx.HTTPError as cause:
            raise Unknown(f"{method} {host} {path}: {type(cause).__name__}") from cause
        answer = Answer(response.status_code, response.headers, response.content)
        if answer.status == 429:
            self.limiter.pause(_pause(answer))
        return answer

    def _headers(self, method: str, path: str, content: str) -> dict[str, str]:
        """The L2 headers: fresh timestamp, signature over the exact bytes sent."""
        if self._login is None:
            raise Drift("expected credentials for a private request, was a public connection")
        creds = self._login.creds
        return l2_headers(
            address=self._login.address,
            key=creds.key,
            secret=creds.secret,
            passphrase=creds.passphrase,
            timestamp=str(int(self._now())),
            method=method,
            path=path,
            body=content,
        )


def worth_retrying(error: Exception) -> bool | timedelta:
    """Return whether a read may be tried again: 429, 5xx, timeouts; never another 4xx or Drift.

    A wait that the venue asked for is returned and used instead of the back-off.
    """
    if isinstance(error, NotReady):
        return error.retry_after or True
    return isinstance(error, Unknown)


def _decode(answer: Answer, parse: Callable[[Any], T], *, absent: bool, what: str) -> T:
    if answer.status == 404 and absent and answer.words() is not None:
        return fields.guarded(lambda: parse(None), what)
    if answer.status != 200:
        raise error_of(answer)
    if not answer.body.strip() and absent:
        return fields.guarded(lambda: parse(None), what)
    try:
        value = answer.json()
    except ValueError as cause:
        # a page of something between us and the venue: it passes, the answer is not known
        raise _unreadable(what) from cause
    return fields.guarded(lambda: parse(value), what)


def _unreadable(what: str) -> VenueError:
    return Unknown(f"expected {what} as JSON, was something else")


def _pause(answer: Answer) -> float:
    asked = answer.retry_after()
    return 1.0 if asked is None else asked.total_seconds()


def _compact(body: Any) -> str:
    return "" if body is None else json.dumps(body, separators=(",", ":"))
