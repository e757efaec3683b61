"""ops/alerting/reporter.py: trades entered and ended are told, from committed facts alone."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from domain.market import Mode
from ops.alerting.reporter import Reporter
from store.alerts import Alerts
from store.desk_news import Untold
from tests.ops.traded import AT, Morning


def reporter(pool: Any, minutes: int) -> Reporter:
    later = AT + timedelta(minutes=minutes)
    return Reporter(Mode.PAPER, Untold(pool), Alerts(pool), lambda: later)


async def test_neither_a_touch_nor_an_order_is_news(pool: Any) -> None:
    """XD-8: the original told of signals; only fills are told."""
    morning = Morning(pool)
    await morning.fund()
    await morning.touch("a")
    await morning.order("a")
    assert await reporter(pool, 1).report() == 0


async def test_an_entry_and_an_ending_are_told_once_and_labelled(pool: Any) -> None:
    morning = Morning(pool)
    await morning.fund()
    await morning.buy("a")
    assert await reporter(pool, 1).report() == 1
    assert await reporter(pool, 2).report() == 0
    await morning.settle("a")
    assert await reporter(pool, 16).report() == 1
    assert await reporter(pool, 17).report() == 0
    ended, entered = await Alerts(pool).recent(AT)
    assert entered.mode is ended.mode is Mode.PAPER
    assert entered.title == "A trade was entered"
    assert "Bought 10 shares at 0.96 for $9.60." in entered.text
    assert ended.title == "A trade ended: +$0.38"
    assert "It paid 1 a share. Profit +$0.38, fees of $0.02 included." in ended.text


async def test_what_happened_while_nobody_looked_for_hours_is_not_told(pool: Any) -> None:
    await Morning(pool).whole()
    assert await reporter(pool, 120).report() == 0
