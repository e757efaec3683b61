"""Codec server: POST /decode and /encode, as Temporal's Web UI and command line ask for them.

Whoever may ask it may read every payload, so each request carries the token: as a bearer, or as
the first part of the path, since the Web UI sends no header of ours. An answer names the origin
of the Web UI alone: no other page in a browser can read it.
"""

from __future__ import annotations

import hashlib
import hmac

from google.protobuf.json_format import MessageToJson, Parse, ParseError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp
from temporalio.api.common.v1 import Payloads

from ops.listening import Bounded
from settings.codec import Sealed, SealingCodec

MOST = 8 << 20  # bytes of a request; Temporal's own limit of a message is 4 MiB
JSON = "application/json"
PATHS = ("/decode", "/encode", "/{token}/decode", "/{token}/encode")


class CodecServer:
    """Two routes behind a token. `origin` is the Web UI's, e.g. http://127.0.0.1:8233."""

    def __init__(self, codec: SealingCodec, token: str, origin: str) -> None:
        self._codec = codec
        self._token = _digest(token)
        self._origin = origin

    def app(self) -> ASGIApp:
        """Return the ASGI application."""
        routes = [Route(path, self.answer, methods=["POST", "OPTIONS"]) for path in PATHS]
        return Bounded(Starlette(routes=[*routes, Route("/alive", alive)]), MOST)

    async def answer(self, request: Request) -> Response:
        """Answer one request; a preflight has no token, since browsers send none with it."""
        headers = self._cors(request.headers.get("origin", ""))
        if request.method == "OPTIONS":
            return Response(status_code=204 if headers else 403, headers=headers)
        if not self._may(request):
            return PlainTextResponse("unauthorised", 401, headers=headers)
        body = await request.body()
        try:
            asked = Parse(body, Payloads())
            work = self._codec.decode if request.url.path.endswith("decode") else self._codec.encode
            done = await work(asked.payloads)
        except (ParseError, UnicodeDecodeError, RecursionError):
            return PlainTextResponse("expected Payloads as JSON", 400, headers=headers)
        except Sealed as e:
            return PlainTextResponse(str(e), 400, headers=headers)
        return Response(as_json(Payloads(payloads=done)), media_type=JSON, headers=headers)

    def _may(self, request: Request) -> bool:
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            given = request.path_params.get("token", "")
        return hmac.compare_digest(_digest(given), self._token)

    def _cors(self, origin: str) -> dict[str, str]:
        if origin != self._origin:
            return {}
        return {
            "Access-Control-Allow-Origin": self._origin,
            "Access-Control-Allow-Methods": "POST",
            "Access-Control-Allow-Headers": "content-type, authorization, x-namespace",
            "Vary": "Origin",
        }


async def alive(_: Request) -> Response:
    """Answer a health check; tells nothing."""
    return PlainTextResponse("alive")


def as_json(payloads: Payloads) -> str:
    """Return the protobuf JSON that the Web UI reads."""
    return str(MessageToJson(payloads, indent=None))


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()
