"""The watchlist: a market that waited is judged by the price of now and bought as its touch was."""

from __future__ import annotations

from domain.decision import Verdict
from domain.money import price
from domain.trade import Stage
from store.decisions import Decisions
from store.orders import Orders
from tests.waiting import eventually
from tests.whole.conftest import Opener
from tests.whole.test_paths import in_stage


async def test_xd7_a_market_on_the_watchlist_is_bought_once_its_score_is_high_enough(
    houses: Opener,
) -> None:
    rules = ("watch.every=1s", "score.floor=0.96", "entry.pay_up_to=touch", "exits.target=none")
    async with houses(*rules) as house:
        shown = house.market()
        house.show(shown, {"0.94": "500"}, {"0.96": "500"})  # the score is the middle: 0.95
        trade = await house.trade(house.touch(shown, at="0.97"))
        await in_stage(trade, Stage.WATCHING)
        house.show(shown, {"0.95": "500"}, {"0.97": "500"})

        async def entered() -> bool:
            rows = await Decisions(house.desk.pool).of_condition(shown.condition_id)
            return any(row.decision.verdict is Verdict.ENTER for row in rows)

        await eventually(entered, within=30)
        await in_stage(trade, Stage.HOLDING)
        (order,) = await Orders(house.desk.pool).of_workflow(trade.id)
        assert order.intent.limit == price("0.97")
