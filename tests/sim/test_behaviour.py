"""What time does, what reads show, and how markets end: cards VC-106 and VC-205 to VC-212."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from sim import chain
from sim.acts import perform
from sim.calls import REDEEM_CTF
from sim.config import SimConfig
from sim.engine import Engine
from sim.faults import Fault
from sim.judge import ledger
from sim.resolution import resolve
from sim.server import Sim, running
from sim.units import micro, text
from tests.sim.client import QUIET, Client, market, show
from tests.waiting import eventually

YES = (micro("1"), 0)


async def test_vc205_gtd_orders_leave_a_minute_before_they_expire(trader: Client) -> None:
    engine, m = trader.sim.engine, market()
    show(engine, m, {}, {"0.5": "10"})
    expiration = engine.now() // 1000 + 200
    answer = await trader.post(m.tokens[0], "BUY", "0.4", "10", "GTD", expiration=expiration)
    order = engine.memory.orders[answer.json()["orderID"]]
    engine.step((expiration - 61) * 1000)
    assert order.status == "live"
    engine.step((expiration - 60) * 1000)
    assert (order.status, order.text) == ("canceled", "CANCELED_EXPIRED_ORDER")


async def test_vc206_silence_after_a_heartbeat_cancels_everything(trader: Client) -> None:
    engine, m = trader.sim.engine, market()
    show(engine, m, {}, {"0.5": "10"})
    beat = (await trader.send("POST", "/v1/heartbeats", {"heartbeat_id": ""})).json()
    next_beat = await trader.send("POST", "/v1/heartbeats", beat)
    assert next_beat.status_code == 200
    stale = await trader.send("POST", "/v1/heartbeats", beat)
    assert stale.status_code == 400
    assert stale.json() == {"error_msg": "Invalid Heartbeat ID", **next_beat.json()}
    answer = await trader.post(m.tokens[0], "BUY", "0.4", "10")
    order = engine.memory.orders[answer.json()["orderID"]]
    beaten = engine.memory.keys[trader.creds["apiKey"]].heartbeat_ms
    engine.step(beaten + 9_000)
    assert order.status == "live"
    engine.step(beaten + 11_000)
    assert order.status == "canceled"


async def test_vc207_a_crypto_taker_waits_inside_the_call() -> None:
    config = QUIET.model_copy(update={"taker_delay_ms": 120})
    async with running(config) as sim:
        client = await Client(sim).login()
        sim.engine.fund(client.wallet, micro("100"))
        show(sim.engine, market(), {}, {"0.5": "100"})
        answer = await client.post(market().tokens[0], "BUY", "0.5", "10", "FAK")
        assert answer.json()["status"] == "matched" and answer.elapsed.total_seconds() >= 0.12
        compact = (await client.http.get(f"/clob-markets/{market().condition_id}")).json()
        assert compact["itode"] is True
        await client.close()


async def test_vc208_a_sports_market_answers_delayed_and_matches_a_second_later(
    trader: Client,
) -> None:
    engine, m = trader.sim.engine, market(delay=1)
    show(engine, m, {}, {"0.5": "100"})
    answer = (await trader.post(m.tokens[0], "BUY", "0.5", "10", "FAK")).json()
    assert (answer["status"], answer["makingAmount"], answer["tradeIDs"]) == ("delayed", "0", [])
    order = engine.memory.orders[answer["orderID"]]
    engine.step(engine.now() + 1_500)
    assert order.status == "matched" and text(order.matched) == "20"


async def test_vc106_cursors_are_base64_offsets_and_end_with_lte(trader: Client) -> None:
    engine, m = trader.sim.engine, market()
    show(engine, m, {}, {"0.5": "1000"})
    for _ in range(3):
        await trader.post(m.tokens[0], "BUY", "0.4", "5")
    first = (await trader.send("GET", "/data/orders", query={"next_cursor": "MA=="})).json()
    assert (first["count"], first["next_cursor"]) == (3, "LTE=")
    end = (await trader.send("GET", "/data/orders", query={"next_cursor": "LTE="})).json()
    assert end["data"] == []
    wrong = await trader.send("GET", "/data/orders", query={"next_cursor": "?"})
    assert wrong.status_code == 400


async def test_vc106_gamma_pages_by_keyset_and_hides_closed_markets(
    sim: Sim, trader: Client
) -> None:
    for number in range(1, 6):
        show(sim.engine, market(number), {"0.4": "10"}, {"0.5": "10"})
    http, seen, query = trader.http, [], {"limit": "2"}
    while True:
        page = (await http.get("/gamma/markets/keyset", params=query)).json()
        seen += [row["id"] for row in page["markets"]]
        if "next_cursor" not in page:
            break
        query["after_cursor"] = page["next_cursor"]
    assert seen == ["1", "2", "3", "4", "5"]
    row = page["markets"][0]
    assert json.loads(row["clobTokenIds"]) == list(market(5).tokens)
    assert json.loads(row["outcomePrices"]) == ["0.45", "0.55"]
    resolve(sim.engine.exchange, sim.engine.exchange.markets[market(1).condition_id], YES, 10**12)
    left = (await http.get("/gamma/markets/keyset")).json()["markets"]
    assert [row["id"] for row in left] == ["2", "3", "4", "5"]
    closed = (await http.get("/gamma/markets/keyset", params={"closed": "true"})).json()["markets"]
    assert closed[0]["active"] is True and closed[0]["closedTime"] == "2001-09-09 01:46:40+00"
    assert json.loads(closed[0]["outcomePrices"]) == ["1", "0"]
    assert (await http.get("/gamma/markets/keyset", params={"offset": "1"})).status_code == 422
    events = (await http.get("/gamma/events/keyset", params={"limit": "1"})).json()["events"]
    assert events[0]["markets"][0]["id"] == "2"


async def test_vc106_data_v2_has_its_envelope_and_lags_behind(sim: Sim, trader: Client) -> None:
    m = market()
    show(sim.engine, m, {}, {"0.5": "1000"})
    for _ in range(2):
        await trader.post(m.tokens[0], "BUY", "0.5", "10", "FAK")
    trades = sim.engine.memory.trades
    await eventually(lambda: {trade.status for trade in trades.values()} == {"CONFIRMED"})
    query = {"user": trader.wallet, "limit": "1"}
    first = (await trader.http.get("/data-api/v2/trades", params=query)).json()
    assert first["pagination"]["has_more"] is True
    query["cursor"] = first["pagination"]["next_cursor"]
    second = (await trader.http.get("/data-api/v2/trades", params=query)).json()
    assert second["pagination"]["has_more"] is False
    assert first["data"][0]["size"] == 20.0
    query["condition_id"] = m.condition_id
    public = {"condition_id": m.condition_id}
    tape = (await trader.http.get("/data-api/v2/trades", params=public)).json()["data"]
    assert [row["size"] for row in tape] == [20.0, 20.0]
    positions = (
        await trader.http.get("/data-api/v2/positions", params=query | {"cursor": ""})
    ).json()
    assert positions["data"][0]["current_size"] == 40.0
    wrong = await trader.http.get("/data-api/v2/resolutions", params={"condition_id": "0x12"})
    assert wrong.status_code == 400 and wrong.json()["parameter"] == "condition_id"


async def test_vc211_all_sources_agree_on_a_result_and_orders_are_gone(
    sim: Sim, trader: Client
) -> None:
    m = market()
    show(sim.engine, m, {}, {"0.5": "10"})
    placed = (await trader.post(m.tokens[0], "BUY", "0.4", "10")).json()["orderID"]
    resolve(sim.engine.exchange, m, YES, sim.engine.now() - 5)
    sim.engine.commit()
    order = sim.engine.memory.orders[placed]
    assert (order.status, order.text) == ("canceled", "CANCELED_MARKET_RESOLVED")
    http = trader.http
    legacy = (await http.get(f"/markets/{m.condition_id}")).json()
    assert [t["winner"] for t in legacy["tokens"]] == [True, False]
    rows = await http.get("/data-api/v2/resolutions", params={"condition_id": m.condition_id})
    assert rows.json()["data"][0]["payouts"] == [1_000_000, 0]
    missing = await http.get("/book", params={"token_id": m.tokens[0]})
    assert missing.status_code == 404
    assert missing.json() == {"error": "No orderbook exists for the requested token id"}
    refused = await trader.post(m.tokens[0], "BUY", "0.4", "10")
    assert refused.json() == {"error": f"the orderbook {m.tokens[0]} does not exist"}


async def test_vc211_fifty_fifty_disputes_and_disagreeing_sources(sim: Sim, trader: Client) -> None:
    m = market()
    show(sim.engine, m, {}, {"0.5": "10"})
    http = trader.http
    named = {"condition_id": m.condition_id}
    perform(sim.engine, Fault(name="dispute", match=named), sim.engine.now())
    row = (await http.get("/gamma/markets/1")).json()
    assert (row["umaResolutionStatus"], row["closed"]) == ("disputed", False)
    perform(sim.engine, Fault(name="gamma_late", count=0), sim.engine.now())
    halves = Fault(name="resolve", args={"payouts": ["0.5", "0.5"]}, match=named)
    perform(sim.engine, halves, sim.engine.now() - 5)
    assert (await http.get("/gamma/markets/1")).json()["closed"] is False
    legacy = (await http.get(f"/markets/{m.condition_id}")).json()
    assert legacy["closed"] and legacy["is_50_50_outcome"]
    assert not any(token["winner"] for token in legacy["tokens"])
    query = {"condition_id": m.condition_id}
    rows = (await http.get("/data-api/v2/resolutions", params=query)).json()["data"]
    assert rows[0]["was_disputed"] and rows[0]["payouts"] == [500_000, 500_000]


async def test_vc211_gamma_may_list_a_market_that_the_clob_does_not_know_yet(
    sim: Sim, trader: Client
) -> None:
    m = market()
    show(sim.engine, m, {}, {"0.5": "10"})
    fault = Fault(
        name="hide_market", match={"condition_id": m.condition_id}, args={"where": "clob"}
    )
    perform(sim.engine, fault, sim.engine.now())
    assert (await trader.http.get("/gamma/markets/1")).status_code == 200
    assert (await trader.http.get(f"/clob-markets/{m.condition_id}")).status_code == 404
    refused = await trader.post(m.tokens[0], "BUY", "0.5", "10", "FAK")
    assert "not yet ready" in refused.text


def redeem(engine: Engine, wallet: str, condition: str) -> Any:
    data = "0x" + REDEEM_CTF + "0" * 128 + condition.removeprefix("0x")
    account = engine.memory.account(wallet)
    return chain.submit(engine, account, [("0xadapter", data)], engine.now())


@pytest.mark.parametrize(
    ("fault", "state", "usd"),
    [
        ("", "STATE_CONFIRMED", "1010"),
        ("redeem_reverts", "STATE_FAILED", "990"),
        ("redeem_not_ready", "STATE_FAILED", "990"),
        ("redeem_pays_zero", "STATE_CONFIRMED", "990"),
        ("redeem_done", "STATE_CONFIRMED", "1010"),
        ("relayer_stuck", "STATE_NEW", "990"),
    ],
)
async def test_vc350_to_vc355_redemption_pays_once_and_the_cached_balance_lags(
    sim: Sim, trader: Client, fault: str, state: str, usd: str
) -> None:
    """R1, R3: reverts, not ready, pays nothing, already done."""
    engine, m = sim.engine, market()
    show(engine, m, {}, {"0.5": "100"})
    await trader.post(m.tokens[0], "BUY", "0.5", "10", "FAK")
    account = engine.memory.account(trader.wallet)
    await eventually(lambda: account.tokens)
    resolve(engine.exchange, m, YES, engine.now())
    if fault:
        engine.faults.add(Fault(name=fault), engine.now())
    sent = redeem(engine, trader.wallet, m.condition_id)
    wanted = 1 if fault == "relayer_stuck" else 0
    await eventually(lambda: len(sent.steps) == 0 or wanted)
    assert (sent.state, account.usd) == (state, micro(usd))
    query = {"asset_type": "COLLATERAL", "signature_type": "2"}
    cached = (await trader.send("GET", "/balance-allowance", query=query)).json()["balance"]
    assert cached == str(micro("990"))
    await trader.send("GET", "/balance-allowance/update", query=query)
    fresh = (await trader.send("GET", "/balance-allowance", query=query)).json()["balance"]
    assert fresh == str(account.usd)
    again = redeem(engine, trader.wallet, m.condition_id)
    await eventually(lambda: not again.steps or wanted)
    assert len(engine.memory.redemptions) <= 1
    assert ledger(engine)["checks"] == []


async def test_redeeming_before_the_result_reverts(sim: Sim, trader: Client) -> None:
    m = market()
    show(sim.engine, m, {}, {"0.5": "100"})
    sent = redeem(sim.engine, trader.wallet, m.condition_id)
    await eventually(lambda: not sent.steps)
    assert sent.state == "STATE_FAILED" and "result for condition" in sent.error


async def test_vc212_site_and_small_reads_answer(sim: Sim, trader: Client) -> None:
    m = market()
    show(sim.engine, m, {"0.4": "10"}, {"0.5": "10"})
    http, token = trader.http, {"token_id": m.tokens[0]}

    async def get(path: str, **query: str) -> Any:
        answer = await http.get(path, params=token | query)
        assert answer.status_code == 200, path
        return answer.json()

    assert (await get("/site/api/geoblock"))["blocked"] is False
    assert await get("/version") == {"version": 2}
    assert abs(await get("/time") - sim.engine.now() // 1000) <= 1
    assert await get("/midpoint") == {"mid": "0.45"}
    assert await get("/spread") == {"spread": "0.1"}
    assert await get("/price", side="BUY") == {"price": "0.4"}
    assert await get("/last-trade-price") == {"price": "0.5", "side": ""}
    assert await get("/tick-size") == {"minimum_tick_size": 0.01}
    assert await get("/neg-risk") == {"neg_risk": False}
    wanted = [{"token_id": m.tokens[0]}, {"token_id": "404"}]
    books = (await http.post("/books", json=wanted)).json()
    assert [book["asset_id"] for book in books] == [m.tokens[0]]
    many = await http.post("/books", json=[{"token_id": "1"}] * 501)
    assert many.json() == {"error": "Payload exceeds the limit"}


async def test_fees_in_shares_keep_the_books_straight() -> None:
    """G4: a venue that takes a buy's fee in shares instead of dollars."""
    config = SimConfig(source="none", mined_ms=10, confirmed_ms=20, fee_in_shares=True)
    async with running(config) as sim:
        client = await Client(sim).login()
        account = sim.engine.fund(client.wallet, micro("100"))
        show(sim.engine, market(rate="0.07"), {}, {"0.5": "100"})
        await client.post(market().tokens[0], "BUY", "0.5", "50", "FAK")
        await eventually(lambda: account.tokens)
        assert account.usd == micro("50")
        assert account.tokens[market().tokens[0]] == micro("100") - micro("3.5")
        assert ledger(sim.engine)["checks"] == []
        await client.close()


def test_cursor_text_is_that_of_the_venue() -> None:
    assert base64.b64encode(b"0") == b"MA==" and base64.b64encode(b"-1") == b"LTE="
