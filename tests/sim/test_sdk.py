"""Clients written by others work against the sim unchanged but for the URLs (card VC-100)."""

from __future__ import annotations

import asyncio
import dataclasses
from decimal import Decimal
from typing import Any

import polymarket
import pytest
from eth_utils.address import to_checksum_address
from polymarket import AsyncSecureClient, RelayerApiKey
from polymarket._internal.environment import PRODUCTION_CONFIG, create_environment
from polymarket.errors import RequestRejectedError
from polymarket.streams import MarketBookEvent, MarketSpec, UserSpec
from py_clob_client_v2 import (
    ApiCreds,
    ClobClient,
    MarketOrderArgs,
    OrderArgs,
    OrderPayload,
    OrderType,
    PartialCreateOrderOptions,
)

from sim.resolution import resolve
from sim.server import Sim
from sim.units import micro
from sim.wallets import wallets_of
from tests.sim.client import EOA, KEY, market, show
from tests.waiting import eventually


def environment(sim: Sim) -> Any:
    urls = sim.urls()
    config = dataclasses.replace(
        PRODUCTION_CONFIG,
        clob_url=urls["clob"],
        clob_market_ws_url=urls["ws_market"],
        clob_user_ws_url=urls["ws_user"],
        gamma_url=urls["gamma"],
        data_url=urls["data"],
        relayer_url=urls["relayer"],
        rpc_url=urls["rpc"],
        relayer_poll_frequency_ms=20,
    )
    return create_environment(name="sim", config=config)


@pytest.mark.parametrize("kind", [0, 1, 2, 3])
@pytest.mark.parametrize("protocol", ["v1", "v2"])
async def test_vc100_the_official_sdk_trades_and_redeems_with_every_kind_of_wallet(
    sim: Sim, kind: int, protocol: str
) -> None:
    wallet = str(to_checksum_address(next(w for w, k in wallets_of(EOA).items() if k == kind)))
    sim.engine.fund(wallet, micro("1000"))
    m = market(rate="0.07", protocol=protocol)
    show(sim.engine, m, {"0.4": "100"}, {"0.5": "100"})
    key = RelayerApiKey(key="any", address=polymarket.types.EvmAddress(EOA)) if kind else None
    client = await AsyncSecureClient.create(
        private_key=KEY, wallet=wallet, environment=environment(sim), api_key=key
    )
    async with client:
        await _trade(client, sim, m.tokens[0])
        resolve(sim.engine.exchange, m, (micro("1"), 0), sim.engine.now())
        sim.engine.commit()
        page = await client.list_positions(user=wallet, status="REDEEMABLE").first_page()
        assert [row.current_size for row in page.items] == [Decimal(30)]
        handle = await client.redeem_positions(condition_id=m.condition_id)
        await handle.wait()
    account = sim.engine.memory.account(wallet)
    assert account.usd == micro("1000") - micro("20.7") + micro("3.832") + micro("30")


async def _trade(client: AsyncSecureClient, sim: Sim, token: str) -> None:
    found = await client.list_markets(page_size=5).first_page()
    assert found.items[0].question == "Will number 1 win?"
    signed = await client.create_market_order(
        token_id=token, side="BUY", amount=Decimal(20), max_price=Decimal("0.6")
    )
    answer = await client.post_order(signed)
    assert answer.ok and answer.status == "matched" and answer.taking_amount == 40
    with pytest.raises(RequestRejectedError, match="Duplicated"):
        await client.post_order(signed)
    resting = await client.create_limit_order(
        token_id=token, side="BUY", price=Decimal("0.1"), size=Decimal(10)
    )
    placed = await client.post_order(resting)
    assert placed.ok and placed.status == "live"
    orders = await client.list_open_orders().first_page()
    assert [order.id for order in orders.items] == [placed.order_id]
    assert (await client.get_order(order_id=placed.order_id)).price == Decimal("0.1")
    cancelled = await client.cancel_order(order_id=placed.order_id)
    assert cancelled.canceled == (placed.order_id,)

    async def confirmed() -> bool:
        trades = await client.list_account_trades().first_page()
        return bool(trades.items[0].status == "CONFIRMED")

    await eventually(confirmed)
    sell = await client.create_market_order(token_id=token, side="SELL", shares=Decimal(10))
    sold = await client.post_order(sell)
    assert sold.ok and sold.taking_amount == 4
    trades = sim.engine.memory.trades
    await eventually(lambda: {trade.status for trade in trades.values()} == {"CONFIRMED"})


async def test_vc100_the_official_sdks_streams_read_our_frames(sim: Sim) -> None:
    sim.engine.fund(EOA, micro("1000"))
    m = market()
    show(sim.engine, m, {"0.4": "100"}, {"0.5": "100"})
    client = await AsyncSecureClient.create(
        private_key=KEY, wallet=EOA, environment=environment(sim)
    )
    async with client:
        user = await client.subscribe(UserSpec())
        books = await client.subscribe(MarketSpec(token_ids=[m.tokens[0]]))
        first = await asyncio.wait_for(anext(aiter(books)), 5)
        assert isinstance(first, MarketBookEvent) and first.payload.token_id == m.tokens[0]
        await eventually(lambda: sim.engine.hub.user_lines)
        signed = await client.create_market_order(
            token_id=m.tokens[0], side="BUY", amount=Decimal(10), max_price=Decimal("0.6")
        )
        await client.post_order(signed)
        seen = []
        async for event in user:
            seen.append(str(event.payload.status))
            if seen[-1] == "CONFIRMED":
                break
        assert "MATCHED" in seen and "MINED" in seen
        await user.close()
        await books.close()


async def test_vc100_py_clob_client_v2_places_fills_cancels_and_reads(sim: Sim) -> None:
    sim.engine.fund(EOA, micro("1000"))
    m = market()
    show(sim.engine, m, {"0.4": "100"}, {"0.5": "100"})
    answers = await asyncio.to_thread(_oracle, sim.urls()["clob"], m.tokens[0])
    assert answers["book"]["asks"][-1]["price"] == "0.5"
    assert answers["filled"]["status"] == "matched" and answers["filled"]["takingAmount"] == "20"
    assert answers["placed"]["status"] == "live"
    assert [order["id"] for order in answers["open"]] == [answers["placed"]["orderID"]]
    assert answers["cancelled"]["canceled"] == [answers["placed"]["orderID"]]
    assert answers["trades"][0]["side"] == "BUY"


def _oracle(url: str, token: str) -> dict[str, Any]:
    client = ClobClient(url, chain_id=137, key=KEY)
    creds = client.create_or_derive_api_key()
    client = ClobClient(url, chain_id=137, key=KEY, creds=ApiCreds(**vars(creds)))
    options = PartialCreateOrderOptions(tick_size="0.01", neg_risk=False)
    market_order = client.create_market_order(
        MarketOrderArgs(token_id=token, amount=10, side="BUY", price=0.5), options
    )
    limit = client.create_order(OrderArgs(token_id=token, price=0.1, size=10, side="BUY"), options)
    answers = {
        "book": client.get_order_book(token),
        "filled": client.post_order(market_order, OrderType.FAK),
        "placed": client.post_order(limit, OrderType.GTC),
        "open": client.get_open_orders(),
        "trades": client.get_trades(),
    }
    payload = OrderPayload(orderID=answers["placed"]["orderID"])
    return answers | {"cancelled": client.cancel_order(payload)}
