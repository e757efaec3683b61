"""Gate: every CLOB request passes here, and here the request and answer faults happen."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from sim.engine import Engine
from sim.faults import Fault
from sim.refusals import NOT_READY, OLD_VERSION, UNAUTHORIZED, Refusal, funds
from sim.state import ApiKey
from sim.transport import MOST, HalfAnswer, NoAnswer, text_of

HTML_403 = (
    "<!DOCTYPE html><html><head><title>Attention Required! | Cloudflare</title></head>"
    "<body><h1>Sorry, you have been blocked</h1></body></html>"
)
HTML_502 = "<html><head><title>502 Bad Gateway</title></head><body>502 Bad Gateway</body></html>"
ENGINE_500 = "could not run the execution"

_log = logging.getLogger("sim")


@dataclass(slots=True)
class Call:
    """One request: parsed body, the key behind it when it is private, the time."""

    engine: Engine
    request: Request
    text: str
    key: ApiKey | None
    now_ms: int

    @property
    def query(self) -> dict[str, str]:
        """Return the query parameters."""
        return dict(self.request.query_params)

    @property
    def path(self) -> dict[str, str]:
        """Return the path parameters."""
        return {name: str(value) for name, value in self.request.path_params.items()}

    @property
    def owner(self) -> ApiKey:
        """Return the key of a private request."""
        if self.key is None:
            raise Refusal(401, UNAUTHORIZED)
        return self.key

    def json(self) -> Any:
        """Return the body.

        Raises:
            Refusal: it is not JSON.
        """
        try:
            return json.loads(self.text) if self.text else None
        except (ValueError, RecursionError) as cause:
            raise Refusal(400, "Invalid order payload") from cause


Handler = Callable[[Call], Any]


def reply(body: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Return a JSON response."""
    content = msgspec.json.encode(body)
    return Response(content, status, headers, media_type="application/json")


def too_large() -> Response:
    """Refuse a body, and the connection with it: the rest of it is not read."""
    return reply({"error": f"expected at most {MOST} bytes"}, 413, {"Connection": "close"})


def endpoint(
    engine: Engine, handler: Handler, *, private: bool = False
) -> Callable[[Request], Any]:
    """Return a Starlette endpoint for a handler that answers with JSON or raises a Refusal."""

    async def serve(request: Request) -> Response:
        engine.requests += 1
        if (text := await text_of(request)) is None:
            return too_large()
        context = {"method": request.method, "path": request.url.path}
        context |= _order_context(text) if request.method == "POST" else {}
        if engine.config.taker_delay_ms and context["path"] == "/order" and "side" in context:
            await asyncio.sleep(engine.config.taker_delay_ms / 1000)  # itode (facts 3.4)
        instead = _before(engine, context)
        if instead is not None:
            return instead
        if late := _hit(engine, "accepted_late", context):
            act = partial(_answer, engine, handler, request, text, private)
            engine.later(late.seconds(40), act)
            return NoAnswer()
        response = _answer(engine, handler, request, text, private)
        return await _after(engine, context, response)

    return serve


def _answer(
    engine: Engine, handler: Handler, request: Request, text: str, private: bool
) -> Response:
    now = engine.now()
    try:
        key = None
        if private:
            raw = request.scope["raw_path"].decode()
            headers = _headers(request)
            key = engine.credentials.verify(headers, request.method, raw, text, now)
        body = handler(Call(engine, request, text, key, now))
    except Refusal as refusal:
        engine.commit()
        return reply(refusal.body, refusal.status, refusal.headers)
    except (TypeError, ValueError, KeyError, AttributeError, OverflowError):
        # A body or query of the wrong shape. Said aloud, for it might be a fault of ours instead.
        _log.warning("%s %s: bad request", request.method, request.url.path, exc_info=True)
        return reply({"error": "Invalid payload"}, 400)
    engine.commit()
    return body if isinstance(body, Response) else reply(body)


