"""What is not said, and what moves behind the client's back: VC-203, VC-307, VC-32x, VC-34x."""

from __future__ import annotations

from typing import Any

from sim.acts import perform
from sim.faults import ACTS, CATALOGUE, WINDOWS, Fault
from sim.playback import print_event
from sim.server import Sim
from sim.tape import Print
from sim.units import micro
from tests.sim.client import Client, market, show
from tests.sim.test_cards import HERE
from tests.sim.test_streams import frame, market_socket, user_socket
from tests.waiting import eventually


def plan(sim: Sim, name: str, **given: Any) -> Any:
    done = perform(sim.engine, Fault(name=name, **given), sim.engine.now())
    sim.engine.commit()
    return done


def printed(sim: Sim, price: str) -> None:
    m = sim.engine.exchange.markets[market().condition_id]
    print_event(sim.engine, m, Print(0, 0, micro(price), micro("7"), "BUY"), sim.engine.now())
    sim.engine.commit()


def test_every_fault_is_in_a_test() -> None:
    told = "".join(file.read_text() for file in HERE.glob("test_*.py"))
    assert [n for n in (*CATALOGUE, *WINDOWS, *ACTS) if f'"{n}"' not in told] == []


async def test_vc203_the_cached_balance_follows_an_update_call_alone(trader: Client) -> None:
    plan(trader.sim, "withdraw", match={"wallet": trader.wallet}, args={"usd": "400"})
    query = {"asset_type": "COLLATERAL", "signature_type": "2"}

    async def balance() -> str:
        answer = await trader.send("GET", "/balance-allowance", query=query)
        return str(answer.json()["balance"])

    assert await balance() == "1000000000"
    await trader.send("GET", "/balance-allowance/update", query=query)
    assert await balance() == "600000000"


async def test_vc307_post_only_alone_refuses_what_would_take(trader: Client) -> None:
    token = market().tokens[0]
    show(trader.sim.engine, market(), {}, {"0.5": "10"})
    plan(trader.sim, "post_only", window_s=60)
    assert (await trader.post(token, "BUY", "0.4", "10")).status_code == 503
    assert (await trader.post(token, "BUY", "0.4", "10", postOnly=True)).status_code == 200


async def test_vc320_a_missing_market_frame_is_a_gap_and_no_more(sim: Sim) -> None:
    show(sim.engine, market(), {"0.4": "10"}, {"0.5": "10"})
    async with market_socket(sim, [market().tokens[0]]) as socket:
        await socket.recv()
        plan(sim, "market_missing", match={"event_type": "last_trade_price"})
        printed(sim, "0.41")
        printed(sim, "0.42")
        assert (await frame(socket))["price"] == "0.42"


async def test_vc320_a_stalled_user_socket_is_silent_but_answers_pong(trader: Client) -> None:
    m = market()
    show(trader.sim.engine, m, {}, {"0.5": "10"})
    async with user_socket(trader) as socket:
        plan(trader.sim, "user_stall", window_s=60)
        await trader.post(m.tokens[0], "BUY", "0.4", "10")
        await socket.send("PING")
        assert await socket.recv() == "PONG"
        trader.sim.engine.faults.clear()
        await trader.post(m.tokens[0], "BUY", "0.41", "10")
        assert (await frame(socket))["price"] == "0.41"


async def test_vc321_after_a_reconnect_books_come_anew_and_user_events_do_not(
    trader: Client,
) -> None:
    sim, m = trader.sim, market()
    show(sim.engine, m, {}, {"0.5": "10"})
    async with market_socket(sim, [m.tokens[0]]), user_socket(trader):
        await eventually(lambda: sim.engine.hub.market_lines)
        assert plan(sim, "drop_sockets") == {"done": 2}
        await eventually(lambda: not sim.engine.hub.market_lines | sim.engine.hub.user_lines)
    unheard = (await trader.post(m.tokens[0], "BUY", "0.4", "10")).json()["orderID"]
    async with market_socket(sim, [m.tokens[0]]) as again, user_socket(trader) as user:
        assert (await frame(again))[0]["bids"] == [{"price": "0.4", "size": "10"}]
        heard = (await trader.post(m.tokens[0], "BUY", "0.41", "10")).json()["orderID"]
        assert (await frame(user))["id"] == heard
    open_ = (await trader.send("GET", "/data/orders")).json()["data"]
    assert {row["id"] for row in open_} == {unheard, heard}


async def test_vc328_a_print_may_come_without_size_and_transaction(sim: Sim) -> None:
    """G3."""
    show(sim.engine, market(), {"0.4": "10"}, {"0.5": "10"})
    async with market_socket(sim, [market().tokens[0]]) as socket:
        await socket.recv()
        plan(sim, "print_bare")
        printed(sim, "0.41")
        printed(sim, "0.42")
        bare, whole = await frame(socket), await frame(socket)
    assert whole.keys() - bare.keys() == {"size", "transaction_hash"}


async def test_vc340_a_page_of_trades_may_be_empty_though_there_are_some(trader: Client) -> None:
    m = market()
    show(trader.sim.engine, m, {}, {"0.5": "100"})
    await trader.post(m.tokens[0], "BUY", "0.5", "10", "FAK")
    plan(trader.sim, "trades_hidden")
    counts = [len((await trader.send("GET", "/data/trades")).json()["data"]) for _ in range(2)]
    assert counts == [0, 1]


async def test_vc341_shares_transferred_under_an_open_sale_cancel_it(trader: Client) -> None:
    sim, m = trader.sim, market()
    show(sim.engine, m, {}, {"0.5": "100"})
    await trader.post(m.tokens[0], "BUY", "0.5", "10", "FAK")
    account = sim.engine.memory.account(trader.wallet)
    await eventually(lambda: account.tokens)
    sale = (await trader.post(m.tokens[0], "SELL", "0.9", "20")).json()["orderID"]
    moved = {"token_id": m.tokens[0], "shares": "1"}
    plan(sim, "transfer_tokens", match={"wallet": trader.wallet}, args=moved)
    order = sim.engine.memory.orders[sale]
    assert (order.status, order.text) == ("canceled", "CANCELED_NOT_ENOUGH_BALANCE")


async def test_vc342_a_banned_wallet_is_refused_by_name(trader: Client) -> None:
    m = market()
    show(trader.sim.engine, m, {}, {"0.5": "100"})
    plan(trader.sim, "ban", match={"wallet": trader.wallet})
    refused = await trader.post(m.tokens[0], "BUY", "0.4", "10")
    assert refused.json() == {"error": f"'{trader.wallet}' address banned"}


async def test_vc343_a_proposal_shows_and_the_news_of_a_result_may_never_come(
    trader: Client,
) -> None:
    """R2: the socket is a hint, the sources are the truth."""
    sim, m = trader.sim, market()
    show(sim.engine, m, {"0.4": "10"}, {"0.5": "10"})
    named = {"condition_id": m.condition_id}
    plan(sim, "propose", match=named)
    row = (await trader.http.get(f"/gamma/markets/{m.number}")).json()
    assert (row["umaResolutionStatus"], row["closed"]) == ("proposed", False)
    async with market_socket(sim, [m.tokens[0]], custom_feature_enabled=True) as socket:
        await socket.recv()
        plan(sim, "resolved_missing")
        plan(sim, "resolve", match=named, args={"payouts": ["1", "0"]})
        await socket.send("PING")
        assert await socket.recv() == "PONG"
    legacy = (await trader.http.get(f"/markets/{m.condition_id}")).json()
    assert legacy["closed"] and legacy["tokens"][0]["winner"]
