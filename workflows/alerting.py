"""Tell a person: one keyed row in the alert outbox, never a reason for a trade to fail."""

from __future__ import annotations

from temporalio import workflow
from temporalio.exceptions import ActivityError

from activities.books import BookActivities
from activities.messages import AlertRequest
from workflows import options
from workflows.state import TradeState


async def alert(state: TradeState, *, key: str, priority: str, title: str, text: str) -> bool:
    """Put an alert about this trade into the outbox; the trade goes on if even that fails.

    Return whether the outbox has it.
    """
    request = AlertRequest(
        mode=state.key.mode,
        key=key,
        priority=priority,
        title=title,
        text=f"{state.trigger.question or state.key.condition_id}: {text}",
    )
    try:
        await workflow.execute_activity_method(
            BookActivities.raise_alert, request, **options.say(options.ALERT, f"Alert: {title}")
        )
    except ActivityError as e:
        workflow.logger.error("alert_not_stored", extra={"key": key, "error": str(e.cause)})
        return False
    return True
