"""A mode is learnt by every process on its own: docs/decisions/0007-modes-are-learnt.md."""

from __future__ import annotations

from domain.money import price
from domain.orders import Landing, SignedOrder, TimeInForce
from tests.venue.simulated import Sim, buy, connected, now, open_market, salt
from tests.waiting import eventually
from venue.mode import VenueMode
from venue.polymarket import Venue


async def wishes(venue: Venue, count: int) -> list[SignedOrder]:
    """Sign buys far below the market: they rest and take no depth."""
    market, _ = await open_market(venue)
    intent = buy(market, price("0.01"), tif=TimeInForce.GTC)
    return [await venue.sign(intent, salt() + number, now()) for number in range(count)]


async def requests(sim: Sim) -> int:
    return int((await sim.ask("GET", "/status"))["requests"])


async def test_each_of_two_processes_pays_one_refused_post_for_a_mode_and_then_all_wait(
    sim: Sim,
) -> None:
    async with connected(sim) as one, connected(sim) as two:
        orders = {one: await wishes(one, 4), two: await wishes(two, 4)}
        await sim.ask("POST", "/faults", {"name": "cancel_only", "window_s": 60})
        before = await requests(sim)
        try:
            for venue, mine in orders.items():
                posts = [await venue.post(order) for order in mine]
                assert {post.landing for post in posts} == {Landing.NOT_READY}
                assert all(post.retry_after for post in posts[1:])
                assert venue.mode().mode is VenueMode.CANCEL_ONLY
            assert await requests(sim) - before == 2
            ours = {order.order_id for mine in orders.values() for order in mine}
            assert not ours & {order.order_id for order in await one.open_orders()}
        finally:
            await sim.ask("DELETE", "/faults")


async def test_when_the_mode_ends_every_order_of_both_lands_with_the_same_bytes(sim: Sim) -> None:
    async with connected(sim) as one, connected(sim) as two:
        left = {order.order_id: (v, order) for v in (one, two) for order in await wishes(v, 3)}
        await sim.ask("POST", "/faults", {"name": "post_only", "window_s": 1.5})
        refused = 0

        async def all_landed() -> bool:
            nonlocal refused
            for order_id, (venue, order) in list(left.items()):
                post = await venue.post(order)
                refused += post.landing is Landing.NOT_READY
                if post.landing is Landing.LANDED:
                    await venue.cancel(order_id)
                    del left[order_id]
            return not left

        await eventually(all_landed, within=15, every=0.2)
        assert refused >= 6
