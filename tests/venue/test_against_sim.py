"""The whole port against a running sim: money goes out and comes back, and the books agree."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import httpx
import pytest

from domain.market import Market, Resolution
from domain.money import price, shares
from domain.orders import FillStatus, Landing, OrderStatus, TimeInForce
from tests.venue.scripted import KEY, intent
from tests.venue.simulated import (
    Sim,
    buy,
    connected,
    now,
    open_market,
    salt,
)
from tests.waiting import eventually
from venue.connect import Account, connect
from venue.doctor import Doctor, passed
from venue.errors import NotReady, RefusalKind, Refused
from venue.polymarket import Venue
from venue.records import CancelState
from venue.sdk import DEPOSIT, EOA, PROXY, SAFE, wallet_for
from venue.transport import ApiCreds, Hosts


async def test_a_buy_fills_once_however_often_it_is_posted_and_settles(
    sim: Sim, venue: Venue
) -> None:
    market, _ = await open_market(venue)
    before = await venue.balance()
    signed = await venue.sign(buy(market, price("0.99")), salt(), now())
    first = await venue.post(signed)
    assert (first.landing, first.text) == (Landing.LANDED, "matched")
    again = await venue.post(signed, earlier_unanswered=True)
    assert (again.landing, again.duplicated) == (Landing.LANDED, True)

    async def confirmed() -> bool:
        fills = await venue.fills(signed.order_id, market.condition_id)
        return bool(fills) and all(f.status is FillStatus.CONFIRMED for f in fills)

    await eventually(confirmed, within=10, every=0.05)
    fills = await venue.fills(signed.order_id, market.condition_id)
    bought = sum((f.shares for f in fills), Decimal(0))
    assert bought == first.matched
    paid = sum((f.shares * f.price + f.fee for f in fills), Decimal(0))
    assert before - await venue.balance() == pytest.approx(paid, abs=Decimal("0.000002"))
    assert await venue.shares(market.tokens[0].token_id) >= bought
    assert await venue.order(signed.order_id) is None
    assert (await venue.cancel(signed.order_id)).state is CancelState.ENDED
    since = await venue.fills_since(now() - timedelta(seconds=30))
    assert {f.trade_id for f in fills} <= {f.trade_id for f in since}


async def test_markets_are_found_by_name_in_one_question(venue: Venue) -> None:
    names = {market.condition_id for market in (await venue.markets_page()).markets[:5]}
    found = await venue.named([*names, "0x" + "00" * 32])
    assert names and {market.condition_id for market in found.markets} == names


async def test_a_resting_order_is_seen_and_cancelled(venue: Venue) -> None:
    market, _ = await open_market(venue)
    wish = buy(market, price("0.01"), tif=TimeInForce.GTC)
    signed = await venue.sign(wish, salt(), now())
    assert (await venue.post(signed)).status is OrderStatus.LIVE
    seen = await venue.order(signed.order_id, signed.taker_amount)  # type: ignore[arg-type]  # a stand-in
    assert seen is not None
    assert (seen.original, seen.status) == (Decimal(10), OrderStatus.LIVE)
    assert signed.order_id in {o.order_id for o in await venue.open_orders()}
    assert (await venue.cancel(signed.order_id)).state is CancelState.DONE
    assert await venue.order(signed.order_id) is None


async def test_a_buy_below_every_ask_is_killed(venue: Venue) -> None:
    market, _ = await open_market(venue)
    wish = intent(
        condition_id=market.condition_id,
        token_id=market.tokens[0].token_id,
        limit=price("0.01"),
        shares=shares(200),
    )
    found = await venue.post(await venue.sign(wish, salt(), now()))
    assert (found.landing, found.matched) == (Landing.KILLED, Decimal(0)), found.text


@pytest.mark.parametrize("payouts", [("1", "0"), ("0.5", "0.5")])
async def test_a_resolved_market_is_redeemed_once_and_asking_again_is_success(
    sim: Sim, venue: Venue, payouts: tuple[str, str]
) -> None:
    """EXE-M3 and G4: the money is back and visible; a repeat finds nothing and is content."""
    market = await eventually(lambda: both_bought(venue), within=30, every=0.1)
    assert market is not None
    condition = market.condition_id

    async def settled() -> bool:
        fills = await venue.fills_since(now() - timedelta(minutes=2))
        return all(f.status in (FillStatus.CONFIRMED, FillStatus.FAILED) for f in fills)

    await eventually(settled, within=10, every=0.05)
    act = {"name": "resolve", "match": {"condition_id": condition}, "args": {"payouts": payouts}}
    await sim.ask("POST", "/faults", act)

    async def resolved() -> Resolution | None:
        return await venue.resolution(condition)

    found = await eventually(resolved, within=20, every=0.1)
    assert found is not None
    assert list(found.payouts.values()) == [Decimal(p) for p in payouts]
    held = {t.token_id: await venue.shares(t.token_id) for t in market.tokens}
    due = sum((held[t] * at for t, at in found.payouts.items()), Decimal(0))
    before = await venue.balance()
    done = await venue.redeem(condition)
    assert (done.state, done.tx[:2]) == ("done", "0x")
    assert abs(await venue.balance() - before - due) <= Decimal("0.000001")
    assert due > 0
    assert (await venue.redeem(condition)).state == "nothing"


async def both_bought(venue: Venue) -> Market | None:
    """Buy both outcomes of a market, so that one of them wins; None when a book was empty."""
    market, _ = await open_market(venue)
    for token in market.tokens:
        wish = buy(market, price("0.99")).model_copy(update={"token_id": token.token_id})
        post = await venue.post(await venue.sign(wish, salt(), now()))
        if not post.matched:
            return None
    return market


@pytest.mark.parametrize("signature_type", [EOA, PROXY, DEPOSIT])
async def test_every_wallet_type_may_place_and_cancel(sim: Sim, signature_type: int) -> None:
    async with connected(sim, signature_type) as venue:
        market, _ = await open_market(venue)
        wish = buy(market, price("0.01"), tif=TimeInForce.GTC)
        signed = await venue.sign(wish, salt(), now())
        assert (await venue.post(signed)).landing is Landing.LANDED
        assert (await venue.cancel(signed.order_id)).cancelled


async def test_given_credentials_are_used_and_wrong_ones_replaced_by_derived_ones(
    sim: Sim, venue: Venue
) -> None:
    mine = venue.creds
    kept = await connect(sim.hosts, _with(await sim.fund(), mine))
    assert kept.creds == mine
    await kept.aclose()
    wrong = ApiCreds(key="00000000-0000-4000-8000-000000000000", secret="AAAA", passphrase="x")
    derived = await connect(sim.hosts, _with(await sim.fund(), wrong))
    assert derived.creds.key == mine.key
    await derived.aclose()


def _with(account: Account, creds: ApiCreds) -> Account:
    return Account(
        private_key=account.private_key,
        signature_type=account.signature_type,
        creds=creds,
        relayer_key=account.relayer_key,
    )


async def test_a_venue_that_does_not_answer_is_not_ready() -> None:
    nowhere = "http://127.0.0.1:9"
    hosts = Hosts(clob=nowhere, relayer=nowhere, gamma=nowhere, data=nowhere)
    with pytest.raises(NotReady):
        await connect(hosts, Account(private_key=KEY))


async def test_a_wallet_of_somebody_else_is_refused_before_anything_is_sent() -> None:
    with pytest.raises(Refused) as caught:
        await connect(Hosts(), Account(private_key=KEY, wallet="0x" + "11" * 20))
    assert caught.value.kind is RefusalKind.IDENTITY


async def test_the_doctor_finds_a_funded_account_on_the_sim_well(sim: Sim) -> None:
    account = await sim.fund()
    findings = await Doctor(sim.hosts, account).examine()
    by_name = {f.name: f for f in findings}
    assert not passed(findings)  # nobody told it which orders are ours: fails closed
    assert "store" in by_name["open orders"].found
    unwell = {name for name, f in by_name.items() if not f.ok}
    assert unwell == {"open orders"}


async def test_the_control_port_is_not_the_venue(sim: Sim) -> None:
    async with httpx.AsyncClient() as client:
        assert (await client.get(sim.control + "/ledger")).status_code in (401, 403)


async def test_what_the_start_gate_and_the_operator_ask_is_answered(venue: Venue) -> None:
    assert venue.wallet == wallet_for(venue.address, SAFE)
    assert (await venue.allowance()).balance == await venue.balance()
    assert await venue.missing_approvals() == []
    assert all(order.startswith("0x") for order in await venue.failed_fills())
    assert await venue.closed_only() is False
    assert venue.creds.key in await venue.api_keys()


async def test_a_market_nobody_knows_cannot_be_redeemed(venue: Venue) -> None:
    with pytest.raises(Refused) as caught:
        await venue.redeem("0x" + "ee" * 32)
    assert caught.value.kind is RefusalKind.MARKET
