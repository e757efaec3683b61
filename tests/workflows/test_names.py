"""What an operator reads in the timeline: every activity and timer of a trade has its words."""

from __future__ import annotations

from temporalio.api.enums.v1 import EventType
from temporalio.converter import PayloadConverter

from domain.trade import Stage
from tests.fakes.desk import Desk
from tests.workflows.conftest import Floor

NAMED = {
    EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED,
    EventType.EVENT_TYPE_TIMER_STARTED,
    EventType.EVENT_TYPE_MARKER_RECORDED,
}


async def test_every_activity_and_timer_of_a_trade_has_its_words(floor: Floor, desk: Desk) -> None:
    trade = await floor.start()
    assert (await trade.result()).ending is Stage.SETTLED
    events = [e for e in (await trade.fetch_history()).events if e.event_type in NAMED]
    words = [
        PayloadConverter.default.from_payload(e.user_metadata.summary, str)
        if e.user_metadata.HasField("summary")
        else f"event {e.event_id} has none"
        for e in events
    ]
    assert "Screen the touch; reserve and sign the order" in words
    assert any(word.startswith("Post BUY") for word in words)
    assert not [word for word in words if word.endswith("has none")]
