"""The start gate fails closed: what cannot be checked has failed, and each failure has a fix."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from decimal import Decimal
from typing import Any, cast

import pytest
from websockets.asyncio.server import ServerConnection, serve

from domain.money import Usd, usd
from tests.venue.scripted import CREDS, HOSTS, KEY, NOW, Script
from tests.venue.wire.test_account import order_row
from venue.checkup import AccountChecks, Gate, PublicChecks, Unwell
from venue.connect import Account
from venue.doctor import Doctor, Finding, passed
from venue.errors import Refused, Unknown
from venue.greeting import greet_user_stream
from venue.polymarket import Venue
from venue.public import PublicVenue
from venue.transport import Hosts
from venue.wire import account as account_wire

NOWHERE = "http://127.0.0.1:9"
DEAD = Hosts(
    clob=NOWHERE,
    gamma=NOWHERE,
    data=NOWHERE,
    relayer=NOWHERE,
    site=NOWHERE,
    rpc=NOWHERE,
    market_ws="ws://127.0.0.1:9",
    user_ws="ws://127.0.0.1:9",
)


class Calm:
    """An account in which everything is well; tests change one thing."""

    closed = False
    money = Decimal(100)
    missing: tuple[str, ...] = ()
    orders: tuple[dict[str, Any], ...] = ()
    creds = CREDS

    async def closed_only(self) -> bool:
        return self.closed

    async def balance(self, refresh: bool = False) -> Usd:
        return usd(self.money)

    async def missing_approvals(self) -> list[str]:
        return list(self.missing)

    async def open_orders(self) -> list[Any]:
        return [account_wire.open_order(row) for row in self.orders]


async def ours(order_id: str) -> bool:
    return order_id == "0xaa"


def checks(venue: Calm, gate: Gate | None = None, hosts: Hosts = HOSTS) -> AccountChecks:
    return AccountChecks(cast(Venue, venue), gate or Gate(known_orders=ours), hosts)


async def test_a_calm_account_is_well() -> None:
    calm = Calm()
    calm.orders = (order_row(),)
    found = checks(calm)
    assert await found.closed_only() == "may open positions"
    assert await found.balance() == "100.000000 dollars"
    assert await found.approvals() == "all exchanges approved"
    assert await found.open_orders() == "1 open, all ours"


@pytest.mark.parametrize(
    ("change", "check", "text"),
    [
        ({"closed": True}, "closed_only", "close-only"),
        ({"money": Decimal("0.5")}, "balance", "expected at least 1 dollars"),
        ({"missing": ("0xa -> 0xb",)}, "approvals", "0xa -> 0xb"),
        ({"orders": (order_row(id="0xEE"),)}, "open_orders", "0xee"),
    ],
)
async def test_what_is_wrong_with_an_account_is_said(
    change: dict[str, Any], check: str, text: str
) -> None:
    calm = Calm()
    for name, value in change.items():
        setattr(calm, name, value)
    with pytest.raises(Unwell, match=text):
        await getattr(checks(calm), check)()


async def test_without_a_store_open_orders_cannot_be_ours() -> None:
    with pytest.raises(Unwell, match="expected a store"):
        await checks(Calm(), Gate()).open_orders()


def public(script: Script) -> PublicChecks:
    return PublicChecks(PublicVenue(script.transport(), now=lambda: NOW), Gate())


async def test_a_served_address_a_known_version_and_a_right_clock_are_well() -> None:
    script = (
        Script()
        .on("GET site/api/geoblock", {"blocked": False, "country": "IE"})
        .on("GET clob/version", {"version": 2})
        .on("GET clob/time", int(NOW.timestamp()))
    )
    found = public(script)
    assert await found.geoblock() == "not blocked, IE"
    assert await found.version() == "order version 2"
    assert await found.clock() == "skew -0.5 s"


async def test_a_blocked_address_another_version_and_a_wrong_clock_are_not() -> None:
    script = (
        Script()
        .on("GET site/api/geoblock", {"blocked": True})
        .on("GET clob/version", {"version": 3})
        .on("GET clob/time", int(NOW.timestamp()) - 4)
    )
    found = public(script)
    for check in (found.geoblock, found.version, found.clock):
        with pytest.raises(Unwell):
            await check()


async def test_a_venue_that_is_not_there_fails_every_check_with_a_fix() -> None:
    findings = await Doctor(DEAD, Account(private_key=KEY)).examine()
    by_name = {f.name: f for f in findings}
    assert by_name["sdk"].ok
    assert by_name["wallet"].ok
    assert not any(f.ok for name, f in by_name.items() if name not in ("sdk", "wallet"))
    assert all(f.fix for f in findings if not f.ok)
    assert by_name["balance"].found == "not reached"
    assert not passed(findings)


async def test_a_question_without_an_answer_is_no_reason_to_update_or_to_set_a_clock() -> None:
    """Advice must follow from what was found, not from what was asked."""
    by_name = {f.name: f for f in await Doctor(DEAD, Account(private_key=KEY)).examine()}
    for name in ("geoblock", "version", "clock", "credentials"):
        assert by_name[name].fix.startswith("Check the network, the venue.*_url settings"), name
    assert "relayer_api_key" in by_name["redemption"].fix


@pytest.mark.parametrize(("kind", "key", "ok"), [(0, "", True), (2, "", False), (3, "k", True)])
async def test_a_wallet_that_cannot_redeem_does_not_pass(kind: int, key: str, ok: bool) -> None:
    account = Account(private_key=KEY, signature_type=kind, relayer_key=key)
    by_name = {f.name: f for f in await Doctor(DEAD, account).examine()}
    assert by_name["redemption"].ok is ok


async def test_a_wrong_wallet_stops_before_any_login_and_the_key_is_not_shown() -> None:
    account = Account(private_key=KEY, wallet="0x" + "11" * 20)
    findings = await Doctor(DEAD, account).examine()
    by_name = {f.name: f for f in findings}
    assert not by_name["wallet"].ok
    assert by_name["credentials"].found == "not reached"
    assert KEY[2:] not in str(findings)


def test_a_gate_without_findings_is_closed() -> None:
    assert not passed([])
    assert passed([Finding(name="a", ok=True, found="")])


Handler = Callable[[ServerConnection], Awaitable[None]]


@asynccontextmanager
async def socket(handler: Handler) -> AsyncIterator[str]:
    async with serve(handler, "127.0.0.1", 0) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        yield f"ws://127.0.0.1:{port}"


async def test_a_user_stream_that_answers_is_well() -> None:
    heard: list[str | bytes] = []

    async def answer(ws: ServerConnection) -> None:
        async for frame in ws:
            heard.append(frame)
            await ws.send("[]")
            if frame == "PING":
                await ws.send("PONG")

    async with socket(answer) as url:
        assert await greet_user_stream(url, CREDS) > timedelta(0)
        assert (await checks(Calm(), hosts=Hosts(user_ws=url)).user_stream()).startswith("answers")
    assert CREDS.key in str(heard[0])


async def test_a_user_stream_that_shows_the_door_is_refused() -> None:
    async def close(ws: ServerConnection) -> None:
        await ws.recv()
        await ws.close()

    async with socket(close) as url:
        with pytest.raises((Refused, Unknown)):
            await greet_user_stream(url, CREDS)


async def test_a_user_stream_that_is_silent_or_absent_is_unknown() -> None:
    async def silent(ws: ServerConnection) -> None:
        await ws.wait_closed()

    async with socket(silent) as url:
        with pytest.raises(Unknown):
            await greet_user_stream(url, CREDS, within=0.2)
    with pytest.raises(Unknown):
        await greet_user_stream("ws://127.0.0.1:9", CREDS)
