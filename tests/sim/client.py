"""A small client of our own for the sim's tests: signs with `venue.wire`, posts with httpx."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import httpx

from sim.config import SimConfig
from sim.engine import Engine
from sim.market import SimMarket
from sim.playback import book_event
from sim.server import Sim
from sim.units import micro
from sim.wallets import safe_of
from venue.wire import auth, eip712

KEY = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"
EOA = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
SAFE = safe_of(EOA)
OTHER_KEY = "0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d"
OTHER_EOA = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"

QUIET = SimConfig(source="none", mined_ms=20, confirmed_ms=40, relayer_ms=30, data_lag_ms=0)
_salt = itertools.count(1)


def market(
    number: int = 1,
    *,
    rate: str = "0",
    protocol: str = "v1",
    delay: int = 0,
    neg_risk: bool = False,
) -> SimMarket:
    """Return a market with ids made of its number."""
    condition = f"0x{number:064x}"
    tokens = (str(10**70 + 2 * number), str(10**70 + 2 * number + 1))
    if protocol == "v2":
        base = (number << 112) << 8
        tokens = (str(base), str(base + 1))
        condition = f"0x{base:064x}"  # 31 bytes, padded
    return SimMarket(
        number=number,
        condition_id=condition,
        tokens=tokens,
        outcomes=("Yes", "No"),
        question=f"Will number {number} win?",
        slug=f"number-{number}",
        start_ms=1_700_000_000_000,
        end_ms=4_000_000_000_000,
        fee_rate=Decimal(rate),
        protocol=protocol,
        seconds_delay=delay,
        neg_risk=neg_risk,
    )


def show(
    engine: Engine, shown: SimMarket, bids: Mapping[str, str], asks: Mapping[str, str]
) -> None:
    """Show a book of the first outcome and tell the sockets."""
    if shown.condition_id not in engine.exchange.markets:
        engine.exchange.list_market(shown)
    levels = [{micro(p): micro(s) for p, s in side.items()} for side in (bids, asks)]
    book_event(engine, shown, levels[0].items(), levels[1].items(), engine.now())
    engine.commit()


class Client:
    """One wallet with its API key."""

    def __init__(self, sim: Sim, key: str = KEY, eoa: str = EOA, kind: int = 2) -> None:
        self.sim = sim
        self.http = httpx.AsyncClient(base_url=f"http://127.0.0.1:{sim.port}", timeout=10)
        self.private_key, self.eoa, self.kind = key, eoa, kind
        self.wallet = safe_of(eoa) if kind == 2 else eoa
        self.creds: dict[str, str] = {}

    async def login(self) -> Client:
        """Make the API key."""
        stamp = str(self.sim.engine.now() // 1000)
        headers = {
            "POLY_ADDRESS": self.eoa,
            "POLY_SIGNATURE": eip712.sign_auth(self.eoa, stamp, 0, self.private_key),
            "POLY_TIMESTAMP": stamp,
            "POLY_NONCE": "0",
        }
        answer = await self.http.post("/auth/api-key", headers=headers)
        if answer.status_code == 400:
            answer = await self.http.get("/auth/derive-api-key", headers=headers)
        self.creds = answer.json()
        return self

    def order(
        self,
        token: str,
        side: str,
        price: str,
        size: str,
        tif: str = "GTC",
        *,
        neg_risk: bool = False,
        **changes: Any,
    ) -> dict[str, Any]:
        """Return a signed body; `size` is shares, for FAK and FOK buys it is dollars."""
        dollars = tif in ("FAK", "FOK") and side == "BUY"
        if dollars:
            usd = micro(size)
            shares = int(Decimal(usd) / Decimal(price) // 100 * 100)
        else:
            shares = micro(size)
            usd = int(shares * Decimal(price))
        maker, taker = (usd, shares) if side == "BUY" else (shares, usd)
        fields = eip712.OrderFields(
            salt=next(_salt),
            maker=self.wallet,
            signer=self.eoa,
            token_id=int(token),
            maker_amount=changes.pop("maker_amount", maker),
            taker_amount=changes.pop("taker_amount", taker),
            side=side,
            signature_type=self.kind,
            timestamp=self.sim.engine.now(),
        )
        domain = eip712.domain_of(fields.token_id, neg_risk=neg_risk)
        body: dict[str, Any] = {
            "deferExec": False,
            "order": {
                "builder": fields.builder,
                "expiration": str(changes.pop("expiration", 0)),
                "maker": fields.maker,
                "makerAmount": str(fields.maker_amount),
                "metadata": fields.metadata,
                "salt": fields.salt,
                "side": side,
                "signature": eip712.sign_order(fields, domain, self.private_key),
                "signatureType": self.kind,
                "signer": fields.signer,
                "takerAmount": str(fields.taker_amount),
                "timestamp": str(fields.timestamp),
                "tokenId": token,
            },
            "orderType": tif,
            "owner": self.creds["apiKey"],
        }
        return body | changes

    async def send(
        self, method: str, path: str, body: Any = None, query: Mapping[str, str] | None = None
    ) -> httpx.Response:
        """Send a private request."""
        text = "" if body is None else json.dumps(body, separators=(",", ":"))
        headers = auth.l2_headers(
            address=self.eoa,
            key=self.creds["apiKey"],
            secret=self.creds["secret"],
            passphrase=self.creds["passphrase"],
            timestamp=str(self.sim.engine.now() // 1000),
            method=method,
            path=path,
            body=text,
        )
        return await self.http.request(
            method, path, content=text or None, headers=headers, params=query
        )

    async def post(self, *given: Any, **changes: Any) -> httpx.Response:
        """Sign and post one order."""
        return await self.send("POST", "/order", self.order(*given, **changes))

    async def close(self) -> None:
        """Close the connections."""
        await self.http.aclose()
