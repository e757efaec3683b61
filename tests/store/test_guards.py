"""Races and mixtures that the store refuses (migrations/0008_guards.sql, store/corrections.py)."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import asyncpg
import pytest

from domain.market import Mode
from domain.money import price, shares, usd
from domain.orders import FillStatus, OrderStatus, Side, VenueOrder
from domain.positions import AgeSource, HoldPolicy, PositionState
from domain.rules import RiskRules
from domain.trade import ClaimState
from store.account import Account
from store.booking import StoredPosition
from store.claims import Claims
from store.corrections import Corrections
from store.errors import FillConflict, OtherToken
from store.fills import Fills
from store.orders import Orders
from store.positions import Positions
from store.stored_order import Limit, Refusal, StoredOrder
from tests.store.examples import (
    NOW,
    SECOND,
    WIDE,
    bought,
    buy,
    funded,
    match,
    sell,
    signed,
    touch,
)

P = Mode.PAPER
W = touch().workflow_id
KEY = (P, "0xc1", price("0.95"))


async def adopt(
    pool: asyncpg.Pool[Any], token: str = "11", as_of: Any = None
) -> StoredPosition | None:
    """Adopt 20 shares that no trade explains."""
    return await Corrections(pool).adopt(
        P, "0xc1:0.95", "0xc1", token, "Yes", 0, price("0.95"), "e1", "run-1", shares(20), None,
        None, AgeSource.UNKNOWN, HoldPolicy.NEW, NOW + SECOND, as_of,
    )  # fmt: skip


async def sold_out(pool: asyncpg.Pool[Any], status: FillStatus) -> StoredOrder:
    """Buy 20 shares and sell all of them; the sale has this status."""
    await funded(pool)
    order = await bought(pool, touch())
    await Fills(pool).apply(P, match(order, status=FillStatus.CONFIRMED), NOW - SECOND)
    sale = await Orders(pool).prepare(sell(touch()), signed(), WIDE, NOW)
    assert isinstance(sale, StoredOrder)
    applied = await Fills(pool).apply(P, match(sale, "t2", status=status), NOW)
    assert applied.position.state is PositionState.CLOSED
    return sale


@pytest.mark.parametrize("status", [FillStatus.MATCHED, FillStatus.CONFIRMED])
async def test_shares_of_a_sale_that_settles_are_not_adopted_again(
    pool: asyncpg.Pool[Any], status: FillStatus
) -> None:
    """The wallet shows them until the sale is mined; a reading from before it is old."""
    await sold_out(pool, status)
    kept = await adopt(pool, as_of=NOW)
    assert kept is not None and (kept.shares, kept.state) == (shares(0), PositionState.CLOSED)
    moving = await Fills(pool).moving(P, NOW)
    assert moving == {"11"}


async def test_a_reading_after_the_sale_settled_may_reopen(pool: asyncpg.Pool[Any]) -> None:
    await sold_out(pool, FillStatus.CONFIRMED)
    kept = await adopt(pool, as_of=NOW + SECOND / 2)
    assert kept is not None and kept.shares == 20
    again = await adopt(pool, as_of=NOW + SECOND / 2)  # a zombie beside its retry
    assert again is not None and again.shares == 20
    assert await Fills(pool).moving(P, NOW + SECOND) == set()


async def test_shares_of_the_other_outcome_never_enter_a_trade(pool: asyncpg.Pool[Any]) -> None:
    await funded(pool)
    order = await bought(pool, touch())
    await Fills(pool).apply(P, match(order), NOW)
    with pytest.raises(OtherToken, match="expected token 11, was 22"):
        await adopt(pool, token="22")
    claim = await Claims(pool).get(P, W)
    assert claim is not None and claim.token_id == "11"


async def test_a_touch_that_was_given_back_is_adopted_with_its_new_token(
    pool: asyncpg.Pool[Any],
) -> None:
    await Claims(pool).take(touch(), "run-1", NOW)
    await Claims(pool).release(*KEY, "run-1", "score", None, NOW)
    kept = await adopt(pool, token="22")
    assert kept is not None and (kept.token_id, kept.shares) == ("22", shares(20))


async def test_a_fill_of_another_token_is_a_conflict_and_changes_nothing(
    pool: asyncpg.Pool[Any],
) -> None:
    """A person's resting order on the other outcome does not turn into shares of ours."""
    await funded(pool)
    order = await bought(pool, touch())
    await Fills(pool).apply(P, match(order), NOW)
    other = buy(touch(token="22"), attempt=1_001, limit=price("0.04"), funds=usd("0.8"))
    stranger = VenueOrder(
        order_id="0xstranger", condition_id="0xc1", token_id="22", side=Side.BUY,
        status=OrderStatus.LIVE, price=price("0.04"), original=shares(20), matched=shares(0),
    )  # fmt: skip
    adopted = await Corrections(pool).adopt_order(other, stranger, NOW)
    before = await Positions(pool).get(W, P)
    with pytest.raises(FillConflict, match="token 11"):
        await Fills(pool).apply(P, match(adopted, "t9"), NOW)
    assert await Positions(pool).get(W, P) == before
    assert await Account(pool).drift() == []


