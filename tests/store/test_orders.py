"""store/orders.py: the reserving transaction, posts and endings."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from decimal import Decimal
from typing import Any

import asyncpg
import pytest

from domain.market import Mode
from domain.money import price, shares, usd
from domain.orders import FillStatus, Intent, Landing, Leg, OrderStatus, Side, VenueOrder
from domain.rules import RiskRules
from domain.trade import HaltState
from store.account import Account
from store.claims import Claims
from store.corrections import Corrections
from store.errors import ModeNeeded, UnknownOrder
from store.fills import Fills
from store.orders import Orders
from store.positions import Positions
from store.stored_order import Limit, Refusal, StoredOrder
from tests.store.examples import (
    NONE,
    NOW,
    SECOND,
    WIDE,
    bought,
    buy,
    crashing,
    funded,
    match,
    sell,
    signed,
    touch,
)

P = Mode.PAPER


async def refused(pool: asyncpg.Pool[Any], rules: RiskRules, intent: Intent) -> Refusal:
    """Prepare an order that must be refused, and see that nothing of it was kept."""
    answer = await Orders(pool).prepare(intent, signed(), rules, NOW)
    assert isinstance(answer, Refusal), answer
    assert await Orders(pool).stored(intent.workflow_id, intent.leg, intent.attempt) is None
    assert await Account(pool).drift() == []
    return answer


async def another(pool: asyncpg.Pool[Any], name: str = "0xc2", **change: Any) -> Intent:
    """Claim another market of the same event and return the intent to buy there."""
    trigger = touch(name, token=name)
    await Claims(pool).take(trigger, "run-1", NOW)
    return buy(trigger, **change)


async def test_a_buy_promises_its_money(pool: asyncpg.Pool[Any]) -> None:
    await funded(pool)
    order = await bought(pool, touch())
    account = await Account(pool).get(P)
    assert (order.status, order.posts, order.unfilled) == (OrderStatus.PREPARED, 0, shares(20))
    assert (account.reserved, account.fee_reserved) == (usd(19), usd("0.20"))
    assert account.tradeable(usd(100)) == usd("880.80")
    assert await Orders(pool).get(order.signed.order_id) == order
    assert await Orders(pool).owner(order.signed.order_id) == touch().workflow_id
    assert await Orders(pool).owner("0xunknown") is None


async def test_an_intent_is_signed_once(pool: asyncpg.Pool[Any]) -> None:
    """A retry gets the stored bytes back, whatever it signed meanwhile; nothing is added."""
    await funded(pool)
    first = await bought(pool, touch())
    again = await Orders(pool).prepare(buy(touch()), signed("0xlater"), WIDE, NOW + SECOND)
    assert again == first
    assert await Orders(pool).get("0xlater") is None
    assert (await Account(pool).get(P)).reserved == usd(19)
    [only] = await Orders(pool).of_workflow(touch().workflow_id)
    assert only == first == (await Orders(pool).open(P))[0]


async def test_one_intent_in_parallel_is_one_order(pool: asyncpg.Pool[Any]) -> None:
    """EXE-M1: twenty attempts of one activity at once, one signature."""
    await funded(pool)
    await Claims(pool).take(touch(), "run-1", NOW)
    orders = Orders(pool)
    kept = await asyncio.gather(
        *(orders.prepare(buy(touch()), signed(), WIDE, NOW) for _ in range(20))
    )
    assert len({k.signed.order_id for k in kept if isinstance(k, StoredOrder)}) == 1
    assert (await Account(pool).get(P)).reserved == usd(19)


@pytest.mark.parametrize("budget", [0, 1])
async def test_a_crash_around_the_reservation_promises_once(
    pool: asyncpg.Pool[Any], budget: int
) -> None:
    await funded(pool)
    await Claims(pool).take(touch(), "run-1", NOW)
    with pytest.raises(Exception, match="^$"):
        await Orders(crashing(pool, budget)).prepare(buy(touch()), signed(), WIDE, NOW)
    kept = await Orders(pool).prepare(buy(touch()), signed(), WIDE, NOW)
    assert isinstance(kept, StoredOrder)
    assert (await Account(pool).get(P)).reserved == usd(19)


async def test_an_unknown_balance_buys_nothing(pool: asyncpg.Pool[Any]) -> None:
    """XD-15: unknown is unknown, never zero and never the last known one."""
    await Claims(pool).take(touch(), "run-1", NOW)
    assert (await refused(pool, WIDE, buy(touch()))).limit is Limit.BALANCE_UNKNOWN
    await funded(pool)
    await Account(pool).set_balance(P, None, NOW)
    assert (await refused(pool, WIDE, buy(touch()))).limit is Limit.BALANCE_UNKNOWN


@pytest.mark.parametrize(("age", "passes"), [(60, True), (61, False)])
async def test_a_stale_balance_buys_nothing(
    pool: asyncpg.Pool[Any], age: int, passes: bool
) -> None:
    await funded(pool, at=NOW - age * SECOND)
    await Claims(pool).take(touch(), "run-1", NOW)
    if passes:
        await bought(pool, touch())
    else:
        refusal = await refused(pool, WIDE, buy(touch()))
        assert (refusal.limit, refusal.value) == (Limit.BALANCE_STALE, Decimal(61))
        assert refusal.text == "expected a balance of at most 60 s, was 61 s old"


@pytest.mark.parametrize(("balance", "passes"), [(120, True), (119, False)])
async def test_the_reserve_floor_is_never_touched(
    pool: asyncpg.Pool[Any], balance: int, passes: bool
) -> None:
    rules = WIDE.model_copy(update={"reserve_floor": usd("100.80")})
    await funded(pool, balance)
    await Claims(pool).take(touch(), "run-1", NOW)
    if passes:
        await bought(pool, touch(), rules)
    else:
        refusal = await refused(pool, rules, buy(touch()))
        assert (refusal.limit, refusal.value, refusal.maximum) == (
            Limit.FUNDS,
            usd("19.20"),
            usd("18.20"),
        )


async def test_promises_are_not_promised_twice(pool: asyncpg.Pool[Any]) -> None:
    await funded(pool, 30)
    await bought(pool, touch())
    assert (await refused(pool, WIDE, await another(pool))).limit is Limit.FUNDS


async def test_open_buys_count_against_max_positions(pool: asyncpg.Pool[Any]) -> None:
    """XD-11: one trade is one slot, from its first reservation until it is over."""
    rules = WIDE.model_copy(update={"max_positions": 1})
    await funded(pool)
    order = await bought(pool, touch(), rules)
    other = await another(pool)
    refusal = await refused(pool, rules, other)
    assert (refusal.limit, refusal.value, refusal.maximum) == (
        Limit.MAX_POSITIONS,
        Decimal(2),
        Decimal(1),
    )
    assert refusal.text == "expected at most 1 open trades, was 2"
    await Fills(pool).apply(P, match(order, count="5"), NOW)
    await Orders(pool).close(order.signed.order_id, OrderStatus.CANCELLED, "rest", NOW)
    assert (await refused(pool, rules, other)).limit is Limit.MAX_POSITIONS
    await Positions(pool).settle(touch().workflow_id, price(1), None, "yes", NOW)
    assert isinstance(await Orders(pool).prepare(other, signed(), rules, NOW), StoredOrder)


async def test_a_claim_on_its_way_in_keeps_its_slot_between_attempts(
    pool: asyncpg.Pool[Any],
) -> None:
    """XD-11: a killed order may be followed by another; a claim that only watches has no slot."""
    rules = WIDE.model_copy(update={"max_positions": 1})
    await funded(pool)
    other = await another(pool)  # claims, and does nothing more
    order = await bought(pool, touch(), rules)
    await Orders(pool).close(order.signed.order_id, OrderStatus.KILLED, "nothing there", NOW)
    assert (await refused(pool, rules, other)).limit is Limit.MAX_POSITIONS
    second = await Orders(pool).prepare(buy(touch(), attempt=2), signed(), rules, NOW)
    assert isinstance(second, StoredOrder)
    await Orders(pool).close(second.signed.order_id, OrderStatus.KILLED, "nothing there", NOW)
    await Claims(pool).release(P, "0xc1", price("0.95"), "run-1", "killed", None, NOW)
    assert isinstance(await Orders(pool).prepare(other, signed(), rules, NOW), StoredOrder)


@pytest.mark.parametrize(
    ("cap", "limit"),
    [("max_per_event", Limit.MAX_PER_EVENT), ("max_total", Limit.MAX_TOTAL)],
)
async def test_exposure_counts_promises_and_what_is_held(
    pool: asyncpg.Pool[Any], cap: str, limit: Limit
) -> None:
    rules = WIDE.model_copy(update={cap: usd(38)})
    await funded(pool)
    order = await bought(pool, touch(), rules)
    await Fills(pool).apply(P, match(order, count="8"), NOW)  # 7.60 held, 11.40 promised
    await bought(pool, touch("0xc2", "22"), rules)
    refusal = await refused(pool, rules, await another(pool, "0xc3"))
    assert (refusal.limit, refusal.value) == (limit, usd(57))


async def test_exposure_of_one_market_counts_every_attempt(pool: asyncpg.Pool[Any]) -> None:
    rules = WIDE.model_copy(update={"max_per_market": usd(20)})
    await funded(pool)
    await bought(pool, touch(), rules)
    refusal = await refused(pool, rules, buy(touch(), attempt=2))
    assert (refusal.limit, refusal.value) == (Limit.MAX_PER_MARKET, usd(38))


async def test_a_market_without_event_has_no_event_cap(pool: asyncpg.Pool[Any]) -> None:
    rules = WIDE.model_copy(update={"max_per_event": usd(1)})
    await funded(pool)
    await bought(pool, touch(), rules, event_id=None)


async def test_the_loss_of_the_day_stops_buying_until_midnight_utc(
    pool: asyncpg.Pool[Any],
) -> None:
    rules = WIDE.model_copy(update={"max_daily_loss": usd("19.05")})
    await funded(pool)
    order = await bought(pool, touch(), rules)
    await Fills(pool).apply(P, match(order), NOW)
    await Positions(pool).settle(touch().workflow_id, price(0), None, "no", NOW)
    other = await another(pool)
    refusal = await refused(pool, rules, other)
    assert (refusal.limit, refusal.value) == (Limit.MAX_DAILY_LOSS, usd("19.05"))
    tomorrow = NOW + timedelta(hours=12)
    await funded(pool, at=tomorrow)
    kept = await Orders(pool).prepare(other, signed(), rules, tomorrow)
    assert isinstance(kept, StoredOrder)


@pytest.mark.parametrize("state", [HaltState.REDUCING, HaltState.HALTED])
async def test_a_halted_account_reserves_and_posts_no_buy(
    pool: asyncpg.Pool[Any], state: HaltState
) -> None:
    await funded(pool)
    order = await bought(pool, touch())
    affected = await Account(pool).halt(P, state, "ann", "drill", NOW)
    permit = await Orders(pool).posting(order.signed.order_id, NOW)
    assert (affected, permit.allowed, permit.halt, permit.posts) == (1, False, state, 0)
    assert (await refused(pool, WIDE, await another(pool))).limit == state.value


@pytest.mark.parametrize(
    ("state", "allowed"), [(HaltState.REDUCING, True), (HaltState.HALTED, False)]
)
async def test_reducing_lets_exits_through_and_halted_does_not(
    pool: asyncpg.Pool[Any], state: HaltState, allowed: bool
) -> None:
    await funded(pool)
    order = await bought(pool, touch())
    await Fills(pool).apply(P, match(order), NOW)
    early = await Orders(pool).prepare(sell(touch()), signed(), WIDE, NOW)
    assert isinstance(early, StoredOrder)
    await Account(pool).halt(P, state, "ann", "drill", NOW)
    assert (await Orders(pool).posting(early.signed.order_id, NOW)).allowed is allowed
    await Orders(pool).close(early.signed.order_id, OrderStatus.CANCELLED, "it said so", NOW)
    late = await Orders(pool).prepare(sell(touch(), attempt=2), signed(), WIDE, NOW)
    assert isinstance(late, StoredOrder) is allowed


async def test_shares_are_offered_once(pool: asyncpg.Pool[Any]) -> None:
    """XD-10, EXE-M2: no second SELL of the same shares, and none of shares we do not hold."""
    await funded(pool)
    order = await bought(pool, touch())
    await Fills(pool).apply(P, match(order), NOW)
    first = await Orders(pool).prepare(sell(touch(), shares=shares(15)), signed(), WIDE, NOW)
    assert isinstance(first, StoredOrder)
    refusal = await refused(pool, WIDE, sell(touch(), attempt=2, shares=shares(6)))
    assert (refusal.limit, refusal.value, refusal.maximum) == (Limit.HELD, shares(6), shares(5))
    fits = await Orders(pool).prepare(
        sell(touch(), attempt=2, shares=shares(5)), signed(), WIDE, NOW
    )
    assert isinstance(fits, StoredOrder)
    assert (await Account(pool).get(P)).reserved == 0


async def test_a_trade_without_its_claim_buys_nothing(pool: asyncpg.Pool[Any]) -> None:
    await funded(pool)
    assert (await refused(pool, WIDE, buy(touch()))).limit is Limit.CLAIM
    await Claims(pool).take(touch(), "run-1", NOW)
    assert (await refused(pool, WIDE, buy(touch(), run_id="zombie"))).limit is Limit.CLAIM
    await Claims(pool).release(P, "0xc1", price("0.95"), "run-1", "no", None, NOW)
    assert (await refused(pool, WIDE, buy(touch()))).limit is Limit.CLAIM


async def test_a_run_that_was_replaced_sells_nothing(pool: asyncpg.Pool[Any]) -> None:
    """An attempt of a terminated run may still be under way when reconciliation adopts."""
    await funded(pool)
    order = await bought(pool, touch())
    await Fills(pool).apply(P, match(order, status=FillStatus.CONFIRMED), NOW)
    await Claims(pool).take_over(P, touch().workflow_id, "run-2", "adopted", NOW)
    assert (await refused(pool, WIDE, sell(touch()))).limit is Limit.CLAIM
    kept = await Orders(pool).prepare(sell(touch(), run_id="run-2"), signed(), WIDE, NOW)
    assert isinstance(kept, StoredOrder)


async def test_a_proof_that_did_not_know_of_the_last_post_ends_nothing(
    pool: asyncpg.Pool[Any],
) -> None:
    await funded(pool)
    order = await bought(pool, touch())
    orders, key = Orders(pool), order.signed.order_id
    for _ in range(2):
        await orders.posting(key, NOW)
    judged = await orders.close(key, OrderStatus.KILLED, "one post killed", NOW, judged_posts=1)
    assert judged.closed_at is None and judged.unfilled == shares(20)
    assert (await Account(pool).get(P)).reserved == usd(19)
    judged = await orders.close(key, OrderStatus.KILLED, "both killed", NOW, judged_posts=2)
    assert judged.status is OrderStatus.KILLED
    assert (await Account(pool).get(P)).reserved == usd(0)


async def test_a_post_is_counted_before_it_happens(pool: asyncpg.Pool[Any]) -> None:
    await funded(pool)
    order = await bought(pool, touch())
    orders, key = Orders(pool), order.signed.order_id
    assert [(await orders.posting(key, NOW)).posts for _ in range(2)] == [1, 2]
    stored = await orders.get(key)
    assert stored and stored.first_posted_at == NOW
    await orders.close(key, OrderStatus.KILLED, "nothing there", NOW)
    assert not (await orders.posting(key, NOW)).allowed
    with pytest.raises(UnknownOrder, match="was '0xno'"):
        await orders.posting("0xno", NOW)


@pytest.mark.parametrize(
    ("answers", "landing", "status"),
    [
        ([Landing.LANDED], Landing.LANDED, OrderStatus.LIVE),
        ([Landing.REFUSED], Landing.REFUSED, OrderStatus.PREPARED),
        ([Landing.KILLED], Landing.KILLED, OrderStatus.PREPARED),
        ([Landing.UNKNOWN], Landing.UNKNOWN, OrderStatus.UNKNOWN),
        ([Landing.NOT_READY, Landing.REFUSED], Landing.REFUSED, OrderStatus.PREPARED),
        ([Landing.UNKNOWN, Landing.REFUSED], Landing.UNKNOWN, OrderStatus.UNKNOWN),
        ([Landing.UNKNOWN, Landing.NOT_READY], Landing.UNKNOWN, OrderStatus.UNKNOWN),
        ([Landing.UNKNOWN, Landing.LANDED], Landing.LANDED, OrderStatus.LIVE),
        ([Landing.UNKNOWN, Landing.KILLED], Landing.KILLED, OrderStatus.UNKNOWN),
        ([Landing.LANDED, Landing.REFUSED], Landing.LANDED, OrderStatus.LIVE),
        ([None, Landing.REFUSED], Landing.UNKNOWN, OrderStatus.UNKNOWN),  # a post without answer
        ([None, Landing.LANDED], Landing.LANDED, OrderStatus.LIVE),
    ],
)
async def test_an_answer_judges_its_own_post_only(
    pool: asyncpg.Pool[Any],
    answers: list[Landing | None],
    landing: Landing,
    status: OrderStatus,
) -> None:
    """A 4xx on a later attempt says nothing of an earlier unanswered one (design 5)."""
    await funded(pool)
    key = (await bought(pool, touch())).signed.order_id
    orders = Orders(pool)
    for answer in answers:
        await orders.posting(key, NOW)
        if answer:
            await orders.landed(key, answer, None, answer.value, NOW)
    stored = await orders.get(key)
    assert stored and (stored.landing, stored.status) == (landing, status)


async def test_a_terminal_word_in_an_answer_closes_nothing(pool: asyncpg.Pool[Any]) -> None:
    await funded(pool)
    key = (await bought(pool, touch())).signed.order_id
    await Orders(pool).posting(key, NOW)
    order = await Orders(pool).landed(key, Landing.LANDED, OrderStatus.FILLED, "matched", NOW)
    assert (order.status, order.closed_at) == (OrderStatus.LIVE, None)
    with pytest.raises(UnknownOrder):
        await Orders(pool).landed("0xno", Landing.LANDED, None, "", NOW)


async def test_an_order_ends_once_and_frees_the_rest(pool: asyncpg.Pool[Any]) -> None:
    """EXE-H2: partial, then cancelled: the filled part stays, the rest is free."""
    await funded(pool)
    key = (await bought(pool, touch())).signed.order_id
    orders = Orders(pool)
    order = await orders.get(key)
    assert order
    await Fills(pool).apply(P, match(order, count="8"), NOW)
    account = await Account(pool).get(P)
    assert (account.reserved, account.fee_reserved) == (usd("11.40"), usd("0.12"))
    done = await orders.close(key, OrderStatus.CANCELLED, "cancel acknowledged", NOW)
    again = await orders.close(key, OrderStatus.EXPIRED, "another story", NOW + SECOND)
    assert done == again and (done.status, done.filled) == (OrderStatus.CANCELLED, shares(8))
    assert done.unfilled == 0
    account = await Account(pool).get(P)
    assert (account.reserved, account.fee_reserved, account.position_cost) == (
        NONE,
        NONE,
        usd("7.60"),
    )


async def test_closing_needs_a_terminal_state_and_evidence(pool: asyncpg.Pool[Any]) -> None:
    orders = Orders(pool)
    with pytest.raises(ValueError, match="terminal status with evidence"):
        await orders.close("0x1", OrderStatus.LIVE, "hm", NOW)
    with pytest.raises(ValueError, match="terminal status with evidence"):
        await orders.close("0x1", OrderStatus.FILLED, "", NOW)
    with pytest.raises(UnknownOrder):
        await orders.close("0x1", OrderStatus.FILLED, "trades", NOW)


async def test_filled_without_fills_stays_spent_until_a_younger_balance(
    pool: asyncpg.Pool[Any],
) -> None:
    """The venue says the money went out: nothing is free before its balance says so too."""
    await funded(pool)
    key = (await bought(pool, touch())).signed.order_id
    order = await Orders(pool).close(key, OrderStatus.FILLED, "the venue says matched", NOW)
    account = await Account(pool).get(P)
    assert (account.reserved, account.unsettled) == (NONE, usd(19))
    await Fills(pool).apply(P, match(order, count="5"), NOW)  # a late one: no longer unexplained
    assert (await Account(pool).get(P)).unsettled == usd("19.05")
    await funded(pool, 980, NOW + SECOND)
    assert (await Account(pool).get(P)).unsettled == usd("4.80")
    await Fills(pool).apply(P, match(order, count="5", status=FillStatus.CONFIRMED), NOW)
    await funded(pool, 980, NOW + SECOND)
    assert (await Account(pool).get(P)).unsettled == 0
    assert await Account(pool).drift() == []


async def test_a_strangers_order_is_adopted_and_counts(pool: asyncpg.Pool[Any]) -> None:
    """EXE-M1: a venue order is never untracked; its bytes are unknown, so it is never posted."""
    from domain.positions import AgeSource, HoldPolicy

    trigger = touch()
    await Corrections(pool).adopt(
        P,
        trigger.workflow_id,
        trigger.condition_id,
        trigger.token_id,
        "Yes",
        0,
        trigger.threshold,
        "e1",
        "run-1",
        shares(0),
        None,
        None,
        AgeSource.UNKNOWN,
        HoldPolicy.NEW,
        NOW,
    )
    stranger = VenueOrder(
        order_id="0xstranger",
        condition_id=trigger.condition_id,
        token_id=trigger.token_id,
        side=Side.BUY,
        status=OrderStatus.LIVE,
        original=shares(20),
        matched=shares(0),
        price=price("0.95"),
    )
    for _ in range(2):
        order = await Corrections(pool).adopt_order(buy(trigger), stranger, NOW)
        assert (order.adopted, order.status) == (True, OrderStatus.LIVE)
    account = await Account(pool).get(P)
    assert (account.reserved, account.open_slots) == (usd(19), 1)
    assert not (await Orders(pool).posting("0xstranger", NOW)).allowed
    await Fills(pool).apply(P, match(order), NOW)
    await Orders(pool).close("0xstranger", OrderStatus.FILLED, "trades", NOW)
    assert await Account(pool).drift() == []
    assert (await Account(pool).get(P)).reserved == 0


async def test_one_id_in_both_modes_must_be_told_apart(pool: asyncpg.Pool[Any]) -> None:
    """Q8: paper and live may trade one market in one database."""
    live = touch(mode=Mode.LIVE)
    await funded(pool)
    await Account(pool).set_balance(Mode.LIVE, usd(500), NOW)
    paper_order = await bought(pool, touch())
    live_order = await bought(pool, live)
    orders, workflow = Orders(pool), live.workflow_id
    with pytest.raises(ModeNeeded):
        await orders.stored(workflow, Leg.ENTRY, 1)
    assert await orders.stored(workflow, Leg.ENTRY, 1, Mode.LIVE) == live_order
    assert await orders.of_workflow(workflow, P) == [paper_order]
    for order in (paper_order, live_order):
        await Fills(pool).apply(order.intent.mode, match(order), NOW)
    with pytest.raises(ModeNeeded):
        await Positions(pool).get(workflow)
    with pytest.raises(ModeNeeded):
        await Positions(pool).settle(workflow, price(1), None, "yes", NOW)
    with pytest.raises(UnknownOrder, match="of ours in live"):
        await Fills(pool).apply(Mode.LIVE, match(paper_order), NOW)


async def test_the_breaker_counts_refused_and_unknown_orders(pool: asyncpg.Pool[Any]) -> None:
    await funded(pool)
    for number, answer in enumerate([Landing.LANDED, Landing.UNKNOWN, Landing.REFUSED, None]):
        order = await bought(pool, touch(f"0xc{number}", str(number)))
        if answer:
            await Orders(pool).posting(order.signed.order_id, NOW)
            await Orders(pool).landed(order.signed.order_id, answer, None, "", NOW)
    assert await Orders(pool).error_ratio(P, NOW) == (2, 3)
    assert await Orders(pool).error_ratio(P, NOW + SECOND) == (0, 0)


async def test_only_orders_that_were_never_posted_are_given_up(pool: asyncpg.Pool[Any]) -> None:
    """A post that began is never overtaken: its order stays, with its promise."""
    await funded(pool)
    orders = Orders(pool)
    posted = await bought(pool, touch())
    await orders.posting(posted.signed.order_id, NOW)
    fresh = await orders.prepare(buy(touch(), attempt=2), signed(), WIDE, NOW)
    assert isinstance(fresh, StoredOrder)
    await orders.close_unposted(touch().workflow_id, "the trade is over", NOW)
    assert [o.signed.order_id for o in await orders.open(P)] == [posted.signed.order_id]
    assert not (await orders.posting(fresh.signed.order_id, NOW)).allowed
    assert (await Account(pool).get(P)).reserved == usd(19)


async def test_what_a_look_showed_is_noted_and_never_an_end(pool: asyncpg.Pool[Any]) -> None:
    await funded(pool)
    key = (await bought(pool, touch())).signed.order_id
    orders = Orders(pool)
    for told, kept in (
        (OrderStatus.LIVE, OrderStatus.LIVE),
        (OrderStatus.FILLED, OrderStatus.LIVE),
        (OrderStatus.UNKNOWN, OrderStatus.UNKNOWN),
    ):
        await orders.mark(key, told)
        order = await orders.get(key)
        assert order and order.status is kept
