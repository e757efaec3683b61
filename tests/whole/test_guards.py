"""Guards of the whole path that only show when something else goes wrong at the same moment."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import asyncpg
import pytest
import pytest_asyncio
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities import proceeds, reconciling
from activities.clock import utc_now
from activities.messages import OrderRequest, TradeKey
from activities.signing import salt_of
from domain.market import Mode
from domain.money import price, shares, usd
from domain.orders import Fill, Landing, Leg, Side, TimeInForce
from domain.trade import Stage
from sim.faults import Fault
from store.alerts import Alerts
from store.orders import Orders
from store.positions import Positions
from store.stored_order import StoredOrder
from tests.house import House
from tests.sim.client import SAFE, Client
from tests.waiting import eventually
from tests.whole.conftest import Opener
from tests.whole.test_alerts import raised
from tests.whole.test_paths import in_stage
from venue.errors import Drift
from workflows.messages import Adoption, ExitNow, TradeStart
from workflows.trade import TradeWorkflow


@pytest_asyncio.fixture
async def house(houses: Opener) -> Any:
    """Return a house where nothing is too young to be reconciled."""
    async with houses("reconcile.grace=0s") as opened:
        yield opened


async def test_a_post_that_waited_for_its_turn_asks_the_halt_again(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """O1: the venue's limit held it back for longer than a permit lasts; no second signature."""
    limiter = house.desk.venue._http.limiter
    acquire, waits = limiter.acquire, [1.0]

    async def slow(host: str, method: str, path: str, patience: float) -> None:
        await acquire(host, method, path, patience)
        if (method, path) == ("POST", "/order") and waits:
            await asyncio.sleep(waits.pop())

    monkeypatch.setattr(limiter, "acquire", slow)
    trade = await house.trade(house.touch(house.market()))
    await in_stage(trade, Stage.HOLDING)
    (order,) = await Orders(house.desk.pool).of_workflow(trade.id)
    assert (order.posts, order.answers) == (2, 2)
    assert len(house.sim.engine.exchange.memory.orders) == 1


async def test_an_order_of_a_person_on_the_other_outcome_is_told_and_left_alone(
    house: House,
) -> None:
    shown = house.market()
    trade = await house.trade(house.touch(shown))
    await in_stage(trade, Stage.HOLDING)
    before = await Positions(house.desk.pool).get(trade.id)
    manual = await Client(house.sim).login()
    try:
        answer = await manual.post(shown.tokens[1], "BUY", "0.02", "50")
        order_id = answer.json()["orderID"]
        await house.reconcile()
        assert f"stray:paper:{shown.tokens[1]}" in await raised(house)
        assert await Orders(house.desk.pool).get(order_id) is None
        assert order_id in {o.order_id for o in await house.desk.venue.open_orders()}
    finally:
        await manual.close()
    after = await Positions(house.desk.pool).get(trade.id)
    assert before and after and (before.token_id, before.shares) == (after.token_id, after.shares)


async def test_an_offer_that_a_person_withdrew_holds_no_exit_up(house: House) -> None:
    """The trade runs and knows its own order only: reconciliation finds out that it is over."""
    shown = house.market()
    trade = await house.trade(house.touch(shown))
    await in_stage(trade, Stage.HOLDING)
    pool, manual = house.desk.pool, await Client(house.sim).login()
    try:
        await eventually(lambda: _confirmed(pool, trade.id))
        answer = await manual.post(shown.tokens[0], "SELL", "0.99", "20")
        order_id = answer.json()["orderID"]
        await house.reconcile()
        withdrawn = await manual.send("DELETE", "/order", {"orderID": order_id})
        assert withdrawn.json()["canceled"] == [order_id]
    finally:
        await manual.close()
    await house.reconcile()
    stored = await Orders(pool).get(order_id)
    assert stored is not None and stored.adopted and stored.closed_at is None  # absence: no proof
    await pool.execute("UPDATE orders SET lived = lived + interval '2 minutes' WHERE adopted")
    await house.reconcile()
    stored = await Orders(pool).get(order_id)
    assert stored is not None and stored.closed_at is not None
    await trade.execute_update(TradeWorkflow.exit_now, ExitNow(who="ann", why="news"))
    assert (await asyncio.wait_for(trade.result(), 60)).ending is Stage.SETTLED
    assert (await house.judge()).profit_difference_usd == 0