async def test_a_size_that_moved_since_it_was_compared_is_left_alone(
    pool: asyncpg.Pool[Any],
) -> None:
    await funded(pool)
    order = await bought(pool, touch())
    await Fills(pool).apply(P, match(order), NOW)
    for compared, left in ((shares(35), 20), (shares(20), 15)):
        kept = await Corrections(pool).adjust(W, P, shares(15), None, "x", NOW, compared)
        assert kept is not None and kept.shares == left


@pytest.mark.parametrize(("balance", "refused"), [(24, True), (25, False)])
async def test_q10_below_the_last_rung_nothing_is_bought(
    pool: asyncpg.Pool[Any], balance: int, refused: bool
) -> None:
    """The database says so, whatever the reserve floor."""
    await funded(pool, balance)
    await Claims(pool).take(touch(), "run-1", NOW)
    rules = RiskRules.model_validate({**WIDE.model_dump(), "stop_below": usd(25)})
    answer = await Orders(pool).prepare(buy(touch()), signed(), rules, NOW)
    assert isinstance(answer, Refusal) is refused
    if isinstance(answer, Refusal):
        assert (answer.limit, answer.value) == (Limit.STOP_BELOW, Decimal(24))
        assert "at least 25 USD" in answer.text


async def test_what_still_comes_of_an_abandoned_trade_is_unmanaged(
    pool: asyncpg.Pool[Any],
) -> None:
    """Design 5: abandoned with an order nobody knows the fate of; it filled after all."""
    await funded(pool)
    order = await bought(pool, touch())
    await Claims(pool).abandon(P, W, NOW)
    applied = await Fills(pool).apply(P, match(order), NOW)
    assert applied.position.state is PositionState.UNMANAGED


async def test_an_abandoned_touch_is_declined_when_its_claim_is_given_back(
    pool: asyncpg.Pool[Any],
) -> None:
    await Claims(pool).take(touch(), "run-1", NOW)
    await Claims(pool).abandon(P, W, NOW)
    later = NOW + timedelta(minutes=1)
    assert await Claims(pool).release(*KEY, "run-1", "its run is gone", later, NOW)
    claim = await Claims(pool).get(P, W)
    assert claim is not None and (claim.state, claim.retry_after) == (ClaimState.DECLINED, None)


async def test_a_trade_that_a_person_allowed_again_is_managed_again(
    pool: asyncpg.Pool[Any],
) -> None:
    await funded(pool)
    await Claims(pool).take(touch(), "run-1", NOW)
    await Claims(pool).abandon(P, W, NOW)
    await Claims(pool).release(*KEY, "run-1", "its run is gone", None, NOW)
    assert await Claims(pool).allow(*KEY, "ann", "another try", NOW)
    order = await bought(pool, touch())
    applied = await Fills(pool).apply(P, match(order), NOW)
    assert applied.position.state is PositionState.OPEN


async def test_a_position_counts_in_the_event_its_order_was_reserved_in(
    pool: asyncpg.Pool[Any],
) -> None:
    """The catalogue may learn the event between the touch and the screening."""
    await funded(pool)
    order = await bought(pool, touch(), event_id="learnt")
    applied = await Fills(pool).apply(P, match(order), NOW)
    assert applied.position.event_id == "learnt"


async def test_a_strangers_order_is_missing_since_it_was_first_missed(
    pool: asyncpg.Pool[Any],
) -> None:
    await funded(pool)
    order = await bought(pool, touch())
    orders, key = Orders(pool), order.signed.order_id
    for at in (NOW, NOW + SECOND):
        assert (await orders.absent(key, at)).absent_at == NOW
    assert (await orders.absent(key, None)).absent_at is None


async def test_shares_of_an_abandoned_trade_whose_sale_failed_stay_with_the_person(
    pool: asyncpg.Pool[Any],
) -> None:
    """The sale of unknown fate filled after the abandonment, and its settlement failed."""
    await funded(pool)
    order = await bought(pool, touch())
    await Fills(pool).apply(P, match(order, status=FillStatus.CONFIRMED), NOW)
    sale = await Orders(pool).prepare(sell(touch()), signed(), WIDE, NOW)
    assert isinstance(sale, StoredOrder)
    await Claims(pool).abandon(P, W, NOW)
    await Positions(pool).mark_unmanaged(W, NOW, P)
    sold = match(sale, "t2")
    assert (await Fills(pool).apply(P, sold, NOW)).position.state is PositionState.CLOSED
    failed = sold.model_copy(update={"status": FillStatus.FAILED})
    back = (await Fills(pool).apply(P, failed, NOW)).position
    assert (back.shares, back.state) == (shares(20), PositionState.UNMANAGED)
