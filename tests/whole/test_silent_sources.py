"""The services that tell results are silent: what the CLOB alone can do goes on."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from activities import holding
from domain.market import Mode
from domain.orders import Leg
from domain.trade import Stage
from store.orders import Orders
from tests.house import House
from tests.whole.conftest import Opener
from tests.whole.test_alerts import raised
from tests.whole.test_paths import in_stage
from venue.errors import Drift, Unknown, VenueError
from workflows.messages import ExitNow
from workflows.trade import TradeWorkflow

EXITS = ("exits.min_hold=0s", "exits.target=none", "exits.stop=0.90", "exits.stop_readings=1")


async def silent(house: House, error: VenueError | None) -> Any:
    """Return a trade that holds shares while nobody tells the result of its market."""
    shown = house.market()
    trade = await house.trade(house.touch(shown))
    await in_stage(trade, Stage.HOLDING)

    async def asked(condition_id: str) -> Any:
        if error is None:
            await asyncio.Event().wait()
        raise error or AssertionError

    house.desk.venue.resolution = asked  # type: ignore[method-assign]  # just here
    return shown, trade


async def sold(house: House, trade: Any) -> None:
    result = await asyncio.wait_for(trade.result(), 60)
    legs = [o.intent.leg for o in await Orders(house.desk.pool).of_workflow(trade.id)]
    assert (result.ending, legs) == (Stage.SETTLED, [Leg.ENTRY, Leg.EXIT])
    assert (await house.judge()).profit_difference_usd == 0


@pytest.mark.parametrize("error", [Unknown("503 of the indexer"), None])
async def test_a_stop_sells_although_nobody_tells_whether_the_market_is_over(
    houses: Opener, error: VenueError | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(holding, "ASKED_FOR", 0.2)
    async with houses(*EXITS) as house:
        shown, trade = await silent(house, error)
        house.show(shown, {"0.88": "500"}, {"0.89": "500"})
        await sold(house, trade)


async def test_a_result_outside_the_contract_is_told_and_the_stop_sells(houses: Opener) -> None:
    async with houses(*EXITS) as house:
        shown, trade = await silent(house, Drift("expected 'payouts', was a list"))
        house.show(shown, {"0.88": "500"}, {"0.89": "500"})
        await sold(house, trade)
        assert f"resolution-drift:{Mode.PAPER}:{shown.condition_id}" in await raised(house)


async def test_a_person_sells_although_the_result_cannot_be_asked_for(houses: Opener) -> None:
    async with houses("exits.target=none", "exits.stop=none") as house:
        _, trade = await silent(house, Unknown("503 of the indexer"))
        await trade.execute_update(TradeWorkflow.exit_now, ExitNow(who="ann", why="news"))
        await sold(house, trade)
