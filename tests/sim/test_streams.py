"""Both sockets: cards VC-104, VC-105 and the stream faults VC-32x."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from sim.faults import Fault
from sim.playback import changes_event, tick_event
from sim.resolution import resolve
from sim.server import Sim
from sim.units import micro
from tests.sim.client import Client, market, show
from tests.waiting import eventually
from venue.wire.bookhash import book_hash


@asynccontextmanager
async def market_socket(
    sim: Sim, tokens: list[str], **more: Any
) -> AsyncIterator[ClientConnection]:
    async with connect(sim.urls()["ws_market"], ping_interval=None) as socket:
        await socket.send(json.dumps({"type": "market", "assets_ids": tokens, **more}))
        yield socket


@asynccontextmanager
async def user_socket(client: Client) -> AsyncIterator[ClientConnection]:
    async with connect(client.sim.urls()["ws_user"], ping_interval=None) as socket:
        await socket.send(json.dumps({"type": "user", "auth": client.creds}))
        await eventually(lambda: client.sim.engine.hub.user_lines)
        yield socket


async def frame(socket: ClientConnection) -> Any:
    return json.loads(await socket.recv())


def plan(sim: Sim, name: str, **given: Any) -> None:
    sim.engine.faults.add(Fault(name=name, **given), sim.engine.now())


async def test_vc104_the_first_frame_is_an_array_with_a_newline_and_the_real_hash(
    sim: Sim, trader: Client
) -> None:
    m = market()
    show(sim.engine, m, {"0.4": "10", "0.39": "5"}, {"0.5": "7", "0.6": "8"})
    async with market_socket(sim, list(m.tokens)) as socket:
        text = await socket.recv()
    assert isinstance(text, str) and text.endswith("]\n")
    yes, no = json.loads(text)
    rest = (await trader.http.get("/book", params={"token_id": m.tokens[0]})).json()
    assert rest["hash"] == yes["hash"] == book_hash(rest)
    assert [level["price"] for level in yes["asks"]] == ["0.6", "0.5"]
    assert [level["price"] for level in no["bids"]] == ["0.4", "0.5"]
    assert yes["event_type"] == "book" and "min_order_size" not in yes


async def test_vc104_text_ping_is_answered_by_text_pong(sim: Sim) -> None:
    show(sim.engine, market(), {}, {"0.5": "7"})
    async with market_socket(sim, [market().tokens[0]]) as socket:
        await socket.recv()
        await socket.send("PING")
        assert await socket.recv() == "PONG"


async def test_vc104_changes_carry_both_tokens_and_the_best_prices(sim: Sim) -> None:
    m = market()
    show(sim.engine, m, {"0.4": "10"}, {"0.5": "7"})
    async with market_socket(sim, [m.tokens[0]], custom_feature_enabled=True) as socket:
        await socket.recv()
        changes_event(sim.engine, m, [("A", micro("0.45"), micro("3"))], sim.engine.now())
        sim.engine.commit()
        change = await frame(socket)
        yes, no = change["price_changes"]
        assert (yes["side"], yes["price"], yes["size"], yes["best_ask"]) == (
            "SELL", "0.45", "3", "0.45",
        )  # fmt: skip
        assert (no["side"], no["price"], no["best_bid"]) == ("BUY", "0.55", "0.55")
        best = await frame(socket)
        assert (best["event_type"], best["best_ask"], best["spread"]) == (
            "best_bid_ask", "0.45", "0.05",
        )  # fmt: skip


async def test_vc104_only_opted_in_sockets_hear_of_resolution(sim: Sim) -> None:
    m = market()
    show(sim.engine, m, {"0.4": "10"}, {"0.5": "7"})
    async with (
        market_socket(sim, [m.tokens[0]]) as plain,
        market_socket(sim, [m.tokens[0]], custom_feature_enabled=True) as custom,
    ):
        for socket in (plain, custom):
            await socket.recv()
        tick_event(sim.engine, m, 1_000, sim.engine.now())
        resolve(sim.engine.exchange, m, (1_000_000, 0), sim.engine.now())
        sim.engine.commit()
        for socket in (plain, custom):
            change = await frame(socket)
            assert (change["old_tick_size"], change["new_tick_size"]) == ("0.01", "0.001")
        assert (await frame(custom))["winning_outcome"] == "Yes"
        await plain.send("PING")
        assert await plain.recv() == "PONG"


async def test_vc105_more_than_500_assets_get_no_dump(sim: Sim) -> None:
    m = market()
    show(sim.engine, m, {}, {"0.5": "7"})
    tokens = [str(number) for number in range(500)] + [m.tokens[0]]
    async with market_socket(sim, tokens) as socket:
        await socket.send("PING")
        assert await socket.recv() == "PONG"


async def test_vc104_a_wrong_key_closes_the_user_socket(sim: Sim, trader: Client) -> None:
    async with connect(sim.urls()["ws_user"]) as socket:
        wrong = {**trader.creds, "passphrase": "no"}
        await socket.send(json.dumps({"type": "user", "auth": wrong}))
        with pytest.raises(ConnectionClosed):
            await socket.recv()


async def test_vc104_a_trade_passes_through_all_its_states(trader: Client) -> None:
    m = market()
    show(trader.sim.engine, m, {}, {"0.5": "7"})
    async with user_socket(trader) as socket:
        await trader.post(m.tokens[0], "BUY", "0.5", "3", "FAK")
        seen = [await frame(socket) for _ in range(5)]
    assert [f.get("type") for f in seen[:3]] == ["PLACEMENT", "TRADE", "UPDATE"]
    statuses = [f["status"] for f in seen if f["event_type"] == "trade"]
    assert statuses == ["MATCHED", "MINED", "CONFIRMED"]
    assert {f["id"] for f in seen if f["event_type"] == "trade"} == {seen[1]["id"]}
    assert seen[1]["size"] == "6" and seen[1]["trader_side"] == "TAKER"


async def test_vc326_a_fok_kill_arrives_as_the_raw_frame_with_empty_texts(trader: Client) -> None:
    m = market()
    show(trader.sim.engine, m, {}, {"0.5": "7"})
    async with user_socket(trader) as socket:
        await trader.post(m.tokens[0], "BUY", "0.5", "30", "FOK")
        killed = await frame(socket)
    assert (killed["size_matched"], killed["created_at"], killed["outcome"]) == ("", "", "")
    assert killed["status"].startswith("CANCELED_order couldn't be fully filled.")


async def test_vc320_a_stalled_market_socket_is_silent_but_answers_pong(sim: Sim) -> None:
    m = market()
    show(sim.engine, m, {}, {"0.5": "7"})
    async with market_socket(sim, [m.tokens[0]]) as socket:
        await socket.recv()
        plan(sim, "market_stall", count=0, window_s=60)
        changes_event(sim.engine, m, [("A", micro("0.45"), micro("3"))], sim.engine.now())
        sim.engine.commit()
        await socket.send("PING")
        assert await socket.recv() == "PONG"
        sim.engine.faults.clear()
        changes_event(sim.engine, m, [("A", micro("0.46"), micro("3"))], sim.engine.now())
        sim.engine.commit()
        assert (await frame(socket))["price_changes"][0]["price"] == "0.46"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("user_missing", ["MINED", "CONFIRMED"]),
        ("user_duplicate", ["MATCHED", "MATCHED", "MINED", "CONFIRMED"]),
        ("user_delayed", ["MINED", "CONFIRMED", "MATCHED"]),
        ("user_prefixed", ["TRADE_STATUS_MATCHED", "MINED", "CONFIRMED"]),
    ],
)
async def test_vc322_to_vc325_trade_frames_go_missing_twice_late_or_renamed(
    trader: Client, name: str, expected: list[str]
) -> None:
    m = market()
    show(trader.sim.engine, m, {}, {"0.5": "7"})
    wanted = {} if name == "user_prefixed" else {"event_type": "trade", "status": "MATCHED"}
    plan(trader.sim, name, match=wanted, args={"delay_s": 600})
    seen: list[str] = []
    async with user_socket(trader) as socket:
        await trader.post(m.tokens[0], "BUY", "0.5", "3", "FAK")
        while len(seen) < len(expected):
            if name == "user_delayed" and len(seen) == 2:
                trader.sim.engine.hub.release(trader.sim.engine.now() + 601_000)
            event = await frame(socket)
            if event["event_type"] == "trade":
                seen.append(event["status"])
    assert seen == expected


async def test_vc327_and_vc328_milliseconds_and_unknown_or_broken_frames(trader: Client) -> None:
    sim, m = trader.sim, market()
    show(sim.engine, m, {}, {"0.5": "7"})
    plan(sim, "user_created_ms")
    plan(sim, "unknown_event")
    plan(sim, "malformed_frame")
    async with user_socket(trader) as user, market_socket(sim, [m.tokens[0]]) as socket:
        await socket.recv()
        await trader.post(m.tokens[0], "BUY", "0.4", "10")
        assert len((await frame(user))["created_at"]) == 13
        assert (await frame(socket))["event_type"] == "price_change"
        assert (await frame(socket))["event_type"] == "weather_report"
        with pytest.raises(ValueError, match="Expecting value"):
            json.loads(await socket.recv())


async def test_vc321_dropped_sockets_close(trader: Client) -> None:
    sim, m = trader.sim, market()
    show(sim.engine, m, {}, {"0.5": "7"})
    async with market_socket(sim, [m.tokens[0]]) as socket:
        await socket.recv()
        assert sim.engine.hub.drop("market") == 1
        with pytest.raises(ConnectionClosed):
            await socket.recv()
    await eventually(lambda: not sim.engine.hub.market_lines)
