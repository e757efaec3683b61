"""Holding: wait for a level, the resolution, a person, or the end of a settlement."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta

from temporalio import workflow

from activities.books import BookActivities
from activities.holding import HoldingActivities
from activities.messages import HoldRequest, HoldView, LevelsRequest, News
from domain.money import Price
from domain.trade import Stage
from workflows import options
from workflows.alerting import alert
from workflows.display import money, number, show
from workflows.inbox import Inbox
from workflows.renewal import renew
from workflows.state import ExitWish, TradeState
from workflows.waiting import news_or

SIP = timedelta(days=7)  # the waiter is renewed weekly, so that its input does not grow old


async def hold(state: TradeState, inbox: Inbox) -> HoldView:
    """Wait until there is something to do with the position, and return what was seen.

    The answer is EXIT, RESOLVED or GONE; a stop by a person returns NOTHING.
    """
    show(state, Stage.HOLDING, "")
    while True:
        renew(state, inbox)
        if inbox.stop is not None:
            return HoldView(news=News.NOTHING, shares=state.shares, cost=state.cost)
        if inbox.take_levels() or (not state.levels_stored and not _too_young(state)):
            await _store_levels(state)
        inbox.take_news()
        _take_wish(state, inbox)
        view = await _look(state)
        if view.news is News.NOTHING and not inbox.waiting and state.wish is None:
            view = await _wait(state, inbox, view)
        if view.news is News.LOST:
            await _until_found(state, inbox, view)
            continue
        _remember(state, view)
        if view.news is not News.NOTHING:
            return view
        if state.wish is not None:
            return view.model_copy(update={"news": News.EXIT, "reason": state.wish.reason})


async def _until_found(state: TradeState, inbox: Inbox, view: HoldView) -> None:
    """Tell a person, and give reconciliation time to bring the position back into the books."""
    show(state, state.stage, view.reason)
    await alert(
        state,
        key=f"position-lost:{state.key.workflow_id}",
        priority="high",
        title="The books lost a position",
        text=(
            f"The trade bought {number(state.shares)} shares and the store has no row of them."
            " Was the database restored from an older copy? Reconciliation brings back what the"
            " venue knows; until then nothing is sold, redeemed or settled."
        ),
    )
    with suppress(TimeoutError):
        await workflow.wait_condition(
            lambda: inbox.waiting,
            timeout=state.plan.pace.hold_poll,
            timeout_summary="until the books are asked again",
        )


async def _store_levels(state: TradeState) -> None:
    """Tell ingest which levels to compare, in the store, so that it survives a restart."""
    request = LevelsRequest(key=state.key, target=state.target, stop=state.stop)
    await workflow.execute_activity_method(
        BookActivities.store_levels,
        request,
        **options.say(options.RECORD, "Store the watched levels"),
    )
    state.levels_stored = True


def _too_young(state: TradeState) -> timedelta:
    """Return how long until conditional exits begin (spec 12); zero for an unknown age."""
    if state.held_since is None or not state.age_known:
        return timedelta(0)
    begins = state.held_since + state.plan.exits.min_hold
    return max(begins - workflow.now(), timedelta(0))


def _take_wish(state: TradeState, inbox: Inbox) -> None:
    """Turn the operator's `exit_now` into a wish that lasts until it is done."""
    if inbox.exit_now is None:
        return
    asked, inbox.exit_now = inbox.exit_now, None
    why = f": {asked.why}" if asked.why else ""
    state.wish = ExitWish(
        reason=f"{asked.who} asked to sell{why}", by_person=True, min_price=asked.min_price
    )


def _request(state: TradeState) -> HoldRequest:
    return HoldRequest(
        key=state.key,
        plan=state.plan,
        target=state.target,
        stop=state.stop,
        high=state.high,
        below_stop=state.below_stop,
        held_since=state.held_since,
        age_known=state.age_known,
    )


async def _look(state: TradeState) -> HoldView:
    return await workflow.execute_activity_method(
        HoldingActivities.look,
        _request(state),
        **options.say(options.LOOK, "Look at the position"),
    )


async def _wait(state: TradeState, inbox: Inbox, seen: HoldView) -> HoldView:
    """Wait inside the retries of one activity, which costs no history, for news or a message."""
    _remember(state, seen)
    waiter = workflow.start_activity_method(
        HoldingActivities.watch_position,
        _request(state),
        **options.say(options.WAIT, "Watch the position until there is news"),
    )
    wait = min(SIP, _too_young(state) or SIP)
    news = await news_or(waiter, lambda: inbox.waiting, wait, "until the watch is renewed")
    return seen if news is None else news


def _remember(state: TradeState, view: HoldView) -> None:
    state.shares, state.cost = view.shares, view.cost
    state.high, state.below_stop = view.high, view.below_stop
    state.resolution = view.resolution or state.resolution
    if view.news is News.NOTHING and view.bid is not None and view.ask is not None:
        state.reference = Price((view.bid + view.ask) / 2)
    bid = "no bid" if view.bid is None else f"bid {number(view.bid)}"
    show(state, state.stage, f"{number(view.shares)} shares, cost {money(view.cost)}, {bid}")