async def test_an_offer_of_a_person_is_booked_to_the_trade_that_holds_the_shares(
    house: House,
) -> None:
    """The threshold was another one when they were bought: no new trade may earn them for free."""
    shown = house.market()
    trade = await house.trade(house.touch(shown))
    await in_stage(trade, Stage.HOLDING)
    await eventually(lambda: _confirmed(house.desk.pool, trade.id))
    adopting, rules = house.desk.reconciling._repairs._adopting, house.settings.rules
    later = rules.trigger.model_copy(update={"threshold": price("0.96")})
    adopting._rules = rules.model_copy(update={"trigger": later})
    manual = await Client(house.sim).login()
    try:
        answer = await manual.post(shown.tokens[0], "SELL", "0.99", "20")
        await house.reconcile()
    finally:
        await manual.close()
    stored = await Orders(house.desk.pool).get(answer.json()["orderID"])
    assert stored is not None and stored.adopted and stored.intent.workflow_id == trade.id


async def test_an_offer_of_a_dead_run_holds_up_no_exit_of_the_run_that_adopted_the_trade(
    house: House,
) -> None:
    """Its last call stored one order, and posted another, after reconciliation had looked."""
    shown = house.market()
    trade = await house.trade(house.touch(shown))
    await in_stage(trade, Stage.HOLDING)
    pool = house.desk.pool
    await eventually(lambda: _confirmed(pool, trade.id))
    await trade.terminate("by the drill")
    posted, unposted = await _offer(house, trade.id, "1"), await _offer(house, trade.id, "2")
    request = OrderRequest(order_id=posted.signed.order_id)
    answered = await ActivityEnvironment().run(house.desk.orders.post_order, request)
    assert answered.landing is Landing.LANDED
    adopted = await house.client.start_workflow(
        TradeWorkflow.run,
        TradeStart(
            trigger=house.touch(shown),
            adoption=Adoption(
                cause="adopted", held_since=utc_now(), age_source="unknown", cost=None
            ),
        ),
        id=trade.id,
        task_queue=house.queue,
    )

    async def closed(order: StoredOrder) -> bool:
        now = await Orders(pool).get(order.signed.order_id)
        return now is not None and now.closed_at is not None

    await eventually(lambda: closed(unposted), within=30)
    assert not await closed(posted)

    await house.reconcile()
    assert await house.desk.venue.open_orders() == []
    await pool.execute("UPDATE orders SET lived = lived + interval '2 minutes'")
    await house.reconcile()  # long enough after the cancel that no fill of it is under way
    assert await closed(posted)
    await adopted.execute_update(TradeWorkflow.exit_now, ExitNow(who="ann", why="news"))
    assert (await asyncio.wait_for(adopted.result(), 60)).ending is Stage.SETTLED
    assert (await house.judge()).profit_difference_usd == 0


async def _offer(house: House, workflow_id: str, attempt: str) -> StoredOrder:
    """Store a sale of ten shares that rests at 0.99, as the trade's first run would."""
    (entry,) = [
        o for o in await Orders(house.desk.pool).of_workflow(workflow_id) if o.intent.leg == "entry"
    ]
    now = utc_now()
    intent = entry.intent.model_copy(
        update={
            "leg": Leg.EXIT,
            "side": Side.SELL,
            "tif": TimeInForce.GTC,
            "attempt": int(attempt),
            "limit": price("0.99"),
            "shares": shares(10),
            "funds": usd(0),
            "post_before": now + timedelta(minutes=1),
        }
    )
    signed = await house.desk.venue.sign(intent, salt_of(intent), now)
    stored = await Orders(house.desk.pool).prepare(intent, signed, house.settings.rules.risk, now)
    assert isinstance(stored, StoredOrder), stored
    return stored


async def _confirmed(pool: asyncpg.Pool[Any], workflow_id: str) -> bool:
    position = await Positions(pool).get(workflow_id)
    return position is not None and position.shares == position.shares_confirmed > 0


async def test_a_fill_whose_size_changes_while_it_settles_stops_no_trade(house: House) -> None:
    shown = house.market()
    told, seen = house.desk.venue.fills, set[str]()

    async def otherwise(order_id: str, condition_id: str) -> list[Fill]:
        found = await told(order_id, condition_id)
        known = set(seen)
        seen.update(f.trade_id for f in found)
        less = [f.model_copy(update={"shares": shares(f.shares - 1)}) for f in found]
        return [b if b.trade_id in known else a for a, b in zip(found, less, strict=True)]

    house.desk.venue.fills = otherwise  # type: ignore[method-assign]  # replaced for this test
    trade = await house.trade(house.touch(shown))
    await in_stage(trade, Stage.HOLDING)
    house.resolve(shown)
    assert (await asyncio.wait_for(trade.result(), 60)).ending is Stage.SETTLED


