"""Work one order to its proven end: post the same bytes, wait, cancel at the deadline, ask.

Used by both legs. Nothing here signs: the order was signed and stored before, and only its
id travels. It returns when the venue has proven that the order can no longer fill.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from temporalio import workflow
from temporalio.exceptions import ActivityError

from activities.messages import OrderRef, OrderRequest, OrderTruth
from activities.orders import OrderActivities
from domain.orders import OrderStatus, TimeInForce
from domain.trade import Stage
from workflows import options
from workflows.alerting import alert
from workflows.display import number, show
from workflows.endings import abandoned
from workflows.inbox import Inbox
from workflows.messages import STOP_WAIT
from workflows.state import TradeState
from workflows.waiting import news_or

RESTING = (TimeInForce.GTC, TimeInForce.GTD)
GRACE = timedelta(seconds=3)  # a FAK is over at once; this is for its trades to show


async def work_order(state: TradeState, inbox: Inbox, order: OrderRef) -> OrderTruth:
    """Post a stored order and return its terminal truth, however long that takes.

    A stop asked for by a person cancels the order and still waits a minute for its fate.
    `state.order` names the order until that is proven.

    Raises:
        Ending: abandoned with the fate unknown; reconciliation goes on asking.
    """
    stage, began = state.stage, workflow.now()
    state.order = order
    await _post(order)
    truth = await _look(order, stop=False)
    if not truth.terminal and order.tif in RESTING:
        with _alarm(state, order, began):
            truth = await _until_deadline(inbox, order, truth)
        began = workflow.now()
        if not truth.terminal:
            truth = await _look(order, stop=True, known=truth)
    if not truth.terminal:
        with _alarm(state, order, began):
            truth = await _until_proven(state, inbox, order, truth)
    state.order = None
    if state.stage is not stage:
        show(state, stage, truth.evidence)
    return truth


async def _post(order: OrderRef) -> None:
    """Post the stored bytes; what came of it is read afterwards, whatever this says.

    Not even an activity that could not be done in its time proves that nothing was sent.
    """
    title = f"Post {order.side.value} {number(order.shares)} at {number(order.limit)}"
    try:
        await workflow.execute_activity_method(
            OrderActivities.post_order,
            OrderRequest(order_id=order.order_id),
            **options.say(options.POST, title),
        )
    except ActivityError as e:
        workflow.logger.warning("post_unanswered", extra={"error": str(e.cause)})


async def _look(order: OrderRef, *, stop: bool, known: OrderTruth | None = None) -> OrderTruth:
    """Read the order's fate, or say that it is unknown when nobody answers in time.

    Bounded, so that an outage cannot hold back the alert that the fate is unknown.
    """
    title = "Cancel the order and read it back" if stop else "Read the order's fate"
    try:
        return await workflow.execute_activity_method(
            OrderActivities.read_order,
            OrderRequest(order_id=order.order_id, stop=stop),
            **options.say(options.ASK, title),
        )
    except ActivityError as e:
        unknown = OrderTruth(order_id=order.order_id, status=OrderStatus.UNKNOWN)
        evidence = f"nobody answered: {e.cause}"
        return (known or unknown).model_copy(update={"evidence": evidence})


async def _until_deadline(inbox: Inbox, order: OrderRef, truth: OrderTruth) -> OrderTruth:
    """Wait for fills of a resting order until its deadline, a stop, or its end."""
    while not truth.terminal and inbox.stop is None:
        left = _deadline(order) - workflow.now()
        if left <= timedelta(0):
            break
        truth = await _next_truth(inbox, order, truth, left)
    return truth


async def _until_proven(
    state: TradeState, inbox: Inbox, order: OrderRef, truth: OrderTruth
) -> OrderTruth:
    """Ask until the fate is proven, however long that takes."""
    while not truth.terminal:
        if inbox.stop is not None:
            return await _stopped(inbox, order)
        # the waiter polls without history; the timer only bounds how long it goes unrenewed
        wait = GRACE if state.stage is not Stage.UNKNOWN else state.plan.pace.escalate_after
        truth = await _next_truth(inbox, order, truth, wait)
        if truth.status is OrderStatus.UNKNOWN and state.stage is not Stage.UNKNOWN:
            show(state, Stage.UNKNOWN, "the fate of the order is not known; asking the venue")
    return truth


@contextmanager
def _alarm(state: TradeState, order: OrderRef, began: datetime) -> Iterator[None]:
    """Tell a person when the block has no proof in time, whatever it is busy with then."""
    due = began + state.plan.pace.escalate_after
    alarm = asyncio.create_task(_tell(state, order, due))
    try:
        yield
    finally:
        alarm.cancel()


async def _tell(state: TradeState, order: OrderRef, due: datetime) -> None:
    """Raise the alert at `due`; an order seen in the book before its deadline is no reason."""
    left = max(due - workflow.now(), timedelta(0))
    await workflow.sleep(left, summary="until a person is told that the fate is not known")
    if order.tif in RESTING and workflow.now() < _deadline(order):
        truth = await _look(order, stop=False)
        if truth.terminal or truth.status is not OrderStatus.UNKNOWN:
            return
    await alert(
        state,
        key=f"unknown-order:{order.order_id}",
        priority="high",
        title="An order's fate is not known",
        text=(
            f"{order.side.value} {order.shares} at {order.limit}, order {order.order_id}."
            " The venue has not proven whether it filled. The money stays reserved and"
            " the bot keeps asking; nothing is signed again. Check the order at the"
            " venue, then wait, or abandon the trade."
        ),
    )


def _deadline(order: OrderRef) -> datetime:
    return order.expires_at or order.post_before


async def _stopped(inbox: Inbox, order: OrderRef) -> OrderTruth:
    """Cancel for a person and wait a minute for the proof."""
    ends = workflow.now() + STOP_WAIT
    while True:
        truth = await _look(order, stop=True)
        if truth.terminal:
            return truth
        if workflow.now() >= ends:
            raise abandoned(
                f"{inbox.stop}; the fate of order {order.order_id} is still unknown,"
                " reconciliation goes on asking"
            )
        await workflow.sleep(GRACE, summary="until the cancelled order is asked for again")


async def _next_truth(
    inbox: Inbox, order: OrderRef, truth: OrderTruth, wait: timedelta
) -> OrderTruth:
    """Return the truth after a signal, a change at the venue, or `wait`, whichever is first."""
    waiter = workflow.start_activity_method(
        OrderActivities.await_order,
        OrderRequest(order_id=order.order_id, known_filled=truth.filled),
        **options.say(options.WAIT, "Wait for a change of the order"),
    )
    changed = await news_or(
        waiter,
        lambda: inbox.news or inbox.stop is not None,
        wait,
        "until the order is asked for again",
    )
    if changed is not None:
        return changed
    inbox.take_news()
    return await _look(order, stop=False, known=truth)
