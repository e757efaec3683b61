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


def rest(desk: Desk, *truths: OrderTruth) -> None:
    """Let the entry rest for an hour, and the venue say these."""
    rests = order(Leg.ENTRY, 1, TimeInForce.GTD).model_copy(
        update={"expires_at": datetime.now(UTC) + timedelta(hours=1)}
    )
    desk.opened = [Opened(won=True, decision=ENTER, plan=plan(pace=HASTE), order=rests)]
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


async def test_a_resting_order_in_the_book_is_no_reason_for_an_alert(
    floor: Floor, desk: Desk
) -> None:
    rest(desk, OrderTruth(order_id="0xentry1", status=OrderStatus.LIVE))
    await floor.start()

    async def looked_again_at_its_time() -> bool:
        return desk.calls.count("read") > 1

    await eventually(looked_again_at_its_time, within=60)
    assert keys(desk) == []
