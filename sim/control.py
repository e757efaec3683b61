"""Control API: wallets, faults, status and the ledger, on a port of its own with a token."""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sim import acts
from sim.engine import Engine
from sim.faults import ACTS, CATALOGUE, WINDOWS, Fault
from sim.gate import reply, too_large
from sim.judge import ledger
from sim.mirror import Mirror
from sim.playback import Playback
from sim.transport import text_of
from sim.units import micro

# What a body of the wrong shape raises, wherever it is looked at.
BAD_BODY = (
    msgspec.MsgspecError,
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    OverflowError,
    RecursionError,
)


class Control:
    """The handlers; each takes the decoded body and returns JSON."""

    def __init__(self, engine: Engine, source: Playback | Mirror | None, token: str) -> None:
        self._engine = engine
        self._source = source
        self._token = token

    def app(self) -> Starlette:
        """Return the ASGI application."""
        table: list[tuple[str, str, Callable[[Any], Any]]] = [
            ("GET", "/status", self.status),
            ("GET", "/ledger", lambda body: ledger(self._engine)),
            ("POST", "/wallets", self.wallet),
            ("POST", "/play", self.play),
            ("GET", "/faults", self.faults),
            ("POST", "/faults", self.add_fault),
            ("DELETE", "/faults", self.clear_faults),
        ]
        return Starlette(routes=[Route(p, self._endpoint(h), methods=[m]) for m, p, h in table])

    def status(self, _: Any) -> dict[str, Any]:
        """Return what goes on."""
        engine, source = self._engine, self._source
        markets = engine.exchange.markets.values()
        position = source.position if source is not None else engine.memory.position
        return {
            "playing": engine.playing.is_set() and not position.done,
            "tape_done": position.done,
            "position_ms": position.offset_ms,
            "span_ms": source.span_ms if source is not None else 0,
            "source": position.source,
            "speed": engine.config.speed,
            "frames_sent": sum(engine.hub.sent.values()),
            "frames_by_kind": dict(engine.hub.sent),
            "requests": engine.requests,
            "markets": len(markets),
            "resolved": sum(1 for market in markets if market.closed),
            "sockets": {
                "market": len(engine.hub.market_lines),
                "user": len(engine.hub.user_lines),
            },
            "orders": len(engine.memory.orders),
            "trades": len(engine.memory.trades),
            "modes": engine.modes.active(engine.now()),
            "now_ms": engine.now(),
        }

    def wallet(self, body: Any) -> dict[str, Any]:
        """Create or fund a wallet: {address, usd, owner?, refresh?}."""
        address = str(body["address"])
        if len(bytes.fromhex(address.removeprefix("0x"))) != 20:
            raise ValueError(f"expected an address of 20 bytes, was {address!r}")
        account = self._engine.fund(
            address,
            micro(str(body.get("usd", "0"))),
            str(body.get("owner", "")),
            cached=bool(body.get("refresh", True)),
        )
        self._engine.commit()
        return {"address": account.address, "usd": account.usd, "owner": account.owner}

    def play(self, _: Any) -> dict[str, bool]:
        """Let a held tape go."""
        self._engine.playing.set()
        return {"playing": True}

    def faults(self, _: Any) -> dict[str, Any]:
        """Return the catalogue, the plans and what they did."""
        return {
            "catalogue": CATALOGUE | WINDOWS | ACTS,
            "plans": [msgspec.to_builtins(fault) for fault in self._engine.faults.plans()],
            "log": list(self._engine.faults.log)[-1000:],
        }

    def add_fault(self, body: Any) -> Any:
        """Plan one fault or a list: {name, seed?, count?, window_s?, rate?, match?, args?}."""
        if isinstance(body, list):
            return [self.add_fault(item) for item in body]
        given = dict(body)
        if given.get("name") in WINDOWS:
            given.setdefault("count", 0)
        fault = msgspec.convert(given, Fault)
        done = acts.perform(self._engine, fault, self._engine.now())
        self._engine.commit()
        return done if done is not None else msgspec.to_builtins(fault)

    def clear_faults(self, _: Any) -> dict[str, bool]:
        """Drop all plans and modes."""
        self._engine.faults.clear()
        self._engine.modes.clear()
        return {"cleared": True}

    def _endpoint(self, handler: Callable[[Any], Any]) -> Callable[[Request], Awaitable[Response]]:
        async def serve(request: Request) -> Response:
            given = request.headers.get("authorization", "").removeprefix("Bearer ")
            if not hmac.compare_digest(given.encode(), self._token.encode()):
                return reply({"error": "expected the control token, was something else"}, 401)
            try:
                if (text := await text_of(request)) is None:
                    return too_large()
                return reply(handler(msgspec.json.decode(text) if text else None))
            except BAD_BODY as cause:
                return reply({"error": f"{type(cause).__name__}: {cause}"}, 400)

        return serve
