"""Work one order to its proven end: post the same bytes, wait, cancel at the deadline, ask.

Used by both legs. Nothing here signs: the order was signed and stored before, and only its
id travels. It returns when the venue has proven that the order can no longer fill.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta

from temporalio import workflow
from temporalio.exceptions import ActivityError

from activities.messages import OrderRef, OrderRequest, OrderTruth
from activities.orders import OrderActivities
from domain.orders import OrderStatus, TimeInForce
from domain.trade import Stage
from workflows import options
from workflows.alarm import Alarm
from workflows.display import number, show
from workflows.endings import abandoned
from workflows.inbox import Inbox
from workflows.messages import STOP_WAIT
from workflows.state import TradeState
from workflows.waiting import news_or

RESTING = (TimeInForce.GTC, TimeInForce.GTD)
GRACE = timedelta(seconds=3)  # a FAK is over at once; this is for its trades to show
SELDOM = timedelta(hours=1)  # between two renewals of a watch that has lasted


async def work_order(state: TradeState, inbox: Inbox, order: OrderRef) -> OrderTruth:
    """Post a stored order and return its terminal truth, however long that takes.

    A stop asked for by a person cancels the order and still waits a minute for its fate.
    `state.order` names the order until that is proven.

    Raises:
        Ending: abandoned with the fate unknown; reconciliation goes on asking.
    """
    stage, alarm = state.stage, Alarm(state, order)
    state.order = order
    await _post(inbox, order)
    truth = await _look(order, stop=False)
    try:
        if order.tif in RESTING:
            truth = await _until_deadline(inbox, order, truth, alarm)
        truth = await _until_proven(state, inbox, order, truth, alarm)
    finally:
        alarm.stop()
    state.order = None
    if state.stage is not stage:
        show(state, stage, truth.evidence)
    return truth


async def _post(inbox: Inbox, order: OrderRef) -> None:
    """Post the stored bytes; what came of it is read afterwards, whatever this says.

    Not even an activity that could not be done in its time proves that nothing was sent. A stop
    cancels it: no further attempt begins, one that is under way may still post, and the proof
    counts its post (`OrderActivities.post_order`, store/orders.py `posting` and `close`).
    """
    title = f"Post {order.side.value} {number(order.shares)} at {number(order.limit)}"
    post = workflow.start_activity_method(
        OrderActivities.post_order,
        OrderRequest(order_id=order.order_id),
        **options.say(options.POST, title),
    )
    await workflow.wait_condition(lambda: post.done() or inbox.stop is not None)
    if not post.done():
        post.cancel()
    try:
        await post
    except (ActivityError, asyncio.CancelledError) as e:
        workflow.logger.warning("post_unanswered", extra={"error": str(e.__cause__ or e)})


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


async def _until_deadline(
    inbox: Inbox, order: OrderRef, truth: OrderTruth, alarm: Alarm
) -> OrderTruth:
    """Wait for fills of a resting order until its deadline, a stop, or its end; then cancel it."""
    ends = order.expires_at or order.post_before
    while not truth.terminal and inbox.stop is None:
        alarm.hear(truth, may_rest=True)
        left = ends - workflow.now()
        if left <= timedelta(0):
            break
        truth = await _next_truth(inbox, order, truth, left)
    return truth if truth.terminal else await _look(order, stop=True, known=truth)


async def _until_proven(
    state: TradeState, inbox: Inbox, order: OrderRef, truth: OrderTruth, alarm: Alarm
) -> OrderTruth:
    """Ask until the fate is proven, however long that takes."""
    wait = GRACE
    while not truth.terminal:
        alarm.hear(truth, may_rest=False)
        if inbox.stop is not None:
            return await _stopped(inbox, order)
        truth = await _next_truth(inbox, order, truth, wait)
        if truth.status is OrderStatus.UNKNOWN and state.stage is not Stage.UNKNOWN:
            show(state, Stage.UNKNOWN, "the fate of the order is not known; asking the venue")
        wait = min(2 * wait, SELDOM)  # the waiter polls without history, a renewal adds to it
    return truth


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
        OrderRequest(order_id=order.order_id, known_filled=truth.filled, known_status=truth.status),
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
