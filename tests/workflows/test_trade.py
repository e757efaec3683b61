"""workflows/trade.py: every ending of the table of design 5, on a real Temporal server."""

from __future__ import annotations

import pytest
from temporalio.client import WorkflowFailureError, WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError, CancelledError

from activities.messages import ExitPrepared, HoldView, News, Opened, OrderTruth
from domain.decision import Decision, Verdict
from domain.money import price, shares, usd
from domain.orders import Leg, OrderStatus
from domain.trade import Stage
from tests.fakes.desk import ENTER, NOW, Desk, a_trigger, killed, order, plan, unknown
from tests.waiting import eventually
from tests.workflows.conftest import Floor
from workflows.messages import (
    Abandon,
    Adoption,
    Approve,
    ExitNow,
    Reject,
    SetLevels,
    TradeStart,
    VenueEvent,
)
from workflows.trade import TradeWorkflow


def verdict(kind: Verdict, **changes: object) -> Opened:
    decision = Decision(verdict=kind, reason="because", filter="rule").model_copy(update=changes)
    return Opened(won=True, decision=decision, plan=plan())


async def test_a_touch_is_bought_held_redeemed_and_settled_with_its_profit(floor: Floor) -> None:
    trade = await floor.start()
    result = await trade.result()
    assert result.ending is Stage.SETTLED
    assert (result.shares, result.proceeds, result.profit) == (
        shares(10),
        usd(10),
        usd("0.6"),
    )
    assert floor.desk.posted == ["0xentry1"]
    assert floor.desk.calls == ["open:screening", "read", "look", "redeem", "settle"]


async def test_an_ordinary_trade_leaves_a_short_history_and_speaking_attributes(
    floor: Floor,
) -> None:
    trade = await floor.start()
    await trade.result()
    events = (await trade.fetch_history()).events
    assert len(events) <= 100
    found = await trade.describe()
    assert found.search_attributes["Stage"] == ["settled"]
    assert found.search_attributes["RealisedProfit"] == [0.6]


async def test_what_the_strategy_refuses_for_now_fails_so_that_the_id_is_free(
    floor: Floor, desk: Desk
) -> None:
    desk.opened = [verdict(Verdict.HOLD)]
    first = await floor.start()
    with pytest.raises(WorkflowFailureError) as failure:
        await first.result()
    cause = failure.value.cause
    assert isinstance(cause, ApplicationError) and cause.type == "NotEntered"
    assert "because" in cause.message
    assert [e.ending for e in desk.endings] == [Stage.NOT_ENTERED]
    again = await floor.start(workflow_id=first.id)
    assert (await again.result()).ending is Stage.SETTLED


async def test_what_is_refused_for_good_completes_and_the_id_is_spent(
    floor: Floor, desk: Desk
) -> None:
    desk.opened = [verdict(Verdict.IGNORE, for_good=True)]
    trade = await floor.start()
    result = await trade.result()
    assert result.ending is Stage.DECLINED
    assert desk.posted == []


async def test_a_claim_that_another_run_owns_buys_nothing(floor: Floor, desk: Desk) -> None:
    desk.opened = [verdict(Verdict.HOLD).model_copy(update={"won": False})]
    trade = await floor.start()
    with pytest.raises(WorkflowFailureError):
        await trade.result()
    assert desk.posted == []


async def test_a_limit_that_refuses_the_money_ends_as_not_entered(floor: Floor, desk: Desk) -> None:
    refused = Opened(won=True, decision=ENTER, plan=plan(), refusal="max_positions is 50")
    desk.opened = [refused]
    trade = await floor.start()
    with pytest.raises(WorkflowFailureError) as failure:
        await trade.result()
    assert "max_positions" in str(failure.value.cause)


async def test_a_killed_entry_ends_as_not_entered_after_the_proof(floor: Floor, desk: Desk) -> None:
    desk.truths["0xentry1"] = [killed("0xentry1")]
    trade = await floor.start()
    with pytest.raises(WorkflowFailureError):
        await trade.result()
    assert desk.endings[0].reason == "nothing bought: killed"


