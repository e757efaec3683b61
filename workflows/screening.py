"""Screening: claim the trigger, ask the strategy, and have the entry prepared in one step."""

from __future__ import annotations

from temporalio import workflow
from temporalio.exceptions import ActivityError

from activities.messages import Opened, OpenRequest
from activities.opening import OpeningActivities
from domain.decision import DecisionStage, Verdict
from workflows import options
from workflows.endings import Ending, cancelled, declined, not_entered
from workflows.inbox import Inbox
from workflows.state import TradeState

RETRY_S = 60  # rest of an id whose screening could not be done at all


async def screen(
    state: TradeState, inbox: Inbox, stage: DecisionStage, *, approved: bool = False
) -> Opened:
    """Run one whole screening and return its answer when the verdict is ENTER or WATCH.

    Every call takes all steps again (XD-7): filters, fresh price, score, book, limits.

    Raises:
        Ending: declined for good, not entered for now, or cancelled by a person.
    """
    state.screenings += 1
    request = OpenRequest(
        key=state.key,
        trigger=state.trigger,
        stage=stage,
        seq=state.screenings,
        attempt=state.entries + 1,
        approved=approved,
    )
    try:
        opened = await workflow.execute_local_activity_method(
            OpeningActivities.open_trade, request, **options.SCREEN
        )
    except ActivityError as e:
        raise not_entered(f"screening failed: {e.cause or e}", RETRY_S) from e
    state.plan = opened.plan
    if inbox.stop is not None:
        raise cancelled(inbox.stop)
    if ending := _ending_of(opened):
        raise ending
    return opened


def _ending_of(opened: Opened) -> Ending | None:
    """Return how the trade ends here, or None when it goes on."""
    decision, rest = opened.decision, opened.plan.retry_after_s
    if not opened.won:
        return not_entered(decision.reason, rest)
    if decision.verdict is Verdict.IGNORE and decision.for_good:
        return declined(f"{decision.filter}: {decision.reason}")
    if decision.verdict in (Verdict.HOLD, Verdict.IGNORE):
        return not_entered(f"{decision.filter}: {decision.reason}", rest)
    if decision.verdict is Verdict.ENTER and opened.refusal is not None:
        return not_entered(opened.refusal, rest)
    return None
