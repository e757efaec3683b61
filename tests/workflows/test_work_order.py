"""workflows/work_order.py: a person is told of an unknown fate in time, whatever is done then."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from temporalio.client import WorkflowFailureError

from activities.messages import Opened, OrderTruth
from domain.orders import Leg, OrderStatus, TimeInForce
from domain.rules import PaceRules
from domain.trade import Stage
from tests.fakes.desk import ENTER, Desk, killed, order, plan, unknown
from tests.waiting import eventually
from tests.workflows.conftest import Floor
from tests.workflows.test_trade import in_stage

HASTE = PaceRules(
    fill_poll=timedelta(milliseconds=50),
    hold_poll=timedelta(milliseconds=50),
    escalate_after=timedelta(seconds=1),
)
ALARM = "unknown-order:0xentry1"


def keys(desk: Desk) -> list[str]:
    return [alert.key for alert in desk.alerts]


def rest(desk: Desk, *truths: OrderTruth, after: timedelta = HASTE.escalate_after) -> None:
    """Let the entry rest for an hour, the venue say these, and a person be told after so long."""
    rests = order(Leg.ENTRY, 1, TimeInForce.GTD).model_copy(
        update={"expires_at": datetime.now(UTC) + timedelta(hours=1)}
    )
    pace = HASTE.model_copy(update={"escalate_after": after})
    desk.opened = [Opened(won=True, decision=ENTER, plan=plan(pace=pace), order=rests)]
    desk.truths[rests.order_id] = list(truths)


async def test_a_person_is_told_while_a_cancelled_trade_still_waits_for_the_proof(
    floor: Floor, desk: Desk
) -> None:
    desk.plan = plan(pace=HASTE.model_copy(update={"escalate_after": timedelta(seconds=8)}))
    desk.truths["0xentry1"] = [unknown("0xentry1")]
    trade = await floor.start()
    await in_stage(trade, Stage.UNKNOWN)
    await trade.cancel()

    async def alerted() -> bool:
        return ALARM in keys(desk)

    await eventually(alerted, within=60)
    assert "0xentry1" in desk.cancelled  # it was waiting for the proof meanwhile
    desk.after_cancel["0xentry1"] = killed("0xentry1")
    with pytest.raises(WorkflowFailureError):  # Canceled: nothing was bought
        await trade.result()


async def test_a_resting_order_that_the_venue_does_not_show_is_told_before_its_deadline(
    floor: Floor, desk: Desk
) -> None:
    rest(desk, unknown("0xentry1"))
    await floor.start()

    async def alerted() -> bool:
        return keys(desk) == [ALARM]

    await eventually(alerted, within=60)


async def test_the_minute_of_a_resting_order_begins_with_its_post_and_not_with_its_end(
    floor: Floor, desk: Desk
) -> None:
    rest(desk, unknown("0xentry1"), after=timedelta(seconds=9))
    trade = await floor.start()
    await in_stage(trade, Stage.ENTERING)
    await trade.cancel()  # the deadline of the order is over, its fate is not

    async def alerted() -> bool:
        return keys(desk) == [ALARM]

    await eventually(alerted, within=60)
    began = (await trade.describe()).start_time
    events = [e async for e in trade.fetch_history_events()]
    rung = next(e for e in events if e.HasField("timer_fired_event_attributes"))
    assert rung.event_time.ToDatetime(UTC) - began < timedelta(seconds=12)


async def test_a_resting_order_that_fills_while_the_alarm_is_due_rings_for_nobody(
    floor: Floor, desk: Desk
) -> None:
    live = OrderTruth(order_id="0xentry1", status=OrderStatus.LIVE)
    rest(desk, live)
    desk.resolve = False
    trade = await floor.start()
    await in_stage(trade, Stage.ENTERING)
    del desk.truths["0xentry1"]
    await in_stage(trade, Stage.HOLDING)
    assert keys(desk) == []


async def test_an_order_that_is_never_proven_is_renewed_ever_more_seldom(
    floor: Floor, desk: Desk
) -> None:
    desk.plan = plan(pace=HASTE)
    desk.truths["0xentry1"] = [OrderTruth(order_id="0xentry1", status=OrderStatus.LIVE)]
    trade = await floor.start()

    async def renewed_twice() -> bool:
        return desk.calls.count("read") >= 3  # at once, after 3 s, after 6 s more

    await eventually(renewed_twice, within=60)
    timers = [
        event.timer_started_event_attributes.start_to_fire_timeout.ToTimedelta()
        for event in (await trade.fetch_history()).events
        if event.HasField("timer_started_event_attributes")
    ]
    waits = [wait for wait in timers if wait > HASTE.escalate_after]  # without the alarm's own
    assert waits[:2] == [timedelta(seconds=3), timedelta(seconds=6)]


async def test_a_resting_order_in_the_book_is_no_reason_for_an_alert_until_it_is_lost_sight_of(
    floor: Floor, desk: Desk
) -> None:
    live = OrderTruth(order_id="0xentry1", status=OrderStatus.LIVE)
    rest(desk, unknown("0xentry1"), live)
    trade = await floor.start()

    async def silenced() -> bool:
        history = await trade.fetch_history()
        return any(e.HasField("timer_canceled_event_attributes") for e in history.events)

    await eventually(silenced, within=60)
    assert keys(desk) == []
    desk.truths["0xentry1"] = [unknown("0xentry1")]

    async def alerted() -> bool:
        return keys(desk) == [ALARM]

    await eventually(alerted, within=60)
