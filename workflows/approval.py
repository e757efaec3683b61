"""Approval: a question to a person, with a deadline that survives every restart."""

from __future__ import annotations

from temporalio import workflow

from activities.books import BookActivities
from activities.messages import AnswerRequest, AskRequest, Opened
from domain.decision import DecisionStage, Verdict
from domain.trade import Stage
from workflows import options
from workflows.display import show
from workflows.endings import cancelled, declined, not_entered
from workflows.inbox import Inbox
from workflows.messages import Reject
from workflows.screening import screen
from workflows.state import TradeState


async def ask(state: TradeState, inbox: Inbox, opened: Opened) -> Opened:
    """Ask a person and return a fresh screening taken after the yes.

    Approved or not, price, book, funds and limits are checked again (Q14).

    Raises:
        Ending: rejected, cancelled, not answered in time, or refused by the second screening.
    """
    until = opened.ask_until or workflow.now() + opened.plan.watch.every
    decision = opened.decision
    request = AskRequest(
        key=state.key,
        question=state.trigger.question,
        outcome=state.trigger.outcome,
        limit=decision.limit or state.trigger.price,
        stake=opened.stake,
        reason=decision.reason,
        until=until,
        seq=state.screenings,
    )
    await workflow.execute_activity_method(
        BookActivities.ask_person, request, **options.say(options.RECORD, "Ask a person")
    )
    show(state, Stage.AWAITING_APPROVAL, f"answer until {until:%H:%M:%S} UTC")
    try:
        await workflow.wait_condition(
            lambda: inbox.approval is not None or inbox.stop is not None,
            timeout=max(until - workflow.now(), until - until),
            timeout_summary="until the approval expires",
        )
    except TimeoutError:
        await _close(state, "expired")
        raise not_entered(
            "nobody answered before the approval expired", state.plan.retry_after_s
        ) from None
    if inbox.approval is None:
        raise cancelled(inbox.stop or "")
    answer, inbox.approval = inbox.approval, None
    verdict = "rejected" if isinstance(answer, Reject) else "approved"
    await _close(state, verdict, answer.who, answer.why)
    if isinstance(answer, Reject):
        raise declined(f"{answer.who} said no{': ' + answer.why if answer.why else ''}")
    opened = await screen(state, inbox, DecisionStage.APPROVAL, approved=True)
    if opened.decision.verdict is Verdict.WATCH:
        raise not_entered("approved, but the score fell meanwhile", state.plan.retry_after_s)
    return opened


async def _close(state: TradeState, verdict: str, who: str = "", why: str = "") -> None:
    """Write the answer down beside the question."""
    await workflow.execute_activity_method(
        BookActivities.close_approval,
        AnswerRequest(key=state.key, state=verdict, who=who, why=why),
        **options.say(options.RECORD, f"Store the answer: {verdict}"),
    )
