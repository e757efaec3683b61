"""What a person was left with is booked by reconciliation once its market is over."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest
import pytest_asyncio

from activities import leftovers
from domain.market import Mode
from domain.money import Shares, micros, price, shares, usd
from domain.positions import AgeSource, HoldPolicy, PositionState
from domain.reconcile import Difference, Kind
from domain.trade import ClaimState, Stage
from sim.acts import perform
from sim.faults import Fault
from store.account import Account, AccountRow
from store.booking import StoredPosition
from store.claims import Claims
from store.corrections import Corrections
from store.positions import Positions
from tests.house import House
from tests.sim.client import SAFE
from tests.waiting import eventually
from tests.whole.conftest import Opener
from tests.whole.test_alerts import raised
from tests.whole.test_reconcile import holding
from tests.whole.test_strays import buy_by_hand
from venue.errors import Unknown
from workflows.messages import Abandon, TradeResult
from workflows.trade import TradeWorkflow

P = Mode.PAPER


@pytest_asyncio.fixture
async def house(houses: Opener) -> Any:
    """Return a house where nothing is too young to be reconciled."""
    async with houses("reconcile.grace=0s") as opened:
        yield opened


async def abandoned(house: House) -> tuple[Any, Any]:
    """Leave a trade that holds settled shares to a person."""
    shown, trade = await holding(house)
    await trade.execute_update(TradeWorkflow.abandon, Abandon(who="ann"))
    assert (await asyncio.wait_for(trade.result(), 60)).ending is Stage.ABANDONED
    return shown, trade


def send_away(house: House, token: str, count: Shares) -> None:
    """Send shares to another wallet; the sim's indexer sees it too."""
    account = house.sim.engine.exchange.memory.accounts[SAFE.lower()]
    account.tokens[token] -= micros(count)
    account.moved[token] = account.moved.get(token, 0) - micros(count)


async def position(house: House, workflow_id: str) -> StoredPosition:
    found = await Positions(house.desk.pool).get(workflow_id, P)
    assert found is not None
    return found


async def money(house: House) -> AccountRow:
    account = Account(house.desk.pool)
    assert await account.drift() == []
    return await account.get(P)


async def profit(house: House) -> Any:
    """Return today's profit as the daily loss limit sees it."""
    return await house.desk.pool.fetchval("SELECT today_profit FROM account WHERE mode = $1", P)


async def test_an_abandoned_trade_whose_market_was_lost_counts_as_a_loss_and_frees_its_slot(
    house: House,
) -> None:
    shown, trade = await abandoned(house)
    before = await position(house, trade.id)
    assert (await money(house)).open_slots == 1 and before.state is PositionState.UNMANAGED
    house.resolve(shown, winner=1)
    reports = await asyncio.gather(house.reconcile(), house.reconcile())  # at the same time
    assert sum(len(r.repaired) for r in reports) == 1
    assert (await house.reconcile()).repaired == ()
    after, account = await position(house, trade.id), await money(house)
    assert (after.state, after.payout) == (PositionState.RESOLVED, price("0"))
    assert (account.open_slots, account.position_cost) == (0, usd(0))
    assert await profit(house) == usd(-(before.cost + before.fees))
    claim = await Claims(house.desk.pool).get(P, trade.id)
    assert claim is not None and claim.state is ClaimState.ENTERED
    assert len(await Positions(house.desk.pool).exits(trade.id, P)) == 1
    assert (await house.judge()).clean


async def test_an_abandoned_trade_that_a_person_redeemed_is_booked_on_the_second_look(
    house: House,
) -> None:
    shown, trade = await abandoned(house)
    before, venue = await position(house, trade.id), house.desk.venue
    house.resolve(shown)
    for _ in range(3):  # the shares are there: nobody redeemed them yet
        assert (await house.reconcile()).repaired == ()
    await venue.redeem(shown.condition_id)

    async def listed() -> bool:
        gone = all(p.token_id != shown.tokens[0] for p in await venue.positions())
        return gone and shown.tokens[0] in await venue.redeemed(shown.condition_id)

    await eventually(listed, within=30)
    assert (await house.reconcile()).repaired == ()
    assert (await position(house, trade.id)).state is PositionState.UNMANAGED
    assert len((await house.reconcile()).repaired) == 1
    after, account = await position(house, trade.id), await money(house)
    assert (after.state, after.shares) == (PositionState.RESOLVED, shares(0))
    assert (account.open_slots, account.position_cost) == (0, usd(0))
    assert await profit(house) == usd(before.shares - before.cost - before.fees)
    assert (await house.judge()).clean


