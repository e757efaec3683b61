"""Price histories of the CLOB: card VC-212."""

from __future__ import annotations

import asyncio

import httpx
from py_clob_client_v2 import ClobClient
from py_clob_client_v2.clob_types import PricesHistoryParams

from sim.market import Print
from sim.server import Sim
from sim.units import micro
from tests.sim.client import Client, market, show

MINUTE_MS = 60_000


async def test_vc212_price_histories_are_the_last_print_of_each_stretch(
    sim: Sim, trader: Client
) -> None:
    m = market()
    show(sim.engine, m, {"0.4": "10"}, {"0.5": "10"})
    now = sim.engine.now() // MINUTE_MS * MINUTE_MS
    early = now - 2 * MINUTE_MS
    for at, price, outcome in ((early, "0.5", 0), (early + 1000, "0.45", 1), (now, "0.6", 0)):
        m.printed(Print(at, outcome, micro(price), micro("1"), "BUY", "0x"))
    wanted = [{"t": early // 1000 + 1, "p": 0.55}, {"t": now // 1000, "p": 0.6}]

    async def ask(**query: str) -> httpx.Response:
        return await trader.http.get("/prices-history", params=query)

    oracle = ClobClient(sim.urls()["clob"], chain_id=137)
    yes, no = m.tokens
    params = PricesHistoryParams(market=yes, interval="1h", fidelity=1)
    assert await asyncio.to_thread(oracle.get_prices_history, params) == {"history": wanted}
    late = await ask(market=no, startTs=str(now // 1000 - 60), endTs=str(now // 1000))
    assert late.json() == {"history": [{"t": now // 1000, "p": 0.4}]}
    assert (await ask(market=yes, interval="max", fidelity="1440")).json()["history"][-1][
        "p"
    ] == 0.6
    assert (await ask(market="1", interval="1d")).json() == {"history": []}
    unclear: list[dict[str, str]] = [{}, {"market": yes}, {"market": yes, "interval": "2y"}]
    for query in unclear:
        assert (await ask(**query)).status_code == 400
