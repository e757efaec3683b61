"""Alerts that the whole path raises, each by the trouble it is for."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

from domain.money import shares
from domain.orders import Fill
from domain.trade import Stage
from store.alerts import Alert, Alerts, Priority
from tests.house import House
from tests.waiting import eventually
from tests.whole.conftest import Opener
from tests.whole.test_paths import in_stage
from workflows.messages import Reject
from workflows.trade import TradeWorkflow


async def raised(house: House) -> dict[str, Alert]:
    found = await Alerts(house.desk.pool).recent(datetime(2020, 1, 1, tzinfo=UTC))
    return {alert.key: alert for alert in found}


async def test_a_question_reaches_a_person_with_the_command_that_answers_it(houses: Opener) -> None:
    async with houses("approval.required=always") as house:
        trade = await house.trade(house.touch(house.market()))
        await in_stage(trade, Stage.AWAITING_APPROVAL)
        (alert,) = (await raised(house)).values()
        assert alert.key.startswith(f"approval:{trade.id}:") and alert.priority is Priority.HIGH
        assert f"touchline approve {trade.id}" in alert.text
        await trade.execute_update(TradeWorkflow.reject, Reject(who="ann"))
        assert (await asyncio.wait_for(trade.result(), 30)).ending is Stage.DECLINED


async def test_a_fill_that_the_venue_tells_otherwise_is_told_and_changes_nothing(
    house: House,
) -> None:
    trade = await house.trade(house.touch(house.market()))
    await in_stage(trade, Stage.HOLDING)
    before = await house.desk.pool.fetch("SELECT trade_id, shares, price FROM fills")
    told = house.desk.venue.fills_since

    async def otherwise(at: datetime) -> list[Fill]:
        return [fill.model_copy(update={"shares": shares(1)}) for fill in await told(at)]

    house.desk.venue.fills_since = otherwise  # type: ignore[method-assign]  # replaced for this test

    async def alerted() -> bool:
        await house.reconcile()
        return f"fill-conflict:{before[0]['trade_id']}" in await raised(house)

    await eventually(alerted, within=30, every=0.5)
    assert await house.desk.pool.fetch("SELECT trade_id, shares, price FROM fills") == before
