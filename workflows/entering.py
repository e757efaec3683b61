"""Entering: one order at a time, the next only after the proof that the last one is over."""

from __future__ import annotations

from activities.messages import Opened, OrderTruth
from domain.decision import DecisionStage, Verdict
from domain.money import Usd
from domain.trade import Stage
from workflows.display import number, show
from workflows.endings import cancelled, not_entered
from workflows.inbox import Inbox
from workflows.screening import screen
from workflows.state import TradeState
from workflows.work_order import work_order


async def enter(state: TradeState, inbox: Inbox, opened: Opened) -> None:
    """Work the prepared entry; return when shares are held.

    Raises:
        Ending: nothing was bought, with what the venue proved as the reason.
    """
    while True:
        assert opened.order is not None  # noqa: S101 - screening ends the trade otherwise
        show(state, Stage.ENTERING, f"buying at {number(opened.order.limit)} or better")
        state.entered = True
        truth = await work_order(state, inbox, opened.order)
        state.entries += 1
        if truth.filled:
            _remember(state, truth)
            return
        if inbox.stop is not None:
            raise cancelled(inbox.stop)
        if state.entries >= state.plan.entry_attempts:
            raise not_entered(
                f"nothing bought: {truth.evidence or truth.status.value}",
                state.plan.retry_after_s,
            )
        opened = await screen(state, inbox, DecisionStage.ENTRY, approved=True)
        if opened.decision.verdict is not Verdict.ENTER:
            raise not_entered(opened.decision.reason, state.plan.retry_after_s)


def _remember(state: TradeState, truth: OrderTruth) -> None:
    state.shares = truth.filled
    if truth.average is not None:
        state.cost = Usd(truth.filled * truth.average)
