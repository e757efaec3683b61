"""Renewal: continue as new before a history grows long, with all of the state."""

from __future__ import annotations

from temporalio import workflow

from workflows.inbox import Inbox
from workflows.messages import HISTORY_LIMIT, TradeStart
from workflows.state import TradeState


def renew(state: TradeState, inbox: Inbox) -> None:
    """Continue as new when the history is long and no message waits to be acted upon.

    Raises:
        ContinueAsNewError: the run ends here and the next one goes on from `state`.
    """
    if workflow.info().get_current_history_length() < HISTORY_LIMIT or inbox.waiting:
        return
    carried = state.model_dump(mode="json")
    workflow.continue_as_new(TradeStart(trigger=state.trigger, carried=carried))
