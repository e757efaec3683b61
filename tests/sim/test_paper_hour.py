"""Paper against a second sim as upstream, in step with an auditor; `bench/paper_hour.py` has the
whole hour."""

from __future__ import annotations

import pytest

from bench.paper_hour import Result, hour
from sim.book import Depth
from sim.fills import Fills
from sim.state import Order


async def short() -> Result:
    return await hour(seed=3, minutes=2)


async def test_vc411_minutes_of_paper_fill_exactly_what_the_upstreams_books_allow() -> None:
    result = await short()
    assert result.better == [] and result.worse == []
    assert result.sound
    assert result.fills > 100 and result.of_resting_orders > 10 and result.cancels


async def test_vc411_depth_that_is_taken_twice_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Depth, "take", lambda self, price, size: None)
    assert (await short()).better


async def test_vc411_a_resting_order_that_fills_too_early_is_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An auditor that let any fill of a resting order pass would be none."""
    real = Fills.hit

    def more(self: Fills, order: Order, shares: int, now_ms: int) -> None:
        real(self, order, order.open_shares, now_ms)

    monkeypatch.setattr(Fills, "hit", more)
    assert (await short()).better
