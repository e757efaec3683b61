"""Fault matrix C1 on the whole path: the bot's clock jumps, all others go on as they were."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import pytest_asyncio
from temporalio.client import Client, WorkflowFailureError

from activities.clock import utc_now
from domain.market import Mode
from domain.money import usd
from domain.orders import Intent, OrderStatus, SignedOrder
from domain.trade import Stage
from sim.faults import Fault
from sim.market import SimMarket
from store.account import Account
from store.orders import Orders
from tests.house import House, open_house
from tests.waiting import eventually
from tests.whole.conftest import Opener
from tests.whole.test_paths import in_stage

HOUR = timedelta(hours=1)


class Watch:
    """A clock that a test may set forward or back."""

    def __init__(self) -> None:
        self.off = timedelta(0)

    def __call__(self) -> datetime:
        return utc_now() + self.off


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest_asyncio.fixture
async def house(
    dsn: str, pool: asyncpg.Pool[Any], temporal_client: Client, tmp_path: Path, watch: Watch
) -> AsyncIterator[House]:
    async with open_house(dsn, pool, temporal_client, tmp_path, clock=watch) as opened:
        yield opened


@pytest.mark.parametrize("seconds", [10, -10])
async def test_ten_seconds_of_skew_change_nothing(house: House, watch: Watch, seconds: int) -> None:
    """Signatures, the age of the touch, fills and the settlement are those of every day."""
    watch.off = timedelta(seconds=seconds)
    await settled(house, house.market())


@pytest.mark.parametrize("jump", [HOUR, -HOUR])
async def test_a_jump_of_an_hour_while_shares_are_held_ends_in_the_same_books(
    house: House, watch: Watch, jump: timedelta
) -> None:
    shown = house.market()
    await settled(house, shown, lambda: setattr(watch, "off", jump))


async def settled(
    house: House, shown: SimMarket, meanwhile: Callable[[], None] = lambda: None
) -> None:
    """Buy, hold, let something happen, resolve; the books are the venue's, of one order."""
    trade = await house.trade(house.touch(shown))
    await in_stage(trade, Stage.HOLDING)
    meanwhile()
    house.resolve(shown)
    result = await asyncio.wait_for(trade.result(), 60)
    assert result.ending is Stage.SETTLED and result.profit is not None and result.profit > 0
    (order,) = await Orders(house.desk.pool).of_workflow(trade.id)
    assert (order.posts, len(house.sim.engine.exchange.memory.orders)) == (1, 1)
    judged = await house.judge()
    assert judged.clean, judged


@pytest.mark.parametrize("jump", [HOUR, -HOUR])
async def test_a_touch_whose_age_only_a_jump_explains_is_not_bought(
    house: House, watch: Watch, jump: timedelta
) -> None:
    trigger = house.touch(house.market())
    watch.off = jump
    trade = await house.trade(trigger)
    with pytest.raises(WorkflowFailureError) as failure:
        await asyncio.wait_for(trade.result(), 60)
    assert re.search(r"G1: 3[56]\d\d s (old|in the future)", str(failure.value.cause))
    assert not house.sim.engine.exchange.memory.orders


async def test_an_order_that_a_jump_overtakes_before_its_post_is_never_sent(
    house: House, watch: Watch
) -> None:
    """Signed and stored, then the clock is an hour on: nothing leaves."""
    sign = house.desk.venue.sign

    async def then_jump(intent: Intent, salt: int, at: datetime) -> SignedOrder:
        signed = await sign(intent, salt, at)
        watch.off = HOUR
        return signed

    house.desk.venue.sign = then_jump  # type: ignore[method-assign]  # the jump comes just here
    trade = await house.trade(house.touch(house.market()))
    with pytest.raises(WorkflowFailureError) as failure:
        await asyncio.wait_for(trade.result(), 60)
    assert "nothing bought" in str(failure.value.cause)
    (order,) = await Orders(house.desk.pool).of_workflow(trade.id)
    assert (order.posts, order.status, order.evidence) == (0, OrderStatus.EXPIRED, "never posted")
    assert not house.sim.engine.exchange.memory.orders


async def test_a_balance_from_the_future_is_asked_for_again_by_the_next_entry(
    houses: Opener,
) -> None:
    """Its age is negative, which is no sign of youth."""
    async with houses("entry.max_price=0.50") as house:
        await house.desk.pool.execute(
            "UPDATE account SET balance = 1, balance_at = now() + interval '1 hour'"
        )
        trade = await house.trade(house.touch(house.market()))
        with pytest.raises(WorkflowFailureError):
            await asyncio.wait_for(trade.result(), 30)
        account = await Account(house.desk.pool).get(Mode.PAPER)
        assert account.balance_at is not None and account.balance_at <= datetime.now(UTC)
        assert account.balance != usd(1)


async def test_a_jump_forward_makes_no_minute_of_silence(
    house: House, watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, post = house.sim.engine, house.desk.venue.post
    engine.faults.add(Fault(name="accepted_late", args={"delay_s": 6}), engine.now())

    async def then_jump(*given: Any, **named: Any) -> Any:
        answer = await post(*given, **named)
        watch.off = HOUR
        return answer

    monkeypatch.setattr(house.desk.venue, "post", then_jump)
    trade = await house.trade(house.touch(house.market()))

    async def cancelled() -> bool:
        found = await Orders(house.desk.pool).of_workflow(trade.id)
        return bool(found) and found[0].cancel_answered_at is not None

    await eventually(cancelled, within=30)
    watch.off = HOUR + timedelta(seconds=11)
    await eventually(lambda: engine.exchange.memory.orders, within=30)
    (order,) = await Orders(house.desk.pool).of_workflow(trade.id)
    assert order.closed_at is None or order.filled > 0, order.evidence
