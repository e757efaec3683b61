"""Faults around one order, by name: cards VC-30x and VC-31x."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from sim.acts import perform
from sim.faults import CATALOGUE, Fault
from sim.server import Sim
from sim.units import micro
from tests.sim.client import Client, market, show
from tests.waiting import eventually


def plan(sim: Sim, name: str, **given: Any) -> Any:
    return perform(sim.engine, Fault(name=name, **given), sim.engine.now())


async def ready(client: Client) -> str:
    m = market()
    show(client.sim.engine, m, {"0.4": "100"}, {"0.5": "100"})
    return m.tokens[0]


@pytest.mark.parametrize(
    ("name", "accepted"),
    [("request_lost", False), ("response_lost", True), ("cut_body", True), ("accepted_late", True)],
)
async def test_vc301_to_vc304_lost_requests_and_answers(
    trader: Client, name: str, accepted: bool
) -> None:
    """T1, T2, T3, T4: the client cannot tell them apart, the ledger can."""
    token = await ready(trader)
    body = trader.order(token, "BUY", "0.5", "10", "FAK")
    plan(trader.sim, name, args={"delay_s": 0.1})
    with pytest.raises(httpx.TransportError):
        await trader.send("POST", "/order", body)
    orders = trader.sim.engine.memory.orders
    if not accepted:
        assert not orders
    else:
        await eventually(lambda: orders)
    again = await trader.send("POST", "/order", body)
    assert ("Duplicated" in again.text) is accepted
    assert len(orders) == 1


async def test_vc305_a_stalled_answer_comes_late_but_the_order_is_in(trader: Client) -> None:
    token = await ready(trader)
    plan(trader.sim, "stall", args={"delay_s": 0.2})
    answer = await trader.post(token, "BUY", "0.5", "10", "FAK")
    assert answer.json()["status"] == "matched" and answer.elapsed.total_seconds() >= 0.2


@pytest.mark.parametrize(
    ("name", "status", "text", "accepted"),
    [
        ("error_500", 500, "could not run the execution", False),
        ("error_500_after", 500, "could not run the execution", True),
        ("bad_gateway", 502, "<html>", False),
        ("html_403", 403, "<!DOCTYPE html>", False),
        ("rate_429", 429, "Too Many Requests", False),
        ("rate_429_bare", 429, "Too Many Requests", False),
        ("malformed_json", 200, '"orderID":', True),
        ("empty_body", 200, "", True),
        ("success_false", 200, '"success":false', False),
        ("empty_id", 200, '"orderID":""', False),
        ("duplicated_first", 400, "Duplicated.", False),
        ("key_revoked", 401, "Unauthorized/Invalid api key", False),
        ("version_cutover", 400, "invalid order version", False),
        ("invalid_signature", 400, "invalid signature", False),
        ("market_not_ready", 400, "not yet ready", False),
        ("balance_stale", 400, "not enough balance / allowance", False),
        ("hashes_null", 200, '"transactionsHashes":null', True),
        ("legacy_hashes", 200, '"transactionsHashes":["0x', True),
        ("match_delayed", 400, "order match delayed due to market conditions", True),
    ],
)
async def test_vc306_to_vc312_answers_that_hide_the_truth(
    trader: Client, name: str, status: int, text: str, accepted: bool
) -> None:
    token = await ready(trader)
    plan(trader.sim, name)
    answer = await trader.post(token, "BUY", "0.5", "10", "FAK")
    assert (answer.status_code, text in answer.text) == (status, True)
    assert bool(trader.sim.engine.memory.orders) is accepted
    assert ("Retry-After" in answer.headers) is (name == "rate_429")
    assert (await trader.post(token, "BUY", "0.5", "10", "FAK")).json()["status"] == "matched"


@pytest.mark.parametrize("name", ["hashes_null", "legacy_hashes"])
async def test_the_answer_of_a_resting_order_has_no_trades_to_hide(
    trader: Client, name: str
) -> None:
    token = await ready(trader)
    plan(trader.sim, name)
    answer = await trader.post(token, "BUY", "0.45", "10")
    assert (answer.status_code, answer.json()["status"]) == (200, "live")


async def test_vc307_a_restart_is_425_then_post_only(trader: Client) -> None:
    """H2: all order endpoints refuse, then only post-only orders and cancels pass."""
    sim, token = trader.sim, await ready(trader)
    plan(sim, "restart", window_s=60, args={"post_only_s": 60})
    assert (await trader.post(token, "BUY", "0.45", "10")).status_code == 425
    assert (await trader.send("DELETE", "/cancel-all")).status_code == 425
    assert (await trader.send("GET", "/data/orders")).status_code == 200
    sim.engine.modes.enter("restart", 0)
    refused = await trader.post(token, "BUY", "0.5", "10", "FAK")
    assert (refused.status_code, refused.json()["code"]) == (503, "post_only_mode")
    assert int(refused.headers["Retry-After"]) > 50
    assert (await trader.post(token, "BUY", "0.45", "10", postOnly=True)).status_code == 200
    assert (await trader.send("DELETE", "/cancel-all")).status_code == 200


async def test_vc308_cancel_only_and_disabled(trader: Client) -> None:
    """H4: the two meanings of 503."""
    sim, token = trader.sim, await ready(trader)
    plan(sim, "cancel_only", window_s=60)
    assert "cancel-only" in (await trader.post(token, "BUY", "0.45", "10")).text
    assert (await trader.send("DELETE", "/cancel-all")).status_code == 200
    sim.engine.modes.clear()
    plan(sim, "disabled", window_s=60)
    assert "disabled" in (await trader.post(token, "BUY", "0.45", "10")).text
    assert (await trader.send("DELETE", "/cancel-all")).status_code == 503


async def test_vc309_a_refused_order_may_be_remembered_as_duplicated(trader: Client) -> None:
    token = await ready(trader)
    plan(trader.sim, "duplicate_rejected", count=0)
    body = trader.order(token, "BUY", "0.5", "30", "FAK", owner="x")
    assert "owner" in (await trader.send("POST", "/order", body)).text
    assert "Duplicated." in (await trader.send("POST", "/order", body)).text


@pytest.mark.parametrize(("name", "status"), [("fak_live", "live"), ("delayed", "delayed")])
async def test_vc313_and_vc314_an_order_that_fills_later(
    trader: Client, name: str, status: str
) -> None:
    token = await ready(trader)
    plan(trader.sim, name, args={"delay_s": 600})
    answer = (await trader.post(token, "BUY", "0.5", "10", "FAK")).json()
    assert (answer["status"], answer["makingAmount"]) in ((status, ""), (status, "0"))
    refused = await trader.send("DELETE", "/order", {"orderID": answer["orderID"]})
    assert answer["orderID"] in refused.json()["not_canceled"]
    order = trader.sim.engine.memory.orders[answer["orderID"]]
    assert order.matched == 0
    trader.sim.engine.step(trader.sim.engine.now() + 601_000)
    assert order.matched == micro("20")


async def test_vc315_an_unmatched_order_rests_and_can_be_cancelled(trader: Client) -> None:
    token = await ready(trader)
    plan(trader.sim, "unmatched_resting")
    answer = (await trader.post(token, "BUY", "0.5", "10")).json()
    assert answer["status"] == "unmatched"
    assert len((await trader.send("GET", "/data/orders")).json()["data"]) == 1
    done = await trader.send("DELETE", "/order", {"orderID": answer["orderID"]})
    assert done.json()["canceled"] == [answer["orderID"]]


async def test_vc316_a_cancel_that_loses_the_race_says_already_matched(trader: Client) -> None:
    token = await ready(trader)
    placed = (await trader.post(token, "BUY", "0.45", "10")).json()["orderID"]
    plan(trader.sim, "cancel_race")
    answer = (await trader.send("DELETE", "/order", {"orderID": placed})).json()
    assert answer["not_canceled"] == {placed: "already canceled or matched"}
    trades = (await trader.send("GET", "/data/trades")).json()["data"]
    assert [leg["order_id"] for leg in trades[0]["maker_orders"]] == [placed]
    assert trades[0]["trader_side"] == "MAKER"


async def test_vc317_a_cancel_whose_answer_is_lost_has_cancelled(trader: Client) -> None:
    token = await ready(trader)
    placed = (await trader.post(token, "BUY", "0.45", "10")).json()["orderID"]
    plan(trader.sim, "cancel_ack_lost")
    with pytest.raises(httpx.TransportError):
        await trader.send("DELETE", "/order", {"orderID": placed})
    assert trader.sim.engine.memory.orders[placed].status == "canceled"


@pytest.mark.parametrize(
    ("name", "statuses", "usd"),
    [
        ("settle_fail", {"FAILED"}, "1000"),
        ("settle_retry", {"CONFIRMED"}, "990"),
        ("settle_split", {"CONFIRMED"}, "990"),
        ("settle_split_fail", {"CONFIRMED", "FAILED"}, "995"),
    ],
)
async def test_vc330_to_vc333_settlement_that_fails_retries_or_splits(
    trader: Client, name: str, statuses: set[str], usd: str
) -> None:
    """G1, G2, G4: the chain moves only what settled; a failure is notice type 8."""
    sim, token = trader.sim, await ready(trader)
    plan(sim, name, args={"delay_s": 0.05})
    await trader.post(token, "BUY", "0.5", "10", "FAK")
    trades = sim.engine.memory.trades
    await eventually(lambda: {trade.status for trade in trades.values()} == statuses)
    assert sim.engine.memory.account(trader.wallet).usd == micro(usd)
    rows = (await trader.send("GET", "/data/trades")).json()["data"]
    assert {row["bucket_index"] for row in rows} == ({0, 1} if "split" in name else {0})
    assert len({row["id"] for row in rows}) == 1
    notices = (await trader.send("GET", "/notifications")).json()
    assert {notice["type"] for notice in notices} == ({8} if "FAILED" in statuses else set())


async def test_vc340_a_new_order_may_stay_invisible_for_a_while(trader: Client) -> None:
    token = await ready(trader)
    plan(trader.sim, "order_hidden", args={"delay_s": 600})
    placed = (await trader.post(token, "BUY", "0.45", "10")).json()["orderID"]
    assert (await trader.send("GET", f"/data/order/{placed}")).status_code == 404

    trader.sim.engine.memory.orders[placed].visible_ms -= 600_000
    assert (await trader.send("GET", f"/data/order/{placed}")).status_code == 200


async def test_vc341_funds_withdrawn_under_open_orders_cancel_them(trader: Client) -> None:
    token = await ready(trader)
    placed = (await trader.post(token, "BUY", "0.45", "1000")).json()["orderID"]
    plan(trader.sim, "withdraw", match={"wallet": trader.wallet}, args={"usd": "900"})
    order = trader.sim.engine.memory.orders[placed]
    assert (order.status, order.text) == ("canceled", "CANCELED_NOT_ENOUGH_BALANCE")


async def test_vc342_closed_only_wallets_may_sell_but_not_buy(trader: Client) -> None:
    token = await ready(trader)
    await trader.post(token, "BUY", "0.5", "10", "FAK")
    account = trader.sim.engine.memory.account(trader.wallet)
    await eventually(lambda: account.tokens)
    plan(trader.sim, "close_only", match={"wallet": trader.wallet})
    assert "closed only mode" in (await trader.post(token, "BUY", "0.5", "10", "FAK")).text
    assert (await trader.post(token, "SELL", "0.4", "10", "FAK")).json()["status"] == "matched"
    closed = await trader.send("GET", "/auth/ban-status/closed-only")
    assert closed.json() == {"closed_only": True}


async def test_faults_repeat_with_their_seed_and_end_with_count_and_window(sim: Sim) -> None:
    faults, now = sim.engine.faults, sim.engine.now()

    def hits(seed: int) -> list[bool]:
        faults.clear()
        faults.add(Fault(name="stall", seed=seed, count=0, rate=0.5), now)
        return [faults.hit("stall", now) is not None for _ in range(40)]

    assert hits(1) == hits(1) != hits(2)
    faults.clear()
    faults.add(Fault(name="stall", count=2), now)
    assert [bool(faults.hit("stall", now)) for _ in range(3)] == [True, True, False]
    faults.add(Fault(name="stall", window_s=1), now)
    assert faults.hit("stall", now + 2000) is None
    with pytest.raises(ValueError, match="expected a fault of"):
        faults.add(Fault(name="meteor"), now)
    assert all(CATALOGUE.values())