async def test_an_order_of_ours_that_came_while_the_venue_was_read_is_not_cancelled(
    houses: Opener,
) -> None:
    """It looks like a stranger's to a comparison that began before it; our books hold it open."""
    rules = ("entry.style=rest", "entry.max_price=0.95", "filters.max_divergence=0.20")
    async with houses(*rules) as house:
        shown = house.market()
        house.show(shown, {"0.94": "500"}, {"0.97": "300"})
        trade = await house.trade(house.touch(shown, at="0.95"))
        (order,) = await eventually(house.desk.venue.open_orders, within=60)
        await house.desk.reconciling._repairs._adopting.order(Mode.PAPER, order.order_id)
        assert [o.order_id for o in await house.desk.venue.open_orders()] == [order.order_id]
        await trade.terminate("the rest is told elsewhere")


async def test_one_order_that_cannot_be_read_does_not_stop_the_other_repairs(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown, other = house.market(), house.market()
    trade = await house.trade(house.touch(other))
    await in_stage(trade, Stage.HOLDING)
    await trade.terminate("by the drill")
    manual = await Client(house.sim).login()
    try:
        answer = await manual.post(shown.tokens[0], "BUY", "0.50", "10")
        monkeypatch.setattr(house.desk.venue, "order", _unreadable)
        report = await house.reconcile()
    finally:
        await manual.close()
    assert [a.trigger.condition_id for a in report.adopt] == [other.condition_id]
    assert f"repair-failed:paper:{answer.json()['orderID']}" in await raised(house)


async def _unreadable(order_id: str) -> Any:
    raise Drift("expected an order, was a poem")


async def test_a_redemption_of_fewer_shares_than_the_books_hold_is_booked_as_it_was(
    house: House,
) -> None:
    """Five shares had left the wallet before the market resolved: their dollars never came."""
    shown = house.market()
    trade = await house.trade(house.touch(shown))
    await in_stage(trade, Stage.HOLDING)

    async def settled() -> Any:
        position = await Positions(house.desk.pool).get(trade.id)
        return position if position and position.shares == position.shares_confirmed else None

    held = await eventually(settled, within=60)
    account = house.sim.engine.exchange.memory.accounts[SAFE.lower()]
    account.tokens[shown.tokens[0]] -= 5_000_000
    house.resolve(shown)
    result = await asyncio.wait_for(trade.result(), 60)
    assert result.profit == usd(held.shares - 5 - result.cost - result.fees)
    assert "20 USD" not in (await raised(house))[f"redemption:paper:{trade.id}"].text


async def test_a_redemption_that_never_succeeds_is_told_after_a_quarter_of_an_hour(
    house: House,
) -> None:
    key = TradeKey(
        mode=Mode.PAPER,
        workflow_id="0xc1:0.95",
        owner="run-1",
        condition_id="0xc1",
        token_id="11",
        threshold=price("0.95"),
    )
    watch = proceeds.Proceeds(
        house.desk.venue, Alerts(house.desk.pool), timedelta(seconds=1), utc_now
    )
    environment = ActivityEnvironment()
    for minutes, told in ((14, False), (16, True)):
        began = utc_now() - timedelta(minutes=minutes)
        environment.info = replace(environment.info, scheduled_time=began)
        await environment.run(watch.late, key, ApplicationError("execution reverted"))
        found = await raised(house)
        assert ("redemption-late:paper:0xc1:0.95" in found) is told
    assert "execution reverted" in found["redemption-late:paper:0xc1:0.95"].text


async def test_a_match_that_does_not_settle_is_told(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconciling, "SETTLES_WITHIN", timedelta(0))
    engine = house.sim.engine
    engine.faults.add(Fault(name="settle_stuck", args={"delay_s": 60}), engine.now())
    trade = await house.trade(house.touch(house.market()))
    await in_stage(trade, Stage.HOLDING)
    await house.reconcile()
    assert any(key.startswith("unsettled:") for key in await raised(house))