async def test_a_second_entry_waits_for_the_proof_that_the_first_is_over(
    floor: Floor, desk: Desk
) -> None:
    desk.plan = plan(entry_attempts=2)
    desk.truths["0xentry1"] = [unknown("0xentry1"), unknown("0xentry1"), killed("0xentry1")]
    trade = await floor.start()
    assert (await trade.result()).ending is Stage.SETTLED
    assert desk.posted == ["0xentry1", "0xentry2"]


async def test_the_watchlist_screens_again_until_the_score_is_good(
    floor: Floor, desk: Desk
) -> None:
    from datetime import timedelta

    from domain.rules import WatchRules

    rules = WatchRules(every=timedelta(milliseconds=100))
    watch = verdict(Verdict.WATCH).model_copy(update={"plan": plan(watch=rules)})
    desk.opened = [watch, watch]
    trade = await floor.start()
    assert (await trade.result()).ending is Stage.SETTLED
    assert desk.calls[:3] == ["open:screening", "open:watching", "open:watching"]


async def test_the_watch_window_ends_as_not_entered(floor: Floor, desk: Desk) -> None:
    from datetime import timedelta

    from domain.rules import WatchRules

    rules = WatchRules(every=timedelta(milliseconds=50), window=timedelta(milliseconds=100))
    watch = verdict(Verdict.WATCH).model_copy(update={"plan": plan(watch=rules)})
    desk.opened = [watch] * 50
    trade = await floor.start()
    with pytest.raises(WorkflowFailureError) as failure:
        await trade.result()
    assert "watch window" in str(failure.value.cause)


def asking(seconds: float = 60) -> Opened:
    from datetime import UTC, datetime, timedelta

    until = datetime.now(UTC) + timedelta(seconds=seconds)
    return Opened(won=True, decision=ENTER, plan=plan(), ask_person=True, ask_until=until)


async def in_stage(handle: object, stage: Stage) -> None:
    async def there() -> bool:
        return (await handle.query(TradeWorkflow.status)).stage is stage  # type: ignore[attr-defined]  # the query's type is not inferred

    await eventually(there, within=60)


async def test_an_approved_entry_is_screened_again_before_it_is_posted(
    floor: Floor, desk: Desk
) -> None:
    desk.opened = [asking()]
    trade = await floor.start()
    await in_stage(trade, Stage.AWAITING_APPROVAL)
    answer = await trade.execute_update(TradeWorkflow.approve, Approve(who="ann"))
    assert "checked once more" in answer.text
    assert (await trade.result()).ending is Stage.SETTLED
    assert desk.calls[:3] == ["open:screening", "answer:approved", "open:approval"]
    assert desk.asked[0].seq == 1


async def test_a_rejected_entry_is_declined_for_good(floor: Floor, desk: Desk) -> None:
    desk.opened = [asking()]
    trade = await floor.start()
    await in_stage(trade, Stage.AWAITING_APPROVAL)
    await trade.execute_update(TradeWorkflow.reject, Reject(who="ann", why="no"))
    result = await trade.result()
    assert (result.ending, result.reason) == (Stage.DECLINED, "ann said no: no")
    assert desk.posted == []


async def test_an_approval_nobody_gives_expires(floor: Floor, desk: Desk) -> None:
    desk.opened = [asking(0.2)]
    trade = await floor.start()
    with pytest.raises(WorkflowFailureError) as failure:
        await trade.result()
    assert "nobody answered" in str(failure.value.cause)


async def test_a_late_approval_is_refused_and_changes_nothing(floor: Floor, desk: Desk) -> None:
    desk.resolve = False
    trade = await floor.start()
    await in_stage(trade, Stage.HOLDING)
    with pytest.raises(WorkflowUpdateFailedError):
        await trade.execute_update(TradeWorkflow.approve, Approve(who="ann"))
    desk.resolve = True
    assert (await trade.result()).ending is Stage.SETTLED


