"""Our answers have the keys of recorded ones: cards VC-103, VC-104 and VC-106."""

from __future__ import annotations

from typing import Any

from sim.resolution import resolve
from sim.server import Sim
from sim.units import micro
from tests.sim.client import Client, market, show
from tests.sim.test_streams import frame, market_socket, user_socket
from tests.sim.test_wire_vectors import sample
from tests.waiting import eventually

OPTIONAL = {"nr", "cbos", "version", "event_id", "first_entry_at", "extended_review"}


def same(ours: dict[str, Any], theirs: dict[str, Any], *, but: set[str] | None = None) -> None:
    """Compare keys and the kind of each value; `but` may be absent on either side."""
    free = OPTIONAL | (but or set())
    assert set(ours) - free == set(theirs) - free
    for key in set(ours) & set(theirs) - free:
        mine, recorded = ours[key], theirs[key]
        numbers = isinstance(mine, int | float) and isinstance(recorded, int | float)
        assert numbers or None in (mine, recorded) or type(mine) is type(recorded), key


async def test_vc103_posts_and_cancels_look_like_the_recorded_ones(trader: Client) -> None:
    cases = {case["case"]: case["body"] for case in sample("rest_post_order_responses.json")}
    m = market()
    show(trader.sim.engine, m, {}, {"0.5": "100"})
    live = (await trader.post(m.tokens[0], "BUY", "0.4", "10")).json()
    same(live, cases["resting"])
    matched = (await trader.post(m.tokens[0], "BUY", "0.5", "10", "FAK")).json()
    same(matched, cases["matched_async_since_2026_07"])
    killed = (await trader.post(m.tokens[0], "BUY", "0.3", "10", "FAK")).json()
    same(killed, cases["fak_no_match"])
    assert killed["error"] == cases["fak_no_match"]["error"]
    row = (await trader.send("GET", f"/data/order/{live['orderID']}")).json()
    same(row, sample("rest_data_order_by_id.json"))
    trades = (await trader.send("GET", "/data/trades")).json()
    recorded = sample("rest_data_trades_page.json")
    same(trades, recorded)
    same(trades["data"][0], recorded["data"][0])
    same(trades["data"][0]["maker_orders"][0], recorded["data"][0]["maker_orders"][0])


async def test_vc106_catalogue_and_data_rows_look_like_the_recorded_ones(
    sim: Sim, trader: Client
) -> None:
    m = market(rate="0.07")
    show(sim.engine, m, {"0.4": "10"}, {"0.5": "100"})
    http = trader.http
    same((await http.get(f"/clob-markets/{m.condition_id}")).json(),
         sample("rest_clob_market_v1.json"))  # fmt: skip
    await trader.post(m.tokens[0], "BUY", "0.5", "10", "FAK")
    account = sim.engine.memory.account(trader.wallet)
    await eventually(lambda: account.tokens)
    user = {"user": trader.wallet}
    held = (await http.get("/data-api/v2/positions", params=user)).json()
    same(held, sample("data_v2_positions_page.json"))
    same(held["data"][0], sample("data_v2_positions_page.json")["data"][0])
    trades = (await http.get("/data-api/v2/trades", params=user)).json()
    same(trades["data"][0], sample("data_v2_trades_page.json")["data"][0])
    activity = (await http.get("/data-api/v2/activity", params=user)).json()
    same(activity["data"][0], sample("data_v2_activity_rows.json")[0])
    gamma = (await http.get("/gamma/markets/keyset")).json()["markets"][0]
    recorded = sample("gamma_market_v1.json")
    for key in set(gamma) & set(recorded):
        alike = gamma[key] is None or type(gamma[key]) is type(recorded[key])
        assert alike or isinstance(gamma[key], int | float), key
    assert {"clobTokenIds", "outcomes", "endDate", "negRisk", "feeSchedule"} <= set(gamma)
    resolve(sim.engine.exchange, m, (micro("1"), 0), sim.engine.now() - 5)
    legacy = (await http.get(f"/markets/{m.condition_id}")).json()
    same(legacy, sample("rest_clob_legacy_market_resolved.json"))
    query = {"condition_id": m.condition_id}
    result = (await http.get("/data-api/v2/resolutions", params=query)).json()
    same(result["data"][0], sample("data_v2_resolutions.json")["data"][0], but={"question_id"})


async def test_vc104_frames_look_like_the_recorded_ones(trader: Client) -> None:
    sim, m = trader.sim, market()
    show(sim.engine, m, {"0.4": "10"}, {"0.5": "100"})
    async with (
        user_socket(trader) as user,
        market_socket(sim, [m.tokens[0]], custom_feature_enabled=True) as stream,
    ):
        same((await frame(stream))[0], sample("ws_market_book_initial_dump.json")[0])
        await trader.post(m.tokens[0], "BUY", "0.5", "10", "FAK")
        same(await frame(user), sample("ws_user_order_lifecycle.json")[0],
             but={"associate_trades"})  # fmt: skip
        trade, recorded = await frame(user), sample("ws_user_trade_lifecycle.json")[0]
        same(trade, recorded)
        same(trade["maker_orders"][0], recorded["maker_orders"][0])
        same(await frame(stream), sample("ws_market_last_trade_price.json"))
        change, shown = await frame(stream), sample("ws_market_price_change.json")
        same(change, shown)
        same(change["price_changes"][0], shown["price_changes"][0])
        others = {event["event_type"]: event for event in sample("ws_market_other_events.json")}
        resolve(sim.engine.exchange, m, (micro("1"), 0), sim.engine.now())
        sim.engine.commit()
        event = await frame(stream)
        while event["event_type"] != "market_resolved":
            event = await frame(stream)
        same(event, others["market_resolved"])
    async with user_socket(trader) as user:
        n = market(2)
        show(sim.engine, n, {}, {"0.5": "5"})
        await trader.post(n.tokens[0], "BUY", "0.5", "90", "FOK")
        killed = await frame(user)
        while killed["market"] != n.condition_id:
            killed = await frame(user)
        same(killed, sample("ws_user_order_fok_killed_RAW_DROPPED_BY_SDK.json"))
