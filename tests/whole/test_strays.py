"""Shares that a person bought or left in the bot's wallet (reconciliation, issue 4)."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest_asyncio

from domain.market import Mode
from domain.positions import PositionState
from domain.trade import Stage
from store.alerts import Alerts
from store.positions import Positions
from tests.house import House
from tests.sim.client import Client
from tests.waiting import eventually
from tests.whole.conftest import Opener
from tests.whole.test_paths import in_stage
from workflows.messages import ExitNow
from workflows.trade import TradeWorkflow

EVER = datetime(2020, 1, 1, tzinfo=UTC)


@pytest_asyncio.fixture
async def house(houses: Opener) -> Any:
    """Return a house where nothing is too young to be reconciled."""
    async with houses("reconcile.grace=0s") as opened:
        yield opened


async def buy_by_hand(house: House, token: str, price: str) -> None:
    """Buy 20 shares with the bot's wallet, and wait until they are in it."""
    manual = await Client(house.sim).login()
    before = await house.desk.venue.shares(token)

    async def arrived() -> bool:
        return await house.desk.venue.shares(token) > before

    try:
        answer = await manual.post(token, "BUY", price, "20", "FAK")
        assert answer.json()["success"], answer.text
        await eventually(arrived, within=30)
    finally:
        await manual.close()


async def alerts(house: House) -> list[str]:
    return [a.key for a in await Alerts(house.desk.pool).recent(EVER)]


async def test_shares_of_the_other_outcome_are_told_and_not_called_repaired(house: House) -> None:
    shown = house.market()
    trade = await house.trade(house.touch(shown))
    await in_stage(trade, Stage.HOLDING)
    other = shown.tokens[1]
    await buy_by_hand(house, other, "0.20")

    async def seen() -> object:
        report = await house.reconcile()
        return report if report.differences else None

    report: Any = await eventually(seen, within=30, every=0.2)  # the indexer lags
    assert report.repaired == () and report.adopt == ()
    assert [d.split(":")[0] for d in report.differences] == ["shares_stranger"]
    assert f"stray:paper:{other}" in await alerts(house)
    position = await Positions(house.desk.pool).get(trade.id)
    assert position is not None and position.token_id == shown.tokens[0]


async def test_shares_bought_again_after_the_books_closed_are_told(house: House) -> None:
    """The sale left dust, which was written off: those books are closed for ever."""
    shown = house.market()
    trade = await house.trade(house.touch(shown))
    await in_stage(trade, Stage.HOLDING)
    await trade.execute_update(TradeWorkflow.exit_now, ExitNow(who="ann", why="news"))
    await asyncio.wait_for(trade.result(), 60)
    await buy_by_hand(house, shown.tokens[0], "0.99")

    async def told() -> bool:
        await house.reconcile()
        return f"stray:paper:{shown.tokens[0]}" in await alerts(house)

    await eventually(told, within=30, every=0.2)  # the indexer lags
    position = await Positions(house.desk.pool).get(trade.id)
    assert position is not None and position.state is PositionState.CLOSED


async def test_what_a_lost_market_left_in_the_wallet_is_no_difference(house: House) -> None:
    """Losing shares stay for ever: reported once more at each run, they would hide real news."""
    shown = house.market()
    trade = await house.trade(house.touch(shown))
    await in_stage(trade, Stage.HOLDING)
    house.resolve(shown, winner=1)
    await asyncio.wait_for(trade.result(), 60)
    assert await house.desk.venue.shares(shown.tokens[0]) > 0
    report = await house.reconcile()
    assert (report.differences, report.repaired) == ((), ())
    position = await Positions(house.desk.pool).get(trade.id, Mode.PAPER)
    assert position is not None and position.state is PositionState.RESOLVED
