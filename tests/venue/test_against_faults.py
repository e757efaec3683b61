"""The port under injected faults: each verdict is safe, and a repeat finds the truth."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
import pytest_asyncio

from domain.money import moved, price
from domain.orders import FillStatus, Landing, SignedOrder, TimeInForce
from tests.venue.simulated import Sim, buy, connected, now, open_market, salt
from tests.waiting import eventually
from venue.errors import NotReady, RefusalKind, Refused, Unknown, VenueError
from venue.mode import VenueMode
from venue.polymarket import Venue

LANDED, REFUSED, NOT_READY, UNKNOWN = (
    Landing.LANDED,
    Landing.REFUSED,
    Landing.NOT_READY,
    Landing.UNKNOWN,
)


@pytest_asyncio.fixture(autouse=True, loop_scope="session")
async def calm_again(sim: Sim) -> AsyncIterator[None]:
    yield
    await sim.ask("DELETE", "/faults")


async def wish(venue: Venue, **changes: Any) -> tuple[SignedOrder, str]:
    """Sign a FAK buy that matches, and name its market."""
    market, _ = await open_market(venue)
    signed = await venue.sign(buy(market, price("0.99"), **changes), salt(), now())
    return signed, market.condition_id


@pytest.mark.parametrize(
    ("fault", "first", "then"),
    [
        ("request_lost", UNKNOWN, LANDED),
        ("response_lost", UNKNOWN, LANDED),
        ("accepted_late", UNKNOWN, LANDED),  # the repeat may overtake it: still one order
        ("cut_body", UNKNOWN, LANDED),
        ("error_500", UNKNOWN, LANDED),
        ("error_500_after", UNKNOWN, LANDED),
        ("bad_gateway", UNKNOWN, LANDED),
        ("html_403", UNKNOWN, LANDED),
        ("malformed_json", UNKNOWN, LANDED),
        ("empty_body", UNKNOWN, LANDED),
        ("hashes_null", LANDED, LANDED),
        ("legacy_hashes", LANDED, LANDED),
        ("delayed", LANDED, LANDED),
        ("fak_live", LANDED, LANDED),
        ("duplicated_first", LANDED, LANDED),
        ("market_not_ready", NOT_READY, LANDED),
        ("version_cutover", REFUSED, LANDED),
        ("key_revoked", REFUSED, LANDED),
    ],
)
async def test_the_first_verdict_is_safe_and_the_same_bytes_find_the_truth(
    sim: Sim, venue: Venue, fault: str, first: Landing, then: Landing
) -> None:
    """Exactly one order at the venue, whatever got lost on the way."""
    signed, condition = await wish(venue)
    await sim.ask("POST", "/faults", {"name": fault, "args": {"delay_s": 0.3}})
    one = await venue.post(signed)
    assert one.landing is first, one.text
    two = await venue.post(signed, earlier_unanswered=one.landing is UNKNOWN)
    assert two.landing is then, two.text

    async def filled() -> bool:
        return bool(await venue.fills(signed.order_id, condition))

    await eventually(filled, within=10, every=0.05)
    fills = await venue.fills(signed.order_id, condition)
    spent = sum((moved(f.price, f.shares) for f in fills), Decimal(0))
    assert 0 < spent <= signed.maker_amount


async def test_a_throttle_holds_the_account_back_as_long_as_it_says(sim: Sim) -> None:
    async with connected(sim) as venue:
        signed, _ = await wish(venue)
        await sim.ask("POST", "/faults", {"name": "rate_429"})
        found = await venue.post(signed)
        assert (found.landing, venue.mode().mode) == (NOT_READY, VenueMode.NORMAL)
        assert found.retry_after is not None
        assert (await venue.post(signed)).landing is LANDED


@pytest.mark.parametrize(
    ("fault", "mode"),
    [
        ("restart", VenueMode.RESTARTING),
        ("post_only", VenueMode.POST_ONLY),
        ("cancel_only", VenueMode.CANCEL_ONLY),
        ("disabled", VenueMode.DISABLED),
    ],
)
async def test_a_mode_of_the_venue_stops_entries_and_lets_cancels_through(
    sim: Sim, venue: Venue, fault: str, mode: VenueMode
) -> None:
    async with connected(sim) as other:
        market, _ = await open_market(other)
        resting = buy(market, price("0.01"), tif=TimeInForce.GTC)
        rests = await other.sign(resting, salt(), now())
        assert (await other.post(rests)).landing is LANDED
        await sim.ask("POST", "/faults", {"name": fault, "window_s": 30})
        signed, _ = await wish(other)
        assert (await other.post(signed)).landing is NOT_READY
        assert other.mode().mode is mode
        assert other.mode().wait > timedelta(0)
        if fault in ("post_only", "cancel_only"):
            assert (await other.cancel(rests.order_id)).cancelled
        else:
            with pytest.raises((NotReady, Refused)):
                await other.cancel(rests.order_id)
    await sim.ask("DELETE", "/faults")


async def test_a_lost_cancel_answer_is_unknown_and_the_repeat_says_it_is_over(
    sim: Sim, venue: Venue
) -> None:
    market, _ = await open_market(venue)
    signed = await venue.sign(buy(market, price("0.01"), tif=TimeInForce.GTC), salt(), now())
    await venue.post(signed)
    await sim.ask("POST", "/faults", {"name": "cancel_ack_lost"})
    with pytest.raises(Unknown):
        await venue.cancel(signed.order_id)
    assert not (await venue.cancel(signed.order_id)).cancelled


async def test_a_cancel_that_raced_a_match_leaves_the_fill_to_be_read(
    sim: Sim, venue: Venue
) -> None:
    """XD-17."""
    market, _ = await open_market(venue)
    signed = await venue.sign(buy(market, price("0.01"), tif=TimeInForce.GTC), salt(), now())
    await venue.post(signed)
    await sim.ask("POST", "/faults", {"name": "cancel_race"})
    assert not (await venue.cancel(signed.order_id)).cancelled
    fills = await venue.fills(signed.order_id, market.condition_id)
    assert sum((f.shares for f in fills), Decimal(0)) == 10
    assert all(f.maker and f.fee == 0 for f in fills)


@pytest.mark.parametrize(
    ("fault", "parts", "failed"),
    [("settle_fail", 1, 1), ("settle_split", 2, 0), ("settle_split_fail", 2, 1)],
)
async def test_settlement_in_parts_and_failures_keep_their_keys(
    sim: Sim, venue: Venue, fault: str, parts: int, failed: int
) -> None:
    """XD-10: each part under one key from the match to the end; a failed one says so."""
    await sim.ask("POST", "/faults", {"name": fault, "args": {"delay_s": 0.1}})
    signed, condition = await wish(venue)
    post = await venue.post(signed)
    early = {f.trade_id for f in await venue.fills(signed.order_id, condition)}

    async def ended() -> bool:
        fills = await venue.fills(signed.order_id, condition)
        return bool(fills) and all(
            f.status in (FillStatus.CONFIRMED, FillStatus.FAILED) for f in fills
        )

    await eventually(ended, within=10, every=0.05)
    fills = await venue.fills(signed.order_id, condition)
    assert early <= {f.trade_id for f in fills}
    assert sum((f.shares for f in fills), Decimal(0)) == post.matched
    assert len(fills) >= parts
    assert sum(f.status is FillStatus.FAILED for f in fills) == failed


@pytest.mark.parametrize("path", ["/book", "/data/order", "/data/trades", "/balance-allowance"])
@pytest.mark.parametrize("fault", ["error_500", "bad_gateway", "response_lost", "cut_body"])
async def test_a_read_under_a_fault_raises_and_invents_nothing(
    sim: Sim, venue: Venue, path: str, fault: str
) -> None:
    market, _ = await open_market(venue)
    reads: dict[str, Callable[[], Awaitable[object]]] = {
        "/book": lambda: venue.book(market.tokens[0].token_id),
        "/data/order": lambda: venue.order("0x" + "ab" * 32),
        "/data/trades": lambda: venue.fills("0x" + "ab" * 32, market.condition_id),
        "/balance-allowance": lambda: venue.balance(refresh=False),
    }
    exact = path if path != "/data/order" else "/data/order/0x" + "ab" * 32
    await sim.ask("POST", "/faults", {"name": fault, "match": {"path": exact, "method": "GET"}})
    with pytest.raises(VenueError):
        await reads[path]()


async def test_a_version_cut_over_is_refused_for_a_person_to_look_at(sim: Sim) -> None:
    async with connected(sim) as venue:
        signed, _ = await wish(venue)
        await sim.ask("POST", "/faults", {"name": "version_cutover"})
        found = await venue.post(signed)
        assert found.kind is RefusalKind.VERSION
        assert found.kind.fatal