async def test_a_price_level_sells_the_position(floor: Floor, desk: Desk) -> None:
    desk.views = [HoldView(news=News.EXIT, reason="target 0.99 reached")]
    trade = await floor.start()
    result = await trade.result()
    assert result.ending is Stage.SETTLED
    assert desk.posted == ["0xentry1", "0xexit1"]


async def test_a_partial_exit_keeps_the_rest_and_sells_it_with_a_new_order(
    floor: Floor, desk: Desk
) -> None:
    half = OrderTruth(
        order_id="0xexit1",
        status=OrderStatus.CANCELLED,
        filled=shares(6),
        terminal=True,
        evidence="matched at once, the rest was killed",
    )
    desk.truths["0xexit1"] = [half]
    exit_view = HoldView(news=News.EXIT, reason="stop")
    desk.views = [exit_view, exit_view]
    trade = await floor.start()
    await trade.result()
    assert desk.posted == ["0xentry1", "0xexit1", "0xexit2"]


async def test_a_blocked_exit_stays_open_alerts_and_is_tried_again(
    floor: Floor, desk: Desk
) -> None:
    desk.exits = [ExitPrepared(blocked="spread 0.5 above 0.2")]
    exit_view = HoldView(news=News.EXIT, reason="stop")
    desk.views = [exit_view, exit_view]
    trade = await floor.start()
    await trade.result()
    assert desk.alerts[0].title == "An exit is blocked"
    assert desk.posted == ["0xentry1", "0xexit1"]


async def test_an_operator_sells_now_and_the_wish_lasts_until_it_is_done(
    floor: Floor, desk: Desk
) -> None:
    desk.resolve = False
    desk.exits = [ExitPrepared(blocked="no bid")]
    trade = await floor.start()
    await in_stage(trade, Stage.HOLDING)
    answer = await trade.execute_update(TradeWorkflow.exit_now, ExitNow(who="ann", why="news"))
    assert "10 shares" in answer.text
    assert (await trade.result()).ending is Stage.SETTLED
    assert desk.posted == ["0xentry1", "0xexit1"]


async def test_levels_set_by_a_person_reach_the_store(floor: Floor, desk: Desk) -> None:
    desk.resolve = False
    trade = await floor.start()
    await in_stage(trade, Stage.HOLDING)
    await trade.execute_update(
        TradeWorkflow.set_levels, SetLevels(who="ann", target=price("0.98"), stop=None)
    )

    async def stored() -> bool:
        return len(desk.levels) == 1

    await eventually(stored, within=60)
    assert (desk.levels[0].target, desk.levels[0].stop) == (price("0.98"), None)
    desk.resolve = True
    await trade.result()


async def test_levels_that_contradict_each_other_are_refused_by_name(
    floor: Floor, desk: Desk
) -> None:
    desk.resolve = False
    trade = await floor.start()
    await in_stage(trade, Stage.HOLDING)
    wrong = SetLevels(who="ann", target=price("0.9"), stop=price("0.95"))
    with pytest.raises(WorkflowUpdateFailedError) as failure:
        await trade.execute_update(TradeWorkflow.set_levels, wrong)
    assert "stop must lie below target" in str(failure.value.cause)
    desk.resolve = True
    await trade.result()


async def test_cancel_before_anything_was_posted_ends_canceled_and_declines_the_claim(
    floor: Floor, desk: Desk
) -> None:
    desk.opened = [asking()]
    trade = await floor.start()
    await in_stage(trade, Stage.AWAITING_APPROVAL)
    await trade.cancel()
    with pytest.raises(WorkflowFailureError) as failure:
        await trade.result()
    assert isinstance(failure.value.cause, CancelledError)
    assert [e.ending for e in desk.endings] == [Stage.CANCELLED]
    assert desk.posted == []


async def test_cancel_while_holding_abandons_the_trade_and_keeps_the_shares(
    floor: Floor, desk: Desk
) -> None:
    desk.resolve = False
    trade = await floor.start()
    await in_stage(trade, Stage.HOLDING)
    await trade.cancel()
    result = await trade.result()
    assert (result.ending, result.shares) == (Stage.ABANDONED, shares(10))
    assert desk.alerts[0].title == "A trade was abandoned"
    assert desk.posted == ["0xentry1"]