def _headers(request: Request) -> dict[str, str]:
    return {name.lower().replace("-", "_"): value for name, value in request.headers.items()}


def _hit(engine: Engine, name: str, context: dict[str, str]) -> Fault | None:
    if not engine.faults.planned:
        return None
    order = context["method"] == "POST" and context["path"] in ("/order", "/orders")
    return engine.faults.hit(name, engine.now(), named="" if order else "path", **context)


def _order_context(text: str) -> dict[str, str]:
    try:
        body = json.loads(text)
        order = body["order"]
        return {
            "side": str(order["side"]),
            "token_id": str(order["tokenId"]),
            "order_type": str(body["orderType"]),
            "wallet": str(order["maker"]).lower(),
        }
    except (ValueError, KeyError, TypeError, RecursionError):
        return {}


def _before(engine: Engine, context: dict[str, str]) -> Response | None:
    """Return the answer of a fault that keeps the request from the engine, if one applies."""
    for name, make in _INSTEAD.items():
        if fault := _hit(engine, name, context):
            return make(fault.args)
    return None


async def _after(engine: Engine, context: dict[str, str], response: Response) -> Response:
    """Return what the client gets of an answer that the engine has already given."""
    if fault := _hit(engine, "stall", context):
        await asyncio.sleep(fault.seconds(10))
    if _hit(engine, "response_lost", context) or _cancel_lost(engine, context):
        return NoAnswer()
    if _hit(engine, "cut_body", context):
        return HalfAnswer(response.body, response.status_code, dict(response.headers))
    if _hit(engine, "error_500_after", context):
        return reply({"error": ENGINE_500}, 500)
    if _hit(engine, "malformed_json", context):
        return Response(b'{"errorMsg":"","orderID":', 200, media_type="application/json")
    if _hit(engine, "empty_body", context):
        return Response(b"", 200, media_type="application/json")
    return response


def _cancel_lost(engine: Engine, context: dict[str, str]) -> bool:
    if context["method"] != "DELETE":
        return False
    return engine.faults.hit("cancel_ack_lost", engine.now(), **context) is not None


def _limited(args: dict[str, Any]) -> Response:
    wait = str(args.get("retry_after", 1))
    headers = {
        "Retry-After": wait,
        "Poly-RateLimit-Remaining": "0",
        "Poly-RateLimit-Reset": wait,
        "Poly-RateLimit-Tier": "standard",
    }
    return reply({"error": "Too Many Requests"}, 429, headers)


def _refused_order(error: str, order_id: str = "") -> dict[str, Any]:
    return {
        "errorMsg": error,
        "orderID": order_id,
        "takingAmount": "",
        "makingAmount": "",
        "status": "",
        "success": bool(not order_id),
    }


_INSTEAD: dict[str, Callable[[dict[str, Any]], Response]] = {
    "request_lost": lambda args: NoAnswer(),
    "html_403": lambda args: Response(HTML_403, 403, media_type="text/html"),
    "bad_gateway": lambda args: Response(HTML_502, 502, media_type="text/html"),
    "rate_429": _limited,
    "rate_429_bare": lambda args: reply({"error": "Too Many Requests"}, 429),
    "error_500": lambda args: reply({"error": args.get("error", ENGINE_500)}, 500),
    "key_revoked": lambda args: reply({"error": UNAUTHORIZED}, 401),
    "version_cutover": lambda args: reply({"error": OLD_VERSION}, 400),
    "invalid_signature": lambda args: reply({"error": "invalid signature"}, 400),
    "market_not_ready": lambda args: reply({"error": NOT_READY}, 400),
    "balance_stale": lambda args: reply(funds(0, 5_000_000).body, 400),
    "success_false": lambda args: reply(
        _refused_order("internal error", str(args.get("order_id", ""))) | {"success": False}
    ),
    "empty_id": lambda args: reply(_refused_order("order rejected")),
}
