"""Synthetic markets: repeatable, sane at every step, with every way to end."""

from __future__ import annotations

import pytest

from sim import synthetic, tape
from sim.config import SimConfig
from sim.engine import Engine
from sim.journal import Forgetful
from sim.memory import Memory
from sim.playback import Playback
from sim.units import ONE

CONFIG = SimConfig(source="synthetic", synthetic_markets=48, synthetic_minutes=2, seed=7)


def test_the_same_seed_makes_the_same_markets_and_another_does_not() -> None:
    assert synthetic.build(CONFIG) == synthetic.build(CONFIG)
    other = CONFIG.model_copy(update={"seed": 8})
    assert synthetic.build(other)[1] != synthetic.build(CONFIG)[1]


def test_every_kind_occurs_and_every_market_ends() -> None:
    header, events = synthetic.build(CONFIG)
    kinds = {market.slug.split("-")[1] for market in header.markets}
    assert kinds == set(synthetic.KINDS)
    ends = [event for event in events if isinstance(event, tape.Resolve)]
    assert sorted(event.market for event in ends) == list(range(48))
    assert {event.payouts for event in ends} == {(ONE, 0), (0, ONE), (ONE // 2, ONE // 2)}
    assert any(isinstance(event, tape.Dispute) for event in events)
    early = [e for e in ends if header.markets[e.market].slug.startswith("synthetic-early")]
    assert all(e.at < header.markets[e.market].end_ms - header.first_ms for e in early)


@pytest.mark.parametrize("seed", range(3))
def test_books_are_never_crossed_and_the_tape_plays_to_its_end(seed: int) -> None:
    config = CONFIG.model_copy(update={"seed": seed, "synthetic_minutes": 1.0})
    engine = Engine(Memory(Forgetful()), config, clock=lambda: 1_000_000)
    source = Playback(engine, *synthetic.build(config))
    source.begin(1_000_000)
    for offset in range(0, source.span_ms + 1000, 1000):
        source.play(offset, 1_000_000 + offset)
        for book in engine.exchange.books.values():
            best = book.best("B"), book.best("A")
            assert best[0] is None or best[1] is None or best[0] < best[1]
    assert source.position.done and all(market.closed for market in source.markets)
