"""People: what operators, and stray messages, do to the trades of a world."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from bench.chaos.clock import epoch, now
from bench.chaos.judgement import MODE
from domain.money import price
from domain.trade import HaltState, Stage
from workflows import messages as m

if TYPE_CHECKING:
    from bench.chaos.world import World


UPDATES = {
    "exit_now": ("_may_exit", m.ExitNow(who="op")),
    "abandon": ("_may_abandon", m.Abandon(who="op")),
    "set_levels": ("_may_set_levels", m.SetLevels(who="op", target=price("0.97"), stop=None)),
}
HALTS = {"halt": HaltState.HALTED, "reducing": HaltState.REDUCING}


async def interfere(world: World, what: str, index: int) -> None:
    """Do what an operator, or a stray message, does."""
    trade = world.trigger(index).workflow_id
    world.nemesis.note(f"person: {what} of trade {index}")
    if what in UPDATES:
        validator, message = UPDATES[what]
        world.server.update(trade, validator, what, message)
    elif what in HALTS:
        await _halt(world, HALTS[what])
    elif what == "cancel":
        world.server.cancel(trade)
    elif what == "terminate":
        world.server.terminate(trade)
    else:
        await _send(world, trade, what)


async def _send(world: World, trade: str, what: str) -> None:
    """Send a message that a trade may get at any time, and that proves nothing."""
    if what == "level":
        level = m.LevelReached(token_id="1", price=price("0.97"), at=now())
        world.server.signal(trade, "level_reached", level)
        return
    orders = await world.orders.of_workflow(trade, MODE) if what == "own" else []
    for order_id in [o.signed.order_id for o in orders] or ["0xstray"]:
        event = m.VenueEvent(order_id=order_id, kind="confirmed")
        world.server.signal(trade, "venue_event", event)


async def _halt(world: World, state: HaltState) -> None:
    """Halt for two minutes; no new post may leave once the halt is acknowledged."""
    with contextlib.suppress(Exception):
        await world.account.halt(MODE, state, "op", "drill", now())
        world.halts.append((epoch(), state))
        await asyncio.sleep(120)
        world.halts.append((epoch(), HaltState.ACTIVE))  # before it is in force: lenient
        await world.account.halt(MODE, HaltState.ACTIVE, "op", "over", now())


async def answer_questions(world: World) -> None:
    """Somebody says yes to every question, a little late."""
    for run in world.server.busy:
        state = getattr(run.instance, "state", None)
        if state is not None and state.stage is Stage.AWAITING_APPROVAL:
            approve = m.Approve(who="op")
            world.server.update(run.workflow_id, "_may_approve", "approve", approve)
