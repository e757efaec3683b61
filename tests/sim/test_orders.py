"""Orders over HTTP: cards VC-1xx and VC-2xx of docs/venue-contract.md."""

from __future__ import annotations

import pytest

from sim.faults import Fault
from sim.server import Sim
from sim.state import Trade
from sim.units import micro
from tests.sim.client import EOA, SAFE, Client, market, show
from tests.waiting import eventually
from venue.wire import eip712


async def test_vc101_a_wrong_request_signature_is_401_with_the_venues_text(
    sim: Sim, trader: Client
) -> None:
    good = trader.creds["secret"]
    trader.creds["secret"] = "AAAA" + good[4:]
    answer = await trader.send("GET", "/data/orders")
    assert (answer.status_code, answer.json()) == (401, {"error": "Unauthorized/Invalid api key"})
    trader.creds["secret"] = good
    assert (await trader.send("GET", "/data/orders")).status_code == 200


async def test_vc101_a_login_signed_by_another_key_is_401(sim: Sim, trader: Client) -> None:
    stamp = str(sim.engine.now() // 1000)
    headers = {
        "POLY_ADDRESS": EOA,
        "POLY_SIGNATURE": eip712.sign_auth(EOA, stamp, 0, "0x" + "11" * 32),
        "POLY_TIMESTAMP": stamp,
        "POLY_NONCE": "0",
    }
    answer = await trader.http.post("/auth/api-key", headers=headers)
    assert (answer.status_code, answer.json()) == (401, {"error": "Invalid L1 Request headers"})


@pytest.mark.parametrize("kind", [0, 2])
@pytest.mark.parametrize("protocol", ["v1", "v2", "neg"])
async def test_vc102_the_order_id_is_the_hash_in_the_tokens_own_domain(
    sim: Sim, trader: Client, kind: int, protocol: str
) -> None:
    neg = protocol == "neg"
    m = market(protocol="v1" if neg else protocol, neg_risk=neg)
    show(sim.engine, m, {"0.4": "50"}, {"0.5": "50"})
    trader.kind, trader.wallet = kind, EOA if kind == 0 else SAFE
    sim.engine.fund(trader.wallet, micro("100"))
    body = trader.order(m.tokens[0], "BUY", "0.45", "10", neg_risk=neg)
    fields = body["order"]
    order = eip712.OrderFields(
        fields["salt"], fields["maker"], fields["signer"], int(fields["tokenId"]),
        int(fields["makerAmount"]), int(fields["takerAmount"]), "BUY", kind,
        int(fields["timestamp"]),
    )  # fmt: skip
    answer = (await trader.send("POST", "/order", body)).json()
    domain = eip712.domain_of(order.token_id, neg_risk=neg)
    assert answer["orderID"] == eip712.order_id(order, domain)
    assert answer["status"] == "live"


@pytest.mark.parametrize("spoil", ["signature", "maker", "domain", "amount"])
async def test_vc102_a_signature_that_does_not_cover_the_order_is_refused(
    sim: Sim, trader: Client, spoil: str
) -> None:
    m = market()
    show(sim.engine, m, {}, {"0.5": "50"})
    body = trader.order(m.tokens[0], "BUY", "0.5", "10", neg_risk=spoil == "domain")
    order = body["order"]
    if spoil == "signature":
        order["signature"] = order["signature"][:-4] + "001b"
    if spoil == "maker":
        order["maker"] = "0x" + "12" * 20
    if spoil == "amount":
        order["takerAmount"] = "20000000"
    answer = await trader.send("POST", "/order", body)
    assert (answer.status_code, answer.json()) == (400, {"error": "invalid signature"})


async def test_vc103_a_matched_answer_has_trade_ids_and_decimal_texts(
    sim: Sim, trader: Client
) -> None:
    m = market()
    show(sim.engine, m, {}, {"0.67": "500"})
    answer = (await trader.post(m.tokens[0], "BUY", "0.67", "10", "FAK")).json()
    trade_ids = answer.pop("tradeIDs")
    order_id = answer.pop("orderID")
    assert answer == {
        "errorMsg": "",
        "takingAmount": "14.925373",
        "makingAmount": "9.999999",
        "status": "matched",
        "success": True,
    }
    assert len(trade_ids) == 1 and order_id.startswith("0x")


async def test_vc202_every_broken_rule_is_refused_in_the_venues_words(
    sim: Sim, trader: Client
) -> None:
    m = market()
    show(sim.engine, m, {"0.4": "50"}, {"0.5": "50"})
    token = m.tokens[0]

    async def error(*given: str, **changes: object) -> str:
        answer = await trader.post(token, *given, **changes)
        assert answer.status_code == 400
        return str(answer.json()["error"])

    assert "Price (0.475) breaks minimum tick size rule: 0.01" in await error("BUY", "0.475", "10")
    assert "Size (1) lower than the minimum: 5" in await error("BUY", "0.45", "1")
    assert await error("BUY", "0.5", "0.5", "FAK") == (
        "invalid amount for a marketable BUY order ($0.5), min size: $1"
    )
    assert (await error("BUY", "0.5", "2.345", "FAK")).startswith("invalid amounts, the market buy")
    assert await error("BUY", "0.45", "5000") == (
        "not enough balance / allowance: the balance is not enough -> "
        "balance: 1000000000, order amount: 2250000000"
    )
    assert await error("BUY", "0.45", "10", "GTD", expiration=1) == "invalid expiration"
    assert await error("BUY", "0.5", "10", postOnly=True) == (
        "invalid post-only order: order crosses book"
    )
    assert await error("BUY", "0.45", "10", owner="someone") == (
        "the order owner has to be the owner of the API KEY"
    )
    assert (await error("BUY", "0.2", "10", "FAK")).startswith("no orders found to match with FAK")
    assert (await error("BUY", "0.5", "30", "FOK")).startswith("order couldn't be fully filled.")
    old = trader.order(token, "BUY", "0.45", "10")
    old["order"]["nonce"] = "0"
    answer = await trader.send("POST", "/order", old)
    assert answer.json() == {"error": "invalid order version, please use the latest clob-client"}


async def test_vc202_a_killed_order_names_its_id_and_a_repeat_is_duplicated(
    sim: Sim, trader: Client
) -> None:
    m = market()
    show(sim.engine, m, {}, {"0.5": "50"})
    body = trader.order(m.tokens[0], "BUY", "0.3", "10", "FAK")
    first = await trader.send("POST", "/order", body)
    order_id = first.json()["orderID"]
    again = await trader.send("POST", "/order", body)
    assert again.json() == {"error": f"order {order_id} is invalid. Duplicated."}
    missing = await trader.send("GET", f"/data/order/{order_id}")
    assert (missing.status_code, missing.json()) == (404, {"error": "Order not found"})


async def test_vc203_balances_move_at_settlement_and_the_cache_only_then(
    sim: Sim, trader: Client
) -> None:
    m = market()
    show(sim.engine, m, {"0.4": "100"}, {"0.5": "100"})
    sim.engine.faults.add(Fault(name="settle_stuck"), sim.engine.now())
    await trader.post(m.tokens[0], "BUY", "0.5", "20", "FAK")
    conditional = {"asset_type": "CONDITIONAL", "token_id": m.tokens[0], "signature_type": "2"}
    early = await trader.send("GET", "/balance-allowance", query=conditional)
    assert early.json()["balance"] == "0"
    sell = await trader.post(m.tokens[0], "SELL", "0.4", "10", "FAK")
    assert "balance: 0, order amount: 10000000" in sell.json()["error"]

    sim.engine.step(sim.engine.now() + 700_000)
    late = await trader.send("GET", "/balance-allowance", query=conditional)
    assert late.json()["balance"] == "40000000"
    sold = await trader.post(m.tokens[0], "SELL", "0.4", "40", "FAK")
    assert (sold.json()["makingAmount"], sold.json()["takingAmount"]) == ("40", "16")


async def test_vc203_open_orders_reserve_within_one_market_only(sim: Sim, trader: Client) -> None:
    first, second = market(1), market(2)
    for m in (first, second):
        show(sim.engine, m, {}, {"0.9": "5000"})
    for m in (first, second):
        assert (await trader.post(m.tokens[0], "BUY", "0.5", "1600")).status_code == 200
    refused = await trader.post(first.tokens[0], "BUY", "0.5", "1000")
    assert "sum of active orders: 800000000, order amount: 500000000" in refused.json()["error"]


async def test_vc203_money_matched_but_not_settled_cannot_be_spent_twice(trader: Client) -> None:
    sim = trader.sim
    m, n = market(1), market(2)
    for shown in (m, n):
        show(sim.engine, shown, {}, {"0.5": "5000"})
    sim.engine.exchange.settlement.alter = lambda trade, now: [_never(trade)]
    await trader.post(m.tokens[0], "BUY", "0.5", "900", "FAK")
    refused = await trader.post(n.tokens[0], "BUY", "0.5", "200", "FAK")
    assert "sum of matched orders: 900000000, order amount: 200000000" in refused.json()["error"]


def _never(trade: Trade) -> Trade:
    trade.steps = []
    return trade


async def test_vc209_cancels_answer_200_with_a_reason_for_each_refusal(trader: Client) -> None:
    m = market()
    show(trader.sim.engine, m, {}, {"0.5": "50"})
    order_id = (await trader.post(m.tokens[0], "BUY", "0.45", "10")).json()["orderID"]
    assert len((await trader.send("GET", "/data/orders")).json()["data"]) == 1
    body = {"orderID": order_id}
    done = await trader.send("DELETE", "/order", body)
    assert done.json() == {"canceled": [order_id], "not_canceled": {}}
    again = await trader.send("DELETE", "/order", body)
    assert again.json()["not_canceled"] == {order_id: "already canceled or matched"}
    unknown = await trader.send("DELETE", "/orders", ["0x12"])
    assert unknown.json()["not_canceled"] == {"0x12": "Order not found or already canceled"}


async def test_vc210_fees_follow_the_curve_and_only_takers_pay(trader: Client) -> None:
    sim = trader.sim
    m = market(rate="0.07")
    show(sim.engine, m, {}, {"0.5": "100"})
    await trader.post(m.tokens[0], "BUY", "0.5", "50", "FAK")
    account = sim.engine.memory.account(trader.wallet)
    await eventually(lambda: account.tokens)
    assert account.usd == micro("1000") - micro("50") - micro("1.75")


async def test_batches_answer_leg_by_leg_with_success_true(trader: Client) -> None:
    m = market()
    show(trader.sim.engine, m, {}, {"0.5": "50"})
    legs = [
        trader.order(m.tokens[0], "BUY", "0.45", "10"),
        trader.order(m.tokens[0], "BUY", "0.45", "1"),
    ]
    answer = await trader.send("POST", "/orders", legs)
    assert answer.status_code == 200
    good, bad = answer.json()
    assert good["status"] == "live"
    assert (bad["orderID"], bad["success"]) == ("", True) and "lower than" in bad["errorMsg"]
    many = await trader.send("POST", "/orders", legs * 8)
    assert many.json() == {"error": "Too many orders in payload: 16, max allowed: 15"}
