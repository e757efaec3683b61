"""Judgement: what a world came to, by the venue's own ledger and what was watched meanwhile."""

from __future__ import annotations

import traceback
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from bench.chaos.clock import epoch
from bench.chaos.nemesis import active
from domain.market import Mode
from domain.orders import TimeInForce
from domain.trade import HaltState
from ops.chaos.verdict import Caps, Evidence, faults
from sim.judge import ledger
from sim.units import micro
from store.alerts import Alerts
from store.books import BookKeeping
from store.views import TradeLine, Views
from workflows.reconcile import ReconcileWorkflow

if TYPE_CHECKING:
    from bench.chaos.world import World

MODE = Mode.PAPER
BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)  # older than any row
# What deaths and cut connections never raise: reconciliation may be late, not wrong.
_BUGS = (NameError, AttributeError, TypeError, KeyError, AssertionError)


@dataclass
class Outcome:
    """What a seed came to."""

    seed: int
    faults: list[str]
    story: list[str]
    orders: int = 0
    profits: dict[str, str] = field(default_factory=dict)  # booked, by trade
    trades: int = 0
    endings: dict[str, int] = field(default_factory=dict)
    posts: int = 0
    injected: dict[str, int] = field(default_factory=dict)
    history: int = 0
    virtual_s: float = 0.0
    point: str = ""  # the named kill point of this run, if any
    deaths: int = 0  # there
    visits: dict[str, int] = field(default_factory=dict)
    unknown_s: float = 0.0  # longest time an order's fate was unknown and nobody was told


async def judged(world: World, begun: float) -> Outcome:
    active.set(None)
    world.floor.step()
    views = Views(world.database.pool)
    trades = await views.trades(MODE)
    seen = Evidence(
        ledger=ledger(world.floor.engine),
        books=await BookKeeping(world.database.pool).read(MODE),
        trades=tuple(trades),
        open_orders=tuple(o.signed.order_id for o in await world.orders.open(MODE)),
        drift=tuple(str(line) for line in await world.account.drift()),
        caps=Caps(per_market=Decimal(world.plan.rules.risk.max_per_market)),
        running=tuple(run.workflow_id for run in world.server.busy),
    )
    found = faults(seen) + _broken(world)
    for run in world.server.busy:
        world.nemesis.note(f"{run.workflow_id[-14:]} still runs: {run.doing or 'no activity'}")
    unknown = await _longest_unknown(world, trades)
    endings: dict[str, int] = {}
    for trade in trades:
        endings[trade.state] = endings.get(trade.state, 0) + 1
    injected: dict[str, int] = {}
    for hit in world.floor.engine.faults.log:
        injected[hit["name"]] = injected.get(hit["name"], 0) + 1
    return Outcome(
        seed=world.plan.seed,
        faults=found,
        story=world.nemesis.story,
        orders=len(seen.ledger["orders"]),
        profits={trade.workflow_id: str(trade.profit) for trade in trades},
        trades=len(trades),
        endings=endings,
        posts=len(world.floor.posts),
        injected=injected,
        history=world.server.max_history,
        virtual_s=epoch() - begun,
        point=world.nemesis.point,
        deaths=world.nemesis.deaths,
        visits=world.nemesis.visits,
        unknown_s=unknown,
    )


async def _longest_unknown(world: World, trades: list[TradeLine]) -> float:
    """Return the longest time from the first post of a FAK to its end, or to its alert.

    Of a trade that a person terminated nobody asks any more until reconciliation: its unknown
    order is told by the health check of orders, which does not run here.
    """
    ended_by_hand = {r.workflow_id for r in world.server.all if r.status.name == "TERMINATED"}
    alerts = await Alerts(world.database.pool).recent(BEGINNING, 1000)
    told = {alert.key.rpartition(":")[2]: alert.raised_at for alert in alerts}
    longest = 0.0
    for trade in trades:
        if trade.workflow_id in ended_by_hand:
            continue
        for order in await world.orders.of_workflow(trade.workflow_id, MODE):
            first, ended = order.first_posted_at, order.closed_at
            if order.intent.tif is TimeInForce.FAK and first and ended:
                known = min(ended, told.get(order.signed.order_id, ended))
                longest = max(longest, (known - first).total_seconds())
    return longest


def _broken(world: World) -> list[str]:
    found = [f"cap broken: {text}" for text in world.exposure.broken]
    for run in world.server.all:
        if run.status.name == "TIMED_OUT":
            lines = traceback.format_exception(run.error)
            found.append(f"the story broke: {lines[-1].strip()} {''.join(lines[-3:-1])}")
        cause = None if run.error is None else run.error.__cause__
        if isinstance(cause, _BUGS) and run.kind is ReconcileWorkflow:
            found.append(f"reconciliation failed: {run.error!r} {cause!r}")
    found += _late_posts(world)
    floor = micro(str(world.plan.rules.risk.reserve_floor))
    if world.floor.least_usd < floor:
        found.append(f"reserve floor broken: {world.floor.least_usd} micro-dollars left")
    return found


def _late_posts(world: World) -> list[str]:
    """Return the posts that left more than a second after a halt that forbids them."""
    found = []
    for at, side, frozen in world.floor.posts:
        before = [(since, state) for since, state in world.halts if since <= at]
        if frozen or not before:
            continue
        since, state = before[-1]
        forbidden = state is HaltState.HALTED or (state is HaltState.REDUCING and side == "BUY")
        if forbidden and at > since + 1.0:
            found.append(f"{side} posted {at - since:.1f} s after {state}")
    return found
