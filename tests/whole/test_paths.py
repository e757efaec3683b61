"""The whole path: a touch becomes money, or the right refusal, and our books equal the sim's."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from temporalio.client import WorkflowFailureError

from domain.market import Mode
from domain.money import usd
from domain.trade import HaltState, Stage
from sim.faults import Fault
from store.account import Account
from store.alerts import Alerts
from store.orders import Orders
from tests.house import House
from tests.waiting import eventually
from tests.whole.conftest import Opener
from workflows.messages import ExitNow
from workflows.trade import TradeWorkflow


async def in_stage(trade: object, stage: Stage) -> None:
    async def there() -> bool:
        return (await trade.query(TradeWorkflow.status)).stage is stage  # type: ignore[attr-defined]  # known to be there

    await eventually(there, within=60)


async def test_a_touch_is_bought_held_redeemed_and_the_books_equal_the_venues(
    house: House,
) -> None:
    shown = house.market()
    trade = await house.trade(house.touch(shown))
    await in_stage(trade, Stage.HOLDING)
    house.resolve(shown)
    result = await asyncio.wait_for(trade.result(), 60)
    assert result.ending is Stage.SETTLED and result.profit is not None and result.profit > 0
    judged = await house.judge()
    assert judged.clean, judged
    history = await trade.fetch_history()
    assert len(history.events) <= 100


async def test_a_losing_trade_settles_at_nothing_and_the_loss_is_exact(house: House) -> None:
    shown = house.market(rate="0.07")
    trade = await house.trade(house.touch(shown))
    await in_stage(trade, Stage.HOLDING)
    house.resolve(shown, winner=1)
    result = await asyncio.wait_for(trade.result(), 60)
    assert result.profit == usd(-(result.cost + result.fees))
    assert (await house.judge()).profit_difference_usd == 0


async def test_a_redemption_that_pays_nothing_is_booked_as_it_was_r1(house: House) -> None:
    """R1: the burn paid 0; the books say so, to the micro-dollar, and a person is told."""
    shown = house.market()
    trade = await house.trade(house.touch(shown))
    await in_stage(trade, Stage.HOLDING)
    house.sim.engine.faults.add(Fault(name="redeem_pays_zero"), house.sim.engine.now())
    house.resolve(shown)
    result = await asyncio.wait_for(trade.result(), 60)
    assert result.profit == usd(-(result.cost + result.fees))
    assert (await house.judge()).clean
    raised = await Alerts(house.desk.pool).recent(datetime(2020, 1, 1, tzinfo=UTC))
    assert f"redemption:paper:{trade.id}" in [a.key for a in raised]


async def test_g14_an_order_that_rests_in_a_dead_book_is_cancelled(houses: Opener) -> None:
    """G14, XD-13: not at its expiry in ten minutes, but when nobody offers any more."""
    rules = ("entry.style=rest", "entry.rest_for=PT10M", "entry.stale_min_age=PT1S")
    async with houses(*rules, "entry.max_price=0.95", "filters.max_divergence=0.20") as house:
        shown = house.market()
        house.show(shown, {"0.94": "500"}, {"0.97": "300"})
        trade = await house.trade(house.touch(shown, at="0.95"))

        async def resting() -> bool:
            return bool(await house.desk.venue.open_orders())

        await eventually(resting, within=60)
        house.show(shown, {"0.94": "500"}, {})

        async def gone() -> bool:
            return not await house.desk.venue.open_orders()

        await eventually(gone, within=30)  # its proof takes a minute: fills may have raced
        (order,) = await Orders(house.desk.pool).of_workflow(trade.id)
        assert order.cancel_answered_at is not None and order.intent.expires_at is not None
        assert order.cancel_answered_at < order.intent.expires_at - timedelta(minutes=9)
        await trade.terminate("the rest is told elsewhere")


async def test_an_operator_sells_early_and_the_books_still_agree(house: House) -> None:
    shown = house.market(rate="0.07")
    trade = await house.trade(house.touch(shown))
    await in_stage(trade, Stage.HOLDING)
    await trade.execute_update(TradeWorkflow.exit_now, ExitNow(who="ann", why="news"))
    result = await asyncio.wait_for(trade.result(), 60)
    assert result.ending is Stage.SETTLED
    judged = await house.judge()
    assert judged.profit_difference_usd == 0 and judged.duplicate_orders == 0


async def test_a_second_touch_of_the_same_market_buys_nothing(house: House) -> None:
    shown = house.market()
    trigger = house.touch(shown)
    trade = await house.trade(trigger)
    await in_stage(trade, Stage.HOLDING)
    house.resolve(shown)
    await asyncio.wait_for(trade.result(), 60)
    with pytest.raises(Exception, match="already started"):
        await house.trade(trigger)
    assert len((await house.judge()).model_dump()) == 5


@pytest.mark.parametrize(
    ("override", "reason"),
    [
        ("entry.max_price=0.90", "divergence|above_cap|limit|entry_liquidity"),
        ("risk.max_positions=0", "at most 0 open trades"),
        ("risk.max_total=1", "at work"),
        ("risk.reserve_floor=100000", "free above the floor"),
        ("score.provider=none", "no score"),
        ("filters.min_time_to_end=9000000h", "hours left"),
        ("strategy.min_trade_size=61", "trade_size"),
    ],
)
async def test_each_gate_that_is_violated_buys_nothing_and_says_why(
    houses: Opener, override: str, reason: str
) -> None:
    async with houses(override) as house:
        trade = await house.trade(house.touch(house.market()))
        with pytest.raises(WorkflowFailureError) as failure:
            await asyncio.wait_for(trade.result(), 60)
        import re

        assert re.search(reason, str(failure.value.cause)), failure.value.cause
        judged = await house.judge()
        assert judged.clean and judged.profit_difference_usd == 0


async def test_halted_accounts_post_nothing(house: House) -> None:
    account = Account(house.desk.pool)
    await account.halt(Mode.PAPER, HaltState.HALTED, "ann", "drill", datetime.now(UTC))
    trade = await house.trade(house.touch(house.market()))
    with pytest.raises(WorkflowFailureError) as failure:
        await asyncio.wait_for(trade.result(), 60)
    assert "halted" in str(failure.value.cause)
    assert not house.sim.engine.exchange.memory.orders


async def test_a_market_the_venue_redeemed_by_itself_settles_once_that_is_believed_r1(
    house: House,
) -> None:
    shown = house.market()
    trade = await house.trade(house.touch(shown))
    await in_stage(trade, Stage.HOLDING)
    engine = house.sim.engine
    engine.faults.add(Fault(name="redeem_done", count=1), engine.now())
    house.resolve(shown)
    result = await asyncio.wait_for(trade.result(), 60)
    assert result.ending is Stage.SETTLED
    assert (await house.judge()).clean
