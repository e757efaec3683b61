"""A sim of one's own as a child process, and a funded wallet in it."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx

from domain.book import Book
from domain.market import Market
from domain.money import Price, shares
from domain.orders import Intent
from tests.venue.scripted import KEY, intent
from tests.waiting import eventually
from venue.connect import Account, connect
from venue.polymarket import Venue
from venue.sdk import SAFE, address_of, wallet_for
from venue.transport import Hosts

ROOT = Path(__file__).parents[2]
FAST = ("--mined-ms", "50", "--confirmed-ms", "100", "--relayer-ms", "50", "--data-lag-ms", "50")


@dataclass(frozen=True)
class Sim:
    """Where one running sim answers."""

    hosts: Hosts
    control: str
    token: str

    async def ask(self, method: str, path: str, body: Any = None) -> Any:
        """Use the control API and return its JSON."""
        async with httpx.AsyncClient(timeout=10) as client:
            reply = await client.request(
                method,
                self.control + path,
                json=body,
                headers={"Authorization": f"Bearer {self.token}"},
            )
            reply.raise_for_status()
            return reply.json()

    async def fund(self, signature_type: int = SAFE, dollars: str = "10000") -> Account:
        """Give play money to the test key's wallet of this type and return the account."""
        owner = address_of(KEY)
        wallet = wallet_for(owner, signature_type)
        await self.ask("POST", "/wallets", {"address": wallet, "usd": dollars, "owner": owner})
        return Account(private_key=KEY, signature_type=signature_type, relayer_key="play")


@asynccontextmanager
async def running_sim(*flags: str) -> AsyncIterator[Sim]:
    """Run the sim with these flags until the block ends."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "sim", *FAST, *flags, cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        said = json.loads(await asyncio.wait_for(process.stdout.readline(), 30))
        yield Sim(hosts=_hosts(said), control=_url(said, "control"), token=_token(said))
    finally:
        with suppress(ProcessLookupError):
            process.terminate()
        await process.communicate()


@asynccontextmanager
async def connected(sim: Sim, signature_type: int = SAFE) -> AsyncIterator[Venue]:
    """Connect a funded wallet for the length of a block."""
    found = await connect(sim.hosts, await sim.fund(signature_type))
    try:
        yield found
    finally:
        await found.aclose()


async def open_market(venue: Venue) -> tuple[Market, Book]:
    """Return the market with both sides of a book that lives longest."""

    async def look() -> tuple[Market, Book] | None:
        markets = [m async for page in venue.markets() for m in page.markets]
        books = {b.token_id: b for b in await venue.books(m.tokens[0].token_id for m in markets)}
        for market in sorted(markets, key=lambda m: m.end_time or now(), reverse=True):
            book = books.get(market.tokens[0].token_id)
            if book and book.best_ask and book.best_bid and book.best_ask < Decimal("0.9"):
                return market, book
        return None

    found = await eventually(look, within=20, every=0.1)
    assert found is not None
    return found


def buy(market: Market, limit: Price, **changes: Any) -> Intent:
    return intent(
        condition_id=market.condition_id,
        token_id=market.tokens[0].token_id,
        limit=limit,
        shares=shares(10),
        neg_risk=market.neg_risk,
        **changes,
    )


def now() -> datetime:
    return datetime.now(UTC)


def salt() -> int:
    return time.time_ns() % 2**53


def _hosts(said: dict[str, Any]) -> Hosts:
    names = ("clob", "gamma", "data", "relayer", "site", "rpc")
    return Hosts(
        **{name: _url(said, name) for name in names},
        market_ws=said.get("market_ws_url") or said["ws_market"],
        user_ws=said.get("user_ws_url") or said["ws_user"],
    )


def _url(said: dict[str, Any], name: str) -> str:
    return str(said.get(f"{name}_url") or said[name])


def _token(said: dict[str, Any]) -> str:
    return str(said.get("token") or said["control_token"])
