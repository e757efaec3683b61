"""The sim in memory: its endpoints behind an httpx transport, on our clock, faults and all."""

from __future__ import annotations

import asyncio
from typing import Any, Final
from urllib.parse import unquote

import httpx
from starlette.applications import Starlette
from starlette.routing import Mount

from bench.chaos.clock import epoch, now, virtual
from bench.chaos.nemesis import Nemesis
from sim import chain, http_account, http_data, http_gamma, http_orders, http_public, http_relayer
from sim.calls import REDEEM_CTF, REDEEM_ROUTER
from sim.config import SimConfig
from sim.engine import Engine
from sim.hub import UserLine
from sim.journal import Forgetful
from sim.memory import Memory
from sim.wallets import safe_of
from venue.errors import RefusalKind, Refused
from venue.limits import Limiter
from venue.mode import ModeWatch
from venue.polymarket import Venue
from venue.sdk import POLL_EVERY_MS, POLLS, SAFE, Sdk, StillPending, address_of
from venue.signing import Signer
from venue.transport import ApiCreds, Hosts, Login, Transport
from venue.wire.eip712 import is_position_id

BASE: Final = "http://sim"
KEY: Final = "0x" + "5eed" * 16  # play money
READ_TIMEOUT = 10.0
DEPOSIT = 1_000_000_000  # micro-dollars


class Floor:
    """One venue for one seed, with one funded wallet."""

    def __init__(self, nemesis: Nemesis, seed: int, **config: Any) -> None:
        self.nemesis = nemesis
        self.engine = Engine(
            Memory(Forgetful()),
            SimConfig(source="none", seed=seed, **config),
            lambda: int(epoch() * 1000),
        )
        self.app = Starlette(
            routes=[
                Mount("/gamma", routes=http_gamma.routes(self.engine)),
                Mount("/data-api", routes=http_data.routes(self.engine)),
                Mount("/site", routes=http_relayer.site_routes(self.engine)),
                *http_account.routes(self.engine),
                *http_orders.routes(self.engine),
                *http_public.routes(self.engine),
            ]
        )
        self.address = address_of(KEY)
        self.wallet = safe_of(self.address)
        self.key = self.engine.credentials.create(self.address, 0)
        self.engine.fund(self.wallet, DEPOSIT)
        self.line = UserLine(10_000, self.key.key)
        self.engine.hub.user_lines.add(self.line)
        self.posts: list[tuple[float, str, bool]] = []  # when, side, by a frozen attempt
        self.least_usd = DEPOSIT

    def step(self) -> None:
        """Let the venue do what is due."""
        self.engine.step(self.engine.now())
        self.least_usd = min(self.least_usd, self.engine.memory.account(self.wallet).usd)

    def venue(self) -> Venue:
        """Return what the bot talks to."""
        loop = virtual()
        creds = ApiCreds(self.key.key, self.key.secret, self.key.passphrase)
        hosts = Hosts(BASE, BASE + "/gamma", BASE + "/data-api", BASE, BASE + "/site", BASE)
        client = httpx.AsyncClient(
            transport=InMemory(self), timeout=READ_TIMEOUT, trust_env=False, verify=False
        )
        transport = Transport(
            hosts,
            login=Login(self.address, creds),
            limiter=Limiter(share=1.0, clock=loop.time),
            modes=ModeWatch(clock=loop.time),
            client=client,
            now=epoch,
        )
        signer = Signer(
            private_key=KEY,
            address=self.address,
            wallet=self.wallet,
            signature_type=SAFE,
            api_key=self.key.key,
        )
        return Venue(transport, signer, Relayed(self, creds), now)


class InMemory(httpx.AsyncBaseTransport):
    """Requests as function calls; a connection that is cut is an error of httpx, as on a wire."""

    def __init__(self, floor: Floor) -> None:
        self._floor = floor

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Ask the app, with the time-outs of a real client."""
        floor, label = self._floor, f"{request.method} {request.url.path}"
        await floor.nemesis.step(f"before {label}")
        await asyncio.sleep(floor.nemesis.draw(f"way:{label}").uniform(0.001, 0.02))
        floor.step()
        if label == "POST /order":
            self._note(request)
        asked = asyncio.create_task(self._ask(request))
        done, _ = await asyncio.wait({asked}, timeout=READ_TIMEOUT)
        if not done:
            raise httpx.ReadTimeout("no answer in time", request=request)
        await floor.nemesis.step(f"after {label}")
        return asked.result()

    def _note(self, request: httpx.Request) -> None:
        from bench.chaos.nemesis import current

        attempt = current.get()
        side = "BUY" if b'"BUY"' in request.content else "SELL"
        frozen = attempt is not None and attempt.frozen
        self._floor.posts.append((epoch(), side, frozen))

    async def _ask(self, request: httpx.Request) -> httpx.Response:
        answer: list[dict[str, Any]] = []
        body = request.content

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Any) -> None:
            answer.append(message)

        await self._floor.app(_scope(request), receive, send)
        if not answer or answer[-1].get("more_body"):
            raise httpx.RemoteProtocolError("the connection was cut", request=request)
        text = b"".join(part.get("body", b"") for part in answer)
        head = answer[0]
        return httpx.Response(head["status"], headers=head["headers"], content=text)


def _scope(request: httpx.Request) -> Any:
    path = request.url.raw_path.split(b"?")[0]
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": "http",
        "path": unquote(path.decode()),
        "raw_path": path,
        "query_string": request.url.query,
        "root_path": "",
        "headers": [(k.lower(), v) for k, v in request.headers.raw],
        "client": ("127.0.0.1", 1),
        "server": ("sim", 80),
    }


class Relayed(Sdk):
    """Redemption without the SDK: the same answers and errors, straight into the sim's chain."""

    def __init__(self, floor: Floor, creds: ApiCreds) -> None:
        self._floor, self._creds = floor, creds
        self._pending: dict[str, str] = {}

    @property
    def creds(self) -> ApiCreds:
        """Return the credentials in use."""
        return self._creds

    async def aclose(self) -> None:
        """Nothing to close."""

    async def submit_redeem(self, condition_id: str) -> str:
        """Submit, wait for a while, and answer as `venue/sdk.py` does."""
        floor = self._floor
        await floor.nemesis.step("before redeem")
        known = self._pending.pop(condition_id, None)
        if known is None:
            account = floor.engine.memory.account(floor.wallet)
            market = floor.engine.exchange.markets[condition_id]
            if not any(account.tokens.get(token) for token in market.tokens):
                raise Refused(RefusalKind.NOT_FOUND, "no balance to redeem")
            data = _calldata(condition_id, v2=is_position_id(int(market.tokens[0])))
            now_ms = floor.engine.now()
            known = chain.submit(floor.engine, account, [(BASE, data)], now_ms).id
        await floor.nemesis.step("after redeem")
        for _ in range(POLLS):
            floor.step()
            sent = floor.engine.memory.chain[known]
            if sent.state == chain.CONFIRMED:
                return sent.hash
            if sent.state == chain.FAILED:
                raise Refused(RefusalKind.REDEEM, sent.error)
            await asyncio.sleep(POLL_EVERY_MS / 1000)
        self._pending[condition_id] = known
        raise StillPending(known)


def _calldata(condition_id: str, *, v2: bool) -> str:
    word = condition_id.removeprefix("0x")
    return f"0x{REDEEM_ROUTER}{word}" if v2 else f"0x{REDEEM_CTF}{'0' * 128}{word}"