async def test_cancel_while_an_order_rests_cancels_it_and_reads_it_back(
    floor: Floor, desk: Desk
) -> None:
    from datetime import UTC, datetime, timedelta

    from domain.orders import TimeInForce

    rests = order(Leg.ENTRY, 1, TimeInForce.GTD).model_copy(
        update={"expires_at": datetime.now(UTC) + timedelta(hours=1)}
    )
    desk.opened = [Opened(won=True, decision=ENTER, plan=plan(), order=rests)]
    live = OrderTruth(order_id=rests.order_id, status=OrderStatus.LIVE)
    raced = OrderTruth(
        order_id=rests.order_id,
        status=OrderStatus.CANCELLED,
        filled=shares(3),
        average=price("0.95"),
        terminal=True,
        evidence="the cancel was acknowledged",
    )
    desk.truths[rests.order_id] = [live]
    desk.after_cancel[rests.order_id] = raced
    trade = await floor.start()
    await in_stage(trade, Stage.ENTERING)
    await trade.cancel()
    result = await trade.result()
    assert (result.ending, result.shares) == (Stage.ABANDONED, shares(3))
    assert desk.cancelled == [rests.order_id]


async def test_abandon_by_update_completes_without_a_cancellation(floor: Floor, desk: Desk) -> None:
    desk.resolve = False
    trade = await floor.start()
    await in_stage(trade, Stage.HOLDING)
    await trade.execute_update(TradeWorkflow.abandon, Abandon(who="ann", why="by hand"))
    result = await trade.result()
    assert result.reason == "abandoned by ann: by hand"


async def test_an_unknown_order_alerts_a_person_and_is_asked_for_until_it_is_known(
    floor: Floor, desk: Desk
) -> None:
    from datetime import timedelta

    from domain.rules import PaceRules

    pace = PaceRules(
        fill_poll=timedelta(milliseconds=50),
        hold_poll=timedelta(milliseconds=50),
        escalate_after=timedelta(seconds=1),
    )
    desk.plan = plan(pace=pace)
    desk.truths["0xentry1"] = [unknown("0xentry1")]
    trade = await floor.start()

    async def alerted() -> bool:
        return bool(desk.alerts)

    await eventually(alerted, within=60)
    await in_stage(trade, Stage.UNKNOWN)
    assert desk.alerts[0].key == "unknown-order:0xentry1"
    del desk.truths["0xentry1"]
    assert (await trade.result()).ending is Stage.SETTLED
    assert desk.posted == ["0xentry1"]


async def test_signals_are_hints_duplicates_and_nonsense_change_nothing(
    floor: Floor, desk: Desk
) -> None:
    desk.resolve = False
    trade = await floor.start()
    await in_stage(trade, Stage.HOLDING)
    for kind in ("matched", "matched", "confirmed", "placement", "who knows", "failed"):
        await trade.signal(TradeWorkflow.venue_event, VenueEvent(order_id="0xentry1", kind=kind))
    desk.resolve = True
    result = await trade.result()
    assert (result.profit, desk.posted) == (usd("0.6"), ["0xentry1"])


async def test_a_reversed_entry_settles_with_nothing(floor: Floor, desk: Desk) -> None:
    desk.views = [HoldView(news=News.GONE, reason="the settlement failed")]
    trade = await floor.start()
    assert (await trade.result()).ending is Stage.SETTLED
    assert "redeem" not in desk.calls


async def test_an_adopted_trade_takes_the_claim_over_and_starts_in_holding(
    floor: Floor, desk: Desk
) -> None:
    trigger = a_trigger("0xadopted")
    adoption = Adoption(cause="its run is gone", held_since=NOW, age_source="actual")
    trade = await floor.start(TradeStart(trigger=trigger, adoption=adoption))
    result = await trade.result()
    assert (result.ending, result.profit) == (Stage.SETTLED, usd("0.6"))
    assert desk.calls[0] == "take_over" and desk.posted == []
