"""The trade, told as a story: from the first touch to the last cent.

Workflow id: `condition_id:threshold`. Signals only leave hints in the inbox; what is true is
read from the venue and kept in PostgreSQL. Cancel means the safe thing in every stage: before
anything was posted the trade ends Canceled; after that its orders are cancelled and read back,
its shares stay, and it completes as abandoned.
"""

from __future__ import annotations

import asyncio

from temporalio import workflow
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from activities.books import BookActivities
from activities.messages import Booked, EndRequest, News, TradeKey
from activities.opening import OpeningActivities
from domain.decision import DecisionStage
from domain.money import Shares
from domain.trade import Stage
from workflows import messages as m
from workflows import options
from workflows.alerting import alert
from workflows.approval import ask
from workflows.display import show
from workflows.endings import Ending, abandoned
from workflows.entering import enter
from workflows.exiting import sell
from workflows.holding import hold
from workflows.inbox import Inbox
from workflows.renewal import renew
from workflows.screening import screen
from workflows.settling import redeem, settle
from workflows.state import TradeState
from workflows.watching import watch


@workflow.defn(name=m.WORKFLOW)
class TradeWorkflow:
    """One trade. At most one order per intent, and the books equal to the venue's."""

    @workflow.init
    def __init__(self, start: m.TradeStart) -> None:
        self.inbox = Inbox()
        self.cancel_asked = False
        if start.carried is not None:
            self.state = TradeState.model_validate(start.carried)
        else:
            self.state = _first_state(start)

    @workflow.run
    async def run(self, start: m.TradeStart) -> m.TradeResult:
        """Live the trade to its end; a cancellation reaches the story as a wish to stop.

        Raises:
            ApplicationError: type NotEntered, so that a later touch may use the id again.
            asyncio.CancelledError: cancelled before anything was posted.
        """
        story = asyncio.create_task(self._story())
        try:
            return await asyncio.shield(story)
        except asyncio.CancelledError:
            self.cancel_asked = True
            self.inbox.stop = self.inbox.stop or "cancelled by the operator"
            return await story

    async def _story(self) -> m.TradeResult:
        try:
            await self._take_over()
            if self.state.stage is Stage.SCREENING or self.state.stage is Stage.WATCHING:
                await self._open()
            booked = await self._close()
            result = _result(Stage.SETTLED, self.state.note, booked)
        except Ending as ending:
            result = await self._end(ending)
        await workflow.wait_condition(workflow.all_handlers_finished)
        return result

    async def _take_over(self) -> None:
        """Make the claim of an adopted trade ours, so that this run may sell its shares."""
        if not self.state.adopted:
            return
        state = self.state
        state.plan = await workflow.execute_activity_method(
            OpeningActivities.take_over,
            state.key,
            **options.say(options.RECORD, "Take over the claim"),
        )
        state.target, state.stop = state.plan.exits.target, state.plan.exits.stop
        state.adopted = False

    async def _open(self) -> None:
        """Screen, watch, ask and enter: return with shares in hand."""
        state, inbox = self.state, self.inbox
        show(state, state.stage, "asking the strategy")
        stage = DecisionStage.SCREENING
        if state.stage is Stage.WATCHING:
            stage = DecisionStage.WATCHING
        opened = await watch(state, inbox, await screen(state, inbox, stage))
        if opened.ask_person:
            opened = await ask(state, inbox, opened)
        await enter(state, inbox, opened)
        state.held_since = workflow.now()
        state.target, state.stop = state.plan.exits.target, state.plan.exits.stop

    async def _close(self) -> Booked:
        """Look after the shares until the money is back."""
        state, inbox = self.state, self.inbox
        while True:
            renew(state, inbox)
            view = await hold(state, inbox)
            if inbox.stop is not None:
                raise abandoned(inbox.stop)
            if view.news is News.RESOLVED:
                await redeem(state)
                return await settle(state, view.reason)
            if view.news is News.GONE:
                return await settle(state, view.reason)
            await sell(state, inbox, view)

    async def _end(self, ending: Ending) -> m.TradeResult:
        """Write an ending down and close the run as the table of design 5 says."""
        state = self.state
        if ending.stage is Stage.CANCELLED and state.shares:
            ending = abandoned(ending.reason)
        await workflow.execute_activity_method(
            BookActivities.end_trade,
            EndRequest(
                key=state.key,
                ending=ending.stage,
                reason=ending.reason,
                retry_after_s=ending.retry_after_s,
            ),
            **options.say(options.RECORD, f"End the trade: {ending.stage.value}"),
        )
        if ending.stage is Stage.ABANDONED:
            await self._tell_abandoned(ending.reason)
        show(state, ending.stage, ending.reason)
        await workflow.wait_condition(workflow.all_handlers_finished)
        if ending.stage is Stage.NOT_ENTERED:
            raise ApplicationError(
                ending.reason,
                type=m.NOT_ENTERED,
                non_retryable=True,
                category=ApplicationErrorCategory.BENIGN,
            )
        if ending.stage is Stage.CANCELLED and self.cancel_asked:
            raise asyncio.CancelledError(ending.reason)
        return _result(ending.stage, ending.reason, Booked(shares=state.shares, cost=state.cost))

    async def _tell_abandoned(self, reason: str) -> None:
        await alert(
            self.state,
            key=f"abandoned:{self.state.key.workflow_id}",
            priority="normal",
            title="A trade was abandoned",
            text=(
                f"{reason}. Working orders were cancelled and read back; {self.state.shares}"
                " shares stay in the wallet, marked unmanaged. Sell or redeem them by hand."
            ),
        )

    @workflow.signal
    def venue_event(self, event: m.VenueEvent) -> None:
        """Take a hint that one of our orders changed at the venue."""
        self.inbox.hear(event.kind)

    @workflow.signal
    def level_reached(self, level: m.LevelReached) -> None:
        """Take a hint that the price stands at a watched level."""
        self.inbox.price = level.price

    @workflow.update
    def approve(self, answer: m.Approve) -> m.Answer:
        """Say yes to the entry that waits for it."""
        self.inbox.approval = answer
        return self._answer("approved; price, book, funds and limits are checked once more")

    @approve.validator
    def _may_approve(self, answer: m.Approve) -> None:
        self._require(Stage.AWAITING_APPROVAL)

    @workflow.update
    def reject(self, answer: m.Reject) -> m.Answer:
        """Say no for good."""
        self.inbox.approval = answer
        return self._answer("rejected; this market is not traded at this threshold again")

    @reject.validator
    def _may_reject(self, answer: m.Reject) -> None:
        self._require(Stage.AWAITING_APPROVAL)

    @workflow.update
    def exit_now(self, wish: m.ExitNow) -> m.Answer:
        """Sell the position through the exit gate, as soon as it lets it pass."""
        self.inbox.exit_now = wish
        return self._answer(f"selling {self.state.shares.normalize():f} shares at a verified bid")

    @exit_now.validator
    def _may_exit(self, wish: m.ExitNow) -> None:
        self._require(Stage.HOLDING, Stage.EXITING)

    @workflow.update
    def set_levels(self, levels: m.SetLevels) -> m.Answer:
        """Replace target and stop."""
        self.state.target, self.state.stop = levels.target, levels.stop
        self.inbox.levels = True
        return self._answer(f"target {levels.target}, stop {levels.stop}")

    @set_levels.validator
    def _may_set_levels(self, levels: m.SetLevels) -> None:
        self._require(Stage.HOLDING, Stage.EXITING)
        if levels.target is not None and levels.stop is not None and levels.stop >= levels.target:
            raise ValueError(f"stop must lie below target {levels.target}, was {levels.stop}")

    @workflow.update
    def abandon(self, wish: m.Abandon) -> m.Answer:
        """Stop looking after the trade; nothing is sold."""
        self.inbox.stop = f"abandoned by {wish.who}{': ' + wish.why if wish.why else ''}"
        return self._answer("working orders are cancelled and read back; shares stay, unmanaged")

    @abandon.validator
    def _may_abandon(self, wish: m.Abandon) -> None:
        if self.state.stage in (Stage.SETTLED, Stage.REDEEMING, Stage.RESOLVED):
            raise ValueError(f"the trade is {self.state.stage.value}: there is nothing to abandon")

    @workflow.query
    def status(self) -> m.TradeStatus:
        """Return where the trade stands."""
        state = self.state
        return m.TradeStatus(
            stage=state.stage,
            question=state.trigger.question,
            outcome=state.trigger.outcome,
            shares=state.shares,
            cost=state.cost,
            order_id=None if state.order is None else state.order.order_id,
            note=state.note,
            target=state.target,
            stop=state.stop,
        )

    def _require(self, *stages: Stage) -> None:
        if self.state.stage not in stages:
            names = " or ".join(s.value for s in stages)
            raise ValueError(f"expected a trade that is {names}, was {self.state.stage.value}")

    def _answer(self, text: str) -> m.Answer:
        return m.Answer(text=text, stage=self.state.stage)


def _first_state(start: m.TradeStart) -> TradeState:
    info, trigger = workflow.info(), start.trigger
    state = TradeState(
        trigger=trigger,
        key=TradeKey(
            mode=trigger.mode,
            workflow_id=info.workflow_id,
            owner=info.first_execution_run_id,
            condition_id=trigger.condition_id,
            token_id=trigger.token_id,
            threshold=trigger.threshold,
        ),
    )
    if start.adoption is not None:
        state.stage, state.adopted = Stage.HOLDING, True
        state.held_since = start.adoption.held_since
        state.age_known = start.adoption.age_source == "actual"
        state.note = start.adoption.cause
    return state


def _result(ending: Stage, reason: str, booked: Booked) -> m.TradeResult:
    return m.TradeResult(
        ending=ending,
        reason=reason,
        shares=Shares(booked.shares),
        cost=booked.cost,
        proceeds=booked.proceeds,
        fees=booked.fees,
        profit=booked.profit,
    )
