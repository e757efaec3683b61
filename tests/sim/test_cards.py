"""No card without a test, no test without a card, no fault without a card; junk breaks nothing."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from sim.acts import perform
from sim.faults import ACTS, CATALOGUE, WINDOWS, Fault
from sim.judge import ledger
from sim.server import Sim
from sim.units import micro
from tests.sim.client import Client, market, show
from tests.waiting import eventually

HERE = Path(__file__).parent
CONTRACT = (HERE.parents[1] / "docs" / "venue-contract.md").read_text()
RANGE = re.compile(r"vc(\d{3})(?:_to_vc(\d{3}))?")


def cards_of_tests() -> set[int]:
    """Return the card numbers in the names of this folder's tests."""
    found: set[int] = set()
    for file in HERE.glob("test_*.py"):
        for name in re.findall(r"def (test_\w+)", file.read_text()):
            for first, last in RANGE.findall(name):
                found.update(range(int(first), int(last or first) + 1))
    return found


def test_every_card_has_a_test_and_every_test_a_card() -> None:
    cards = {int(number) for number in re.findall(r"^\| VC-(\d{3}) ", CONTRACT, re.MULTILINE)}
    assert cards - cards_of_tests() == set()
    assert cards_of_tests() - cards == set()


def test_every_fault_is_on_a_card() -> None:
    named = set(re.findall(r"`(\w+)`", CONTRACT))
    assert (set(CATALOGUE) | set(WINDOWS) | set(ACTS)) - named == set()


async def test_vc343_a_tick_change_makes_the_old_price_grid_wrong(trader: Client) -> None:
    m = market()
    show(trader.sim.engine, m, {}, {"0.5": "10"})
    assert "tick size rule" in (await trader.post(m.tokens[0], "BUY", "0.455", "10")).text
    named = {"condition_id": m.condition_id}
    change = Fault(name="tick_change", match=named, args={"tick": "0.001"})
    perform(trader.sim.engine, change, trader.sim.engine.now())
    placed = await trader.post(m.tokens[0], "BUY", "0.455", "10")
    assert placed.json()["status"] == "live"
    with pytest.raises(ValueError, match="expected match.condition_id of a known market"):
        perform(trader.sim.engine, Fault(name="dispute"), trader.sim.engine.now())
    with pytest.raises(ValueError, match="expected payouts that add up to 1"):
        wrong = Fault(name="resolve", match=named, args={"payouts": ["1", "1"]})
        perform(trader.sim.engine, wrong, trader.sim.engine.now())


JUNK: list[Any] = [None, 1, "x", [], [1], [[]], {}, {"order": 1}, {"order": {}}, {"orderID": 1},
        {"market": []}, {"heartbeat_id": 7}, {"type": "SAFE"}, {"method": 1}]  # fmt: skip
SPOILT: list[Any] = [None, "", "x", -1, 0, [], 10**40]
PATHS = [
    ("POST", "/order"), ("POST", "/orders"), ("DELETE", "/order"), ("DELETE", "/orders"),
    ("DELETE", "/cancel-market-orders"), ("POST", "/v1/heartbeats"), ("POST", "/books"),
    ("POST", "/prices"), ("POST", "/relayer/submit"), ("POST", "/rpc"), ("POST", "/auth/api-key"),
]  # fmt: skip
QUERIES = [
    "/data/trades?after=x", "/data/orders?next_cursor=!!", "/balance-allowance?asset_type=9",
    "/balance-allowance?signature_type=9", "/gamma/markets/keyset?limit=x",
    "/gamma/markets/keyset?after_cursor=x", "/gamma/markets/keyset?end_date_min=x",
    "/data-api/v2/trades?cursor=x", "/data-api/v2/positions?filter_amount=x", "/book",
    "/data/order/", "/relayer/transaction?id=1", "/relayer/nonce?type=9", "/nothing",
]  # fmt: skip


async def test_vc401_requests_of_any_shape_get_an_answer_below_500(
    sim: Sim, trader: Client
) -> None:
    show(sim.engine, market(), {}, {"0.5": "10"})
    for method, path in PATHS:
        for body in JUNK:
            answer = await trader.send(method, path, body)
            assert answer.status_code < 500, (path, body)
    for path in QUERIES:
        query = dict(part.split("=") for part in path.partition("?")[2].split("&") if part)
        answer = await trader.send("GET", path.partition("?")[0], query=query)
        assert answer.status_code < 500, path
    assert ledger(sim.engine)["checks"] == [] and not sim.engine.memory.orders


async def test_vc401_spoiled_orders_are_refused_and_leave_nothing(sim: Sim, trader: Client) -> None:
    m = market()
    show(sim.engine, m, {}, {"0.5": "10"})
    good = trader.order(m.tokens[0], "BUY", "0.5", "10", "FAK")
    for name in good["order"]:
        for value in SPOILT:
            bad = json.loads(json.dumps(good))
            if bad["order"][name] == value or (name, value) == ("expiration", 0):
                continue
            bad["order"][name] = value
            answer = await trader.send("POST", "/order", bad)
            assert 400 <= answer.status_code < 500, (name, value, answer.text)
    assert not [o for o in sim.engine.memory.orders.values() if o.status != "killed"]
    assert (await trader.send("POST", "/order", good)).json()["status"] == "matched"
    await eventually(lambda: sim.engine.memory.account(trader.wallet).tokens)
    assert sim.engine.memory.account(trader.wallet).usd == micro("995")
    assert ledger(sim.engine)["checks"] == []
