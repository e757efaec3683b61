"""workflows/holding.py: what the books lost is told, waited for, and never taken for sold."""

from __future__ import annotations

from activities.messages import HoldView, News
from domain.money import shares
from domain.trade import Stage
from tests.fakes.desk import Desk
from tests.waiting import eventually
from tests.workflows.conftest import Floor


async def test_a_position_that_the_books_lost_is_told_and_never_settled(
    floor: Floor, desk: Desk
) -> None:
    lost = HoldView(news=News.LOST, reason="the books do not know this position")
    desk.views = [lost] * 3
    trade = await floor.start()

    async def told() -> bool:
        return [a.key.partition(":")[0] for a in desk.alerts] == ["position-lost"] * 3

    await eventually(told, within=60)
    assert "10 shares" in desk.alerts[0].text
    result = await trade.result()  # then the books know it again
    assert (result.ending, result.shares) == (Stage.SETTLED, shares(10))


async def test_a_trade_whose_position_is_lost_can_be_abandoned_with_the_shares_it_knows(
    floor: Floor, desk: Desk
) -> None:
    desk.views = [HoldView(news=News.LOST, reason="the books do not know this position")] * 1000
    trade = await floor.start()

    async def told() -> bool:
        return bool(desk.alerts)

    await eventually(told, within=60)
    await trade.cancel()
    result = await trade.result()
    assert (result.ending, result.shares) == (Stage.ABANDONED, shares(10))
