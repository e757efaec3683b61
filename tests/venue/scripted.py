"""A venue that answers from a script: each request is recorded, each answer is chosen."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, cast

import httpx

from domain.market import Mode
from domain.money import price, shares, usd
from domain.orders import Intent, Leg, Side, TimeInForce
from venue.limits import Limiter
from venue.mode import ModeWatch
from venue.signing import Signer
from venue.transport import ApiCreds, Hosts, Login, Retry, Transport

# The public test key number 0 of Hardhat and Anvil: never fund it.
KEY = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"
ADDRESS = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
NOW = datetime(2026, 3, 4, 12, 0, 0, tzinfo=UTC)
CONDITION = "0x" + "c1" * 32
YES, NO = "1" * 70, "2" * 70
CREDS = ApiCreds(key="11111111-0000-4000-8000-000000000001", secret="c2VjcmV0", passphrase="pp")
HOSTS = Hosts(
    clob="http://clob.test",
    gamma="http://gamma.test",
    data="http://data.test",
    relayer="http://relayer.test",
    site="http://site.test",
    rpc="http://rpc.test",
)

Reply = httpx.Response | Exception | Callable[[httpx.Request], httpx.Response]


@dataclass
class Script:
    """Answers by "METHOD host/path"; the last of a list is repeated."""

    replies: dict[str, list[Reply]] = field(default_factory=dict)
    requests: list[httpx.Request] = field(default_factory=list)

    def on(self, line: str, *replies: Any, status: int = 200) -> Script:
        """Answer a request with these, in turn. A plain value becomes a JSON answer."""
        self.replies[line] = [_reply(r, status) for r in replies]
        return self

    def asked(self, line: str) -> list[httpx.Request]:
        """Return the recorded requests of one line."""
        return [r for r in self.requests if _line(r) == line]

    def handle(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        queue = self.replies.get(_line(request))
        if not queue:
            return httpx.Response(599, json={"error": f"not scripted: {_line(request)}"})
        reply = queue.pop(0) if len(queue) > 1 else queue[0]
        if isinstance(reply, Exception):
            raise reply
        return reply(request) if callable(reply) else _copy(reply)

    def transport(self, *, retry: Retry | None = None, modes: ModeWatch | None = None) -> Transport:
        """Return a transport that reaches this script and never waits for its own limits."""
        return Transport(
            HOSTS,
            login=Login(ADDRESS, CREDS),
            limiter=Limiter(limits=()),
            modes=modes,
            retry=retry,
            client=httpx.AsyncClient(transport=httpx.MockTransport(self.handle)),
            now=lambda: NOW.timestamp(),
        )


def signer(wallet: str = ADDRESS, signature_type: int = 0) -> Signer:
    """Return a signer with the public test key."""
    return Signer(
        private_key=KEY,
        address=ADDRESS,
        wallet=wallet,
        signature_type=signature_type,
        api_key=CREDS.key,
    )


def intent(**changes: Any) -> Intent:
    """Return a BUY of 20 dollars at 0.95, with changes."""
    base: dict[str, Any] = {
        "mode": Mode.PAPER,
        "workflow_id": f"{CONDITION}:0.95",
        "run_id": "run",
        "leg": Leg.ENTRY,
        "attempt": 1,
        "condition_id": CONDITION,
        "token_id": YES,
        "side": Side.BUY,
        "tif": TimeInForce.FAK,
        "limit": price("0.95"),
        "shares": shares("21.0526"),
        "funds": usd("20.1"),
        "tick": price("0.01"),
        "post_before": NOW + timedelta(seconds=20),
    }
    return Intent(**(base | changes))


def trade_row(**changes: Any) -> dict[str, Any]:
    """Return one of our trades as taker, with changes."""
    base: dict[str, Any] = {
        "id": "trade-1",
        "taker_order_id": "0xaa",
        "market": CONDITION,
        "asset_id": YES,
        "side": "BUY",
        "size": "10",
        "fee_rate_bps": "0",
        "price": "0.9",
        "status": "TRADE_STATUS_CONFIRMED",
        "match_time": "1772625600",
        "last_update": "1772625612",
        "bucket_index": 0,
        "owner": CREDS.key,
        "maker_address": ADDRESS,
        "trader_side": "TAKER",
        "maker_orders": [
            {
                "order_id": "0xbb",
                "owner": "someone",
                "maker_address": "0x" + "70" * 20,
                "matched_amount": "10",
                "price": "0.9",
                "fee_rate_bps": "",
                "asset_id": YES,
                "side": "SELL",
            }
        ],
    }
    return base | changes


def clob_market(**changes: Any) -> dict[str, Any]:
    """Return /clob-markets of the test market, with changes."""
    base: dict[str, Any] = {
        "c": CONDITION,
        "t": [{"t": YES, "o": "Yes"}, {"t": NO, "o": "No"}],
        "mos": 5,
        "mts": "0.01",
        "ao": True,
        "fd": {"r": "0.05", "e": 1, "to": True},
        "v": "v1",
    }
    return base | changes


def page(*rows: Any, cursor: str = "LTE=") -> dict[str, Any]:
    """Return rows as one CLOB page."""
    return {"limit": 100, "count": len(rows), "next_cursor": cursor, "data": list(rows)}


def body_of(request: httpx.Request) -> Any:
    """Return the JSON a request carried, with exact decimals."""
    return json.loads(request.content, parse_float=Decimal)


def _line(request: httpx.Request) -> str:
    host = request.url.host.removesuffix(".test")
    return f"{request.method} {host}{request.url.path}"


def _reply(value: Any, status: int) -> Reply:
    if isinstance(value, (httpx.Response, Exception)):
        return value
    if callable(value):
        return cast(Callable[[httpx.Request], httpx.Response], value)
    return httpx.Response(status, json=value)


def _copy(reply: httpx.Response) -> httpx.Response:
    return httpx.Response(reply.status_code, headers=reply.headers, content=reply.content)
