"""Watching: the watchlist. Every hour the whole of screening again, with fresh figures."""

from __future__ import annotations

from temporalio import workflow

from activities.messages import Opened
from domain.decision import DecisionStage, Verdict
from domain.trade import Stage
from workflows.display import show
from workflows.endings import cancelled, not_entered
from workflows.inbox import Inbox
from workflows.renewal import renew
from workflows.screening import screen
from workflows.state import TradeState


async def watch(state: TradeState, inbox: Inbox, opened: Opened) -> Opened:
    """Wait until the strategy says ENTER and return that answer.

    Raises:
        Ending: the window is over, a filter says never, or a person cancels.
        ContinueAsNewError: the history grew long; the next run goes on watching.
    """
    rules = state.plan.watch
    while opened.decision.verdict is Verdict.WATCH:
        if state.watching_until is None:
            state.watching_until = workflow.now() + rules.window
        if workflow.now() >= state.watching_until:
            raise not_entered("the watch window is over", state.plan.retry_after_s)
        show(state, Stage.WATCHING, f"score {opened.decision.score}: {opened.decision.reason}")
        await _rest(inbox, state)
        renew(state, inbox)
        opened = await screen(state, inbox, DecisionStage.WATCHING)
    return opened


async def _rest(inbox: Inbox, state: TradeState) -> None:
    try:
        await workflow.wait_condition(
            lambda: inbox.stop is not None,
            timeout=state.plan.watch.every,
            timeout_summary="until the next look at the watchlist",
        )
    except TimeoutError:
        return
    raise cancelled(inbox.stop or "")