async def test_an_empty_wallet_without_a_listed_payment_closes_only_after_many_looks(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sold by hand right before the end: for how much, nobody told the bot."""
    monkeypatch.setattr(leftovers, "UNLISTED", 4)
    shown, trade = await abandoned(house)
    house.resolve(shown)
    send_away(house, shown.tokens[0], (await position(house, trade.id)).shares)
    for _ in range(3):
        assert (await house.reconcile()).repaired == ()
    assert (await position(house, trade.id)).state is PositionState.UNMANAGED

    async def closed() -> bool:
        await house.reconcile()
        return (await position(house, trade.id)).state is PositionState.CLOSED

    await eventually(closed, within=30)
    (gone,) = await Positions(house.desk.pool).exits(trade.id, P)
    assert gone.profit is None and (await money(house)).open_slots == 0
    assert f"leftover:paper:{trade.id}" in await raised(house)


async def test_a_dispute_or_a_silent_venue_settles_nothing_that_a_person_was_left_with(
    house: House,
) -> None:
    shown, trade = await abandoned(house)
    match = {"condition_id": shown.condition_id}
    perform(house.sim.engine, Fault(name="dispute", match=match), house.sim.engine.now())
    assert (await house.reconcile()).repaired == ()
    asked = house.desk.venue.resolution

    async def silent(condition_id: str) -> Any:
        raise Unknown("no answer")

    house.resolve(shown, winner=1)
    house.desk.venue.resolution = silent  # type: ignore[method-assign]  # replaced for this test
    assert (await house.reconcile()).repaired == ()
    assert (await position(house, trade.id)).state is PositionState.UNMANAGED
    house.desk.venue.resolution = asked  # type: ignore[method-assign]  # put back
    assert len((await house.reconcile()).repaired) == 1


async def test_shares_that_come_back_to_an_abandoned_trade_start_no_run(house: House) -> None:
    shown, trade = await abandoned(house)
    held = await position(house, trade.id)
    found = Difference(kind=Kind.SHARES_STRANGER, token_id=shown.tokens[0], theirs=held.shares)
    adopting = house.desk.reconciling._repairs._adopting
    assert await adopting.stranger(P, found, datetime.now(UTC)) is None


async def test_two_trades_on_one_token_book_together_what_a_redemption_paid(house: House) -> None:
    """Five shares left the wallet before the end; each trade bears its part of them."""
    shown, first = await holding(house)
    venue, mine = house.desk.venue, (await position(house, first.id)).shares
    await buy_by_hand(house, shown.tokens[0], "0.97")
    bought = shares(await venue.shares(shown.tokens[0]) - mine)
    second, now = f"{shown.condition_id}:0.96", datetime.now(UTC)
    await Corrections(house.desk.pool).adopt(
        P,
        second,
        shown.condition_id,
        shown.tokens[0],
        "Yes",
        0,
        price("0.96"),
        None,
        "reconciliation",
        bought,
        usd(20),
        now,
        AgeSource.ACTUAL,
        HoldPolicy.ACTUAL,
        now,
    )
    send_away(house, shown.tokens[0], shares(5))
    house.resolve(shown)
    one = await asyncio.wait_for(first.result(), 60)
    await house.reconcile()
    run = house.client.get_workflow_handle(second, result_type=TradeResult)
    two = await asyncio.wait_for(run.result(), 60)
    assert abs(one.proceeds + two.proceeds - (mine + bought - 5)) < usd("0.0001")
    assert one.proceeds < mine and two.proceeds < bought
