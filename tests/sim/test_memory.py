"""What the sim remembers over a restart inside one process, and how keys live and die."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from sim import tape, tape_import
from sim.config import SimConfig
from sim.faults import Fault
from sim.judge import ledger
from sim.playback import Playback
from sim.server import Sim, running
from sim.units import micro, text
from tests.sim.client import EOA, KEY, Client
from tests.sim.test_tape import HEADER, MARKET
from tests.waiting import eventually
from venue.wire import eip712


def quiet_tape(path: Path) -> Path:
    """Write a tape whose book stands still for an hour."""
    with tape.Writer(path, HEADER) as writer:
        asks = ((micro("0.5"), micro("20")), (micro("0.6"), micro("50")))
        writer.write(tape.Book(0, 0, ((micro("0.3"), micro("10")),), asks))
        writer.write(tape.Print(10, 0, micro("0.35"), micro("100"), "SELL"))
        writer.write(tape.Resolve(3_600_000, 0, (1_000_000, 0)))
    return path


async def shown(sim: Sim) -> list[tuple[str, str]]:
    book = sim.engine.exchange.books[MARKET.condition_id]
    await eventually(lambda: book.levels("A"))
    return [(text(price), text(size)) for price, size in book.levels("A")]


async def test_vc400_orders_trades_taken_depth_and_keys_survive(tmp_path: Path) -> None:
    config = SimConfig(
        state=tmp_path / "state",
        tape=quiet_tape(tmp_path / "t.jsonl.zst"),
        speed=1,
        lead_ms=0,
        mined_ms=20,
        confirmed_ms=40,
    )
    token = MARKET.tokens[0]
    async with running(config) as first:
        client = await Client(first).login()
        first.engine.fund(client.wallet, micro("100"))
        await shown(first)
        await eventually(lambda: first.source and first.source.position.offset_ms > 100)
        taken = client.order(token, "BUY", "0.5", "8", "FAK")
        assert (await client.send("POST", "/order", taken)).json()["takingAmount"] == "16"
        resting = (await client.post(token, "BUY", "0.4", "10")).json()["orderID"]
        first.engine.faults.add(Fault(name="settle_stuck", args={"delay_s": 0.4}), 0)
        await client.post(token, "BUY", "0.5", "1", "FAK")
        await client.close()
    async with running(config) as second:
        client.sim, client.http = second, httpx.AsyncClient(base_url=second.urls()["clob"])
        assert await shown(second) == [("0.5", "2"), ("0.6", "50")]
        assert "Duplicated" in (await client.send("POST", "/order", taken)).text
        orders = (await client.send("GET", "/data/orders")).json()["data"]
        assert [order["id"] for order in orders] == [resting]
        # the print at 0.35 is history: it must not fill the order that came after it
        assert second.engine.memory.orders[resting].matched == 0
        trades = second.engine.memory.trades
        await eventually(lambda: {trade.status for trade in trades.values()} == {"CONFIRMED"})
        assert ledger(second.engine)["checks"] == []
        await client.close()


async def test_another_tape_starts_from_its_beginning(tmp_path: Path) -> None:
    config = SimConfig(state=tmp_path / "s", tape=quiet_tape(tmp_path / "t.jsonl.zst"), held=True)
    async with running(config) as first:
        assert isinstance(first.source, Playback)
        first.source.play(50, first.engine.now())
        first.engine.commit()
    async with running(config) as second:
        assert second.source is not None and second.source.position.offset_ms == 50
    async with running(config.model_copy(update={"tape": None})) as third:
        assert third.source is not None and third.source.position.offset_ms == 0


async def test_vc101_keys_are_derived_listed_revoked_and_made_anew(
    sim: Sim, trader: Client
) -> None:
    stamp = str(sim.engine.now() // 1000)
    headers = {
        "POLY_ADDRESS": EOA,
        "POLY_SIGNATURE": eip712.sign_auth(EOA, stamp, 0, KEY),
        "POLY_TIMESTAMP": stamp,
        "POLY_NONCE": "0",
    }
    again = await trader.http.post("/auth/api-key", headers=headers)
    assert (again.status_code, again.json()) == (400, {"error": "Could not create api key"})
    derived = await trader.http.get("/auth/derive-api-key", headers=headers)
    assert derived.json() == trader.creds
    keys = (await trader.send("GET", "/auth/api-keys")).json()
    assert keys == {"apiKeys": [trader.creds["apiKey"]]}
    assert (await trader.send("DELETE", "/auth/api-key")).json() == "OK"
    assert (await trader.send("GET", "/auth/api-keys")).status_code == 401
    gone = await trader.http.get("/auth/derive-api-key", headers=headers)
    assert gone.json() == {"error": "Could not derive api key!"}
    new = await trader.http.post("/auth/api-key", headers=headers)
    assert new.json()["apiKey"] != trader.creds["apiKey"]


async def test_vc101_a_clock_that_is_off_by_more_than_five_minutes_is_401(
    sim: Sim, trader: Client
) -> None:
    real = sim.engine.clock
    sim.engine.clock = lambda: real() + 301_000
    headers = dict(trader.http.headers)
    stamp = str(real() // 1000)
    body = eip712.sign_auth(EOA, stamp, 0, KEY)
    late = {"POLY_ADDRESS": EOA, "POLY_SIGNATURE": body, "POLY_TIMESTAMP": stamp}
    assert (await trader.http.get("/auth/derive-api-key", headers=late)).status_code == 401
    assert headers


async def test_vc355_the_relayer_refuses_strangers_old_nonces_and_too_many(
    sim: Sim, trader: Client
) -> None:
    url = "/relayer/submit"
    body = {"from": EOA, "type": "SAFE", "nonce": "7", "signature": "0x" + "11" * 65, "to": EOA,
            "proxyWallet": trader.wallet, "data": "0x",
            "signatureParams": {"operation": "0"}}  # fmt: skip
    assert (await trader.http.post(url, json=body)).status_code == 401
    keyed = {"RELAYER_API_KEY": "k", "RELAYER_API_KEY_ADDRESS": EOA}
    stale = await trader.http.post(url, json=body, headers=keyed)
    assert "batch nonce 7 does not match on-chain nonce 0" in stale.text
    forged = await trader.http.post(url, json=body | {"nonce": "0"}, headers=keyed)
    assert "invalid signature" in forged.text
    sim.engine.faults.add(Fault(name="relayer_quota"), sim.engine.now())
    many = await trader.http.post(url, json=body, headers=keyed)
    assert (many.status_code, many.json()) == (429, {"error": "quota exceeded"})


def row(at: int, bids: dict[float, float], asks: dict[float, float]) -> dict[str, object]:
    return {"market_id": "0xaa", "ts": at, "bid_px": list(bids), "bid_sz": list(bids.values()),
            "ask_px": list(asks), "ask_sz": list(asks.values())}  # fmt: skip


def test_an_import_keeps_differences_uncrosses_books_and_adds_ticks_and_the_result() -> None:
    markets = [{"market_id": "0xaa", "payout_up": 1.0, "payout_down": 0.0}]
    books = [
        row(1_000, {0.4: 10}, {0.5: 20}),
        row(2_000, {0.4: 10, 0.395: 5}, {0.6: 1}),
        row(3_000, {0.7: 1, 0.4: 10, 0.395: 5}, {0.6: 9}),  # crossed: the thinner side yields
    ]
    events = list(tape_import._events(markets, iter(books), 1_000))
    assert events == [
        tape.Book(0, 0, ((400_000, 10_000_000),), ((500_000, 20_000_000),)),
        tape.Tick(1_000, 0, 1_000),
        tape.Changes(
            1_000, 0, (("A", 500_000, 0), ("B", 395_000, 5_000_000), ("A", 600_000, 1_000_000))
        ),
        tape.Changes(2_000, 0, (("A", 600_000, 9_000_000),)),
        tape.Resolve(3_000, 0, (1_000_000, 0)),
    ]
    assert tape_import.token_id("0xaa", 0) != tape_import.token_id("0xaa", 1)


def test_an_import_without_its_files_or_polars_says_so(tmp_path: Path) -> None:
    with pytest.raises((FileNotFoundError, ModuleNotFoundError)):
        tape_import.main(tmp_path, tmp_path / "x")
