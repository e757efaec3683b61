"""Exiting: sell what the venue says we hold, at a verified bid; a blocked exit stays open."""

from __future__ import annotations

from temporalio import workflow

from activities.messages import ExitPrepared, ExitRequest, HoldView, OrderTruth
from activities.selling import SellingActivities
from domain.money import ZERO, Shares, Usd
from domain.trade import Stage
from workflows import options
from workflows.alerting import alert
from workflows.display import number, show
from workflows.inbox import Inbox
from workflows.state import TradeState
from workflows.work_order import work_order

LONGEST_REST = 16  # times `retry_every`: a book that stays dead is not asked every minute


async def sell(state: TradeState, inbox: Inbox, view: HoldView) -> None:
    """Try one exit; afterwards the position is smaller, gone, or blocked and waited for.

    The next attempt has a new number, taken only after the last order's end is proven. A person
    who stops the trade meanwhile keeps the shares: a prepared sale is closed with the trade.
    """
    show(state, Stage.EXITING, view.reason)
    prepared = await _prepare(state, view.reason)
    if inbox.stop is not None:  # the venue may have kept us for minutes; the order is not posted
        return
    state.blocks = 0 if prepared.blocked is None else state.blocks + 1
    if prepared.nothing_left:
        state.wish = None
        return
    if prepared.order is None:
        await _blocked(state, inbox, prepared.blocked or "blocked")
        return
    state.exits += 1
    truth = await work_order(state, inbox, prepared.order)
    if truth.filled:
        _remember(state, truth)
    else:
        await _rest(state, inbox, f"nothing sold: {truth.evidence or truth.status.value}")


async def _prepare(state: TradeState, reason: str) -> ExitPrepared:
    state.tries += 1
    request = ExitRequest(
        key=state.key,
        attempt=state.exits + 1,
        reason=reason,
        seq=state.tries,
        reference=state.reference,
        min_price=None if state.wish is None else state.wish.min_price,
        rules=state.plan.exits,
        settings_hash=state.plan.settings_hash,
    )
    return await workflow.execute_activity_method(
        SellingActivities.prepare_exit,
        request,
        **options.say(options.LOOK, f"Prepare the exit: {reason}"[:180]),
    )


async def _blocked(state: TradeState, inbox: Inbox, why: str) -> None:
    """Keep a blocked exit visible and tell a person; never sell through the gate (G13, Q11)."""
    await alert(
        state,
        key=f"exit-blocked:{state.key.workflow_id}",
        priority="normal",
        title="An exit is blocked",
        text=(
            f"{why}. {number(state.shares)} shares stay in the position and the bot tries again"
            " by itself. You can lower the levels, or abandon the trade and sell by hand."
        ),
    )
    await _rest(state, inbox, f"blocked: {why}")


async def _rest(state: TradeState, inbox: Inbox, note: str) -> None:
    show(state, Stage.EXITING, note)
    inbox.take_news()
    try:
        await workflow.wait_condition(
            lambda: inbox.waiting,
            timeout=state.plan.exits.retry_every * min(2**state.blocks, LONGEST_REST),
            timeout_summary="until the exit is tried again",
        )
    except TimeoutError:
        pass


def _remember(state: TradeState, truth: OrderTruth) -> None:
    left = max(state.shares - truth.filled, ZERO)
    if state.shares:
        state.cost = Usd(state.cost * left / state.shares)
    state.shares = Shares(left)
