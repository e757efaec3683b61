"""Mirror: a second sim is the upstream; fills are never better than its books allow."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from functools import partial

import pytest
import pytest_asyncio

from sim.config import SimConfig
from sim.mirror import Mirror, MirrorError, market_of, payouts_of
from sim.mirror_frames import apply
from sim.playback import print_event
from sim.resolution import resolve
from sim.server import Sim, running
from sim.tape import Print
from sim.units import micro, text
from tests.sim.client import Client, market, show
from tests.waiting import eventually


@pytest_asyncio.fixture
async def mirror(sim: Sim) -> AsyncIterator[Sim]:
    """A sim that mirrors the sim of the fixture."""
    show(sim.engine, market(rate="0.07"), {"0.4": "10"}, {"0.5": "10"})
    urls = sim.urls()
    config = SimConfig(
        source="mirror",
        mirror_clob=urls["clob"],
        mirror_ws=urls["ws_market"],
        mirror_gamma=urls["gamma"],
        mined_ms=20,
        confirmed_ms=40,
    )
    async with running(config) as copy:
        source = copy.source
        assert isinstance(source, Mirror)
        await eventually(source.live.is_set)
        yield copy


def asks(sim: Sim) -> list[tuple[str, str]]:
    book = sim.engine.exchange.books[market().condition_id]
    return [(text(price), text(size)) for price, size in book.levels("A")]


def arrived(sim: Sim, marker: int) -> bool:
    return asks(sim)[-1:] == [(f"0.{marker}", "9999")]


async def test_vc410_the_mirror_lists_the_same_market_with_its_fee_and_book(
    sim: Sim, mirror: Sim
) -> None:
    copied = mirror.engine.exchange.markets[market().condition_id]
    assert copied.tokens == market().tokens and str(copied.fee_rate) == "0.07"
    await eventually(lambda: asks(mirror) == asks(sim) == [("0.5", "10")])


async def test_vc410_fills_are_never_better_than_the_upstream_book_allows(
    sim: Sim, mirror: Sim
) -> None:
    """Sixty seeded books; against each, more orders than it has depth."""
    chance = random.Random(5)
    client = await Client(mirror).login()
    mirror.engine.fund(client.wallet, micro("1000000"))
    m, marker = market(), 1
    for _ in range(60):
        best = chance.randrange(20, 80)
        depth = {f"0.{best + i:02d}": str(chance.randrange(5, 50)) for i in range(3)}
        marker = 98 if marker == 97 else 97  # a level nobody touches says the book has arrived
        show(sim.engine, m, {f"0.{best - 2:02d}": "10"}, depth | {f"0.{marker}": "9999"})
        await eventually(partial(arrived, mirror, marker))
        limit = best + chance.randrange(4)
        bought = 0
        for _ in range(3):
            answer = await client.post(m.tokens[0], "BUY", f"0.{limit:02d}", "20", "FAK")
            if answer.status_code == 200:
                bought += micro(answer.json()["takingAmount"])
        allowed = sum(micro(s) for p, s in depth.items() if micro(p) <= limit * 10_000)
        assert bought <= allowed
    for trade in mirror.engine.memory.trades.values():
        assert trade.taker.price >= 200_000
    assert not sim.engine.memory.orders  # nothing ever reached the upstream
    await client.close()


async def test_vc410_a_resting_order_fills_when_the_upstream_trades_through_it(
    sim: Sim, mirror: Sim
) -> None:
    client = await Client(mirror).login()
    mirror.engine.fund(client.wallet, micro("100"))
    m = market()
    placed = (await client.post(m.tokens[0], "BUY", "0.45", "20")).json()["orderID"]
    order = mirror.engine.memory.orders[placed]
    up = sim.engine
    for price, size in (("0.45", "5"), ("0.44", "7")):  # at the price: others were before us
        print_event(up, up.exchange.markets[m.condition_id],
                    Print(0, 0, micro(price), micro(size), "SELL"), up.now())  # fmt: skip
        up.commit()
    await eventually(lambda: order.matched)
    assert (text(order.matched), text(order.paid)) == ("7", "3.15")
    await client.close()


async def test_vc410_a_lost_upstream_leaves_nothing_to_trade_against(sim: Sim, mirror: Sim) -> None:
    await eventually(lambda: asks(mirror))
    sim.engine.faults.clear()
    sim.engine.hub.drop("market")
    await eventually(lambda: not asks(mirror), every=0.001)
    await eventually(lambda: asks(mirror))  # and it comes back with a fresh dump


async def test_vc410_the_upstreams_result_becomes_ours(sim: Sim, mirror: Sim) -> None:
    up = sim.engine
    resolve(up.exchange, up.exchange.markets[market().condition_id], (0, micro("1")), up.now())
    up.commit()
    ours = mirror.engine.exchange.markets[market().condition_id]
    ours.end_ms = 0
    assert isinstance(mirror.source, Mirror)
    await mirror.source.poll()
    assert ours.payouts == (0, micro("1"))


async def test_a_mirror_without_an_upstream_is_refused() -> None:
    with pytest.raises(MirrorError, match="mirror_clob: expected an upstream URL, was empty"):
        Sim(SimConfig(source="mirror"))


def test_rows_and_frames_that_make_no_sense_are_left_out(sim: Sim) -> None:
    assert market_of({"id": "1"}) is None
    assert market_of({"id": "x", "clobTokenIds": "[1,2]", "outcomes": "[1]"}) is None
    assert payouts_of({"closed": True, "tokens": []}, market()) is None
    assert payouts_of({"closed": False}, market()) is None
    assert payouts_of({"closed": True, "is_50_50_outcome": True}, market()) == (500_000, 500_000)
    for frame in ("", "{", "[1]", '{"event_type":"book"}', '{"event_type":"price_change"}'):
        assert apply(sim.engine, frame) == 0
