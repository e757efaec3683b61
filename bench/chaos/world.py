"""World: one seed from its first touch to the verdict."""

from __future__ import annotations

import asyncio
import contextlib
import json
from contextvars import Context
from decimal import Decimal
from typing import Any
from weakref import WeakKeyDictionary, WeakSet

import httpx
from temporalio.exceptions import WorkflowAlreadyStartedError

from activities import killpoint
from bench.chaos.clock import START, epoch, now, origin, virtual
from bench.chaos.database import Database
from bench.chaos.exposure import Exposure
from bench.chaos.judgement import MODE, Outcome, judged
from bench.chaos.nemesis import Nemesis, active
from bench.chaos.people import answer_questions, interfere
from bench.chaos.plan import MarketPlan, Plan
from bench.chaos.runs import of_run
from bench.chaos.temporal import Server
from bench.chaos.venue import Floor
from domain.money import price, shares
from domain.positions import PositionState
from domain.trade import HaltState
from domain.trigger import TouchSource, Trigger
from settings.model import Settings
from sim.acts import perform
from sim.market import SimMarket
from sim.playback import book_event
from sim.units import micro
from store.account import Account
from store.orders import Orders
from store.positions import Positions
from store.pulse import SyncRuns
from worker.bootstrap import build_desk
from workflows import messages as m
from workflows.reconcile import ReconcileStart, ReconcileWorkflow
from workflows.trade import TradeWorkflow

RECONCILE_EVERY = 180.0
QUIET_AFTER = 6 * 3600.0  # seconds after the last plan item by which everything must have ended
THRESHOLD = price("0.95")

_tasks: WeakKeyDictionary[Nemesis, WeakSet[asyncio.Task[Any]]] = WeakKeyDictionary()


def task_factory(
    loop: asyncio.AbstractEventLoop, coro: Any, context: Context | None = None
) -> asyncio.Task[Any]:
    """Make a task and note whose it is, so that a world or a run can be ended alone."""
    task: asyncio.Task[Any] = asyncio.Task(coro, loop=loop, context=context)
    nemesis = active.get()
    if nemesis is not None:
        _tasks.setdefault(nemesis, WeakSet()).add(task)
    of_run(task)
    return task


def _passing(point: str) -> None:
    nemesis = active.get()
    if nemesis is not None:
        nemesis.passing(point)


class World:
    """A venue, a database, a small Temporal and the real bot between them."""

    def __init__(self, plan: Plan, database: Database, point: str = "", at: int = 1) -> None:
        self.plan = plan
        origin.set(virtual().time())
        self.began = epoch()
        self.database = database
        self.nemesis = Nemesis(plan.seed, plan.dying, plan.freezing, plan.cutting, point, at)
        self.floor = Floor(self.nemesis, plan.seed, **plan.config)
        self.exposure = Exposure(self.floor.engine, plan.rules.risk)
        self.account = Account(database.pool)
        self.orders = Orders(database.pool)
        self.runs, self.positions = SyncRuns(database.pool), Positions(database.pool)
        self.markets = [_market(m) for m in plan.markets]
        self.halts: list[tuple[float, HaltState]] = []  # what people set, as acknowledged
        self._tasks: list[asyncio.Task[None]] = []
        self._numbers = 0
        killpoint.hook = _passing
        settings = Settings(mode=MODE, **dict(plan.rules))
        self.venue = self.floor.venue()
        self._models = httpx.AsyncClient(verify=False, trust_env=False)
        desk = build_desk(settings, database.pool, self.venue, self._models, clock=now)
        self.server = Server(desk.activities, self.nemesis)
        self.server.renewing = plan.renewing

    async def run(self) -> Outcome:
        """Play the plan, come to rest, and judge."""
        await self.database.fresh()
        active.set(self.nemesis)
        for market, plan in zip(self.markets, self.plan.markets, strict=True):
            self._show(market, *plan.books[0][1:])
        begun = self.began
        try:
            self._spawn(self._clockwork(), self._listen())
            await asyncio.gather(self._script(), self._reconcile_now_and_then())
            await self._come_to_rest()
            return await judged(self, begun)
        except BaseException:
            print(f"seed {self.plan.seed}: the harness itself failed")
            raise
        finally:
            await self._stop()

    def _spawn(self, *stories: Any) -> None:
        self._tasks += [asyncio.create_task(story) for story in stories]

    async def _stop(self) -> None:
        active.set(None)
        mine = asyncio.current_task()
        for _ in range(20):  # a story turns a cancellation into its ending, and goes on
            left = [t for t in _tasks[self.nemesis] if t is not mine and not t.done()]
            for task in left:
                task.cancel()
            if left:
                await asyncio.wait(left, timeout=0.001)
        await self.venue.aclose()
        await self._models.aclose()

    async def _clockwork(self) -> None:
        """Let the venue's own time pass, also when nobody asks it anything."""
        while True:
            await asyncio.sleep(1)
            self.floor.step()
            self.exposure.look()

    async def _listen(self) -> None:
        """Hear the user stream as ingest does: a hint to the trade that owns the order."""
        while (text := await self.floor.line.next()) is not None:
            frame = json.loads(text)
            found = {str(frame.get("taker_order_id") or frame.get("id"))}
            found |= {str(maker["order_id"]) for maker in frame.get("maker_orders") or []}
            for order_id in sorted(found):
                with contextlib.suppress(Exception):
                    owner = await self.orders.owner(order_id)
                    if owner is not None:
                        kind = str(frame.get("status") or frame.get("type") or "update")
                        event = m.VenueEvent(order_id=order_id, kind=kind.lower())
                        self.server.signal(owner, "venue_event", event)

    async def _script(self) -> None:
        """Do everything planned, each at its time."""
        items: list[tuple[float, Any]] = []
        for index, market in enumerate(self.plan.markets):
            items += self._of_market(index, market)
        items += [(at, lambda f=fault: self._plan_fault(f)) for at, fault in self.plan.faults]
        items += [(at, self.nemesis.kill_all) for at in self.plan.kills]
        items += [
            (at, lambda w=what, n=number: interfere(self, w, n))
            for at, what, number in self.plan.people
        ]
        for at, act in sorted(items, key=lambda item: item[0]):
            await asyncio.sleep(max(self.began + at - epoch(), 0))
            result = act()
            if asyncio.iscoroutine(result):
                self._spawn(result)

    def _of_market(self, index: int, plan: MarketPlan) -> list[tuple[float, Any]]:
        market = self.markets[index]
        items: list[tuple[float, Any]] = [
            (at, lambda b=bids, a=asks: self._show(market, b, a)) for at, bids, asks in plan.books
        ]
        touches = [plan.touch, plan.touch + 0.004, *plan.again]  # two ingests see the same touch
        items += [(at, lambda: self._touch(index)) for at in touches]
        if plan.dispute:
            items.append((plan.ends - 20, lambda: setattr(market, "oracle", "proposed")))
            items.append((plan.ends - 10, lambda: setattr(market, "oracle", "disputed")))
        items.append((plan.ends, lambda: self._resolve(market, plan.payouts)))
        return items

    def _show(self, market: SimMarket, bids: dict[str, str], asks: dict[str, str]) -> None:
        engine = self.floor.engine
        engine.exchange.list_market(market)
        if market.closed:
            return
        levels = [{micro(p): micro(s) for p, s in side.items()} for side in (bids, asks)]
        book_event(engine, market, levels[0].items(), levels[1].items(), engine.now())
        engine.commit()

    def _resolve(self, market: SimMarket, payouts: tuple[str, str]) -> None:
        from sim.resolution import resolve

        engine = self.floor.engine
        self.floor.step()
        self.exposure.look()
        resolve(engine.exchange, market, (micro(payouts[0]), micro(payouts[1])), engine.now())
        engine.commit()
        self.nemesis.note(f"market {market.number} resolves {payouts}")

    def _plan_fault(self, fault: Any) -> None:
        from copy import deepcopy

        engine = self.floor.engine
        perform(engine, deepcopy(fault), engine.now())
        self.nemesis.note(f"fault {fault.name} {fault.match} x{fault.count} {fault.args}")

    def _touch(self, index: int) -> None:
        market = self.markets[index]
        if market.closed:
            return
        trigger = self.trigger(index)
        try:
            self.server.start(TradeWorkflow, m.TradeStart(trigger=trigger), trigger.workflow_id)
            self.nemesis.note(f"touch of market {market.number}")
        except WorkflowAlreadyStartedError:
            pass

    def trigger(self, index: int) -> Trigger:
        """Return the first touch of a market of the plan."""
        market = self.markets[index]
        return Trigger(
            mode=MODE,
            condition_id=market.condition_id,
            token_id=market.tokens[0],
            outcome="Yes",
            outcome_index=0,
            threshold=THRESHOLD,
            price=THRESHOLD,
            size=shares(60),
            source=TouchSource.TRADE,
            venue_time=now(),
            seen_at=now(),
            question=market.question,
        )

    async def _reconcile_now_and_then(self) -> None:
        """Run reconciliation by the schedule, overlap policy skip."""
        end = max(plan.ends for plan in self.plan.markets)
        while epoch() - self.began < end:
            self._reconcile()
            await asyncio.sleep(RECONCILE_EVERY)

    def _reconcile(self) -> None:
        self._numbers += 1
        busy = any(run.kind is ReconcileWorkflow for run in self.server.busy)
        if not busy:
            start = ReconcileStart(mode=MODE)
            self.server.start(ReconcileWorkflow, start, f"reconcile-{self._numbers}")

    async def _come_to_rest(self) -> None:
        """Take faults and deaths away, then wait until no workflow runs and nothing differs."""
        engine = self.floor.engine
        self.nemesis.dying = self.nemesis.freezing = self.nemesis.cutting = 0
        self.nemesis.note("peace")
        engine.faults.clear()
        engine.modes.clear()
        limit = epoch() + QUIET_AFTER
        quiet = 0
        while quiet < 2 and epoch() < limit:
            await answer_questions(self)
            self._reconcile()
            await asyncio.sleep(RECONCILE_EVERY)
            at_rest = not self.server.busy and await self._agreed()
            quiet = quiet + 1 if at_rest else 0

    async def _agreed(self) -> bool:
        """Return whether nothing is open any more and the newest reconciliation left no work.

        What is too young to be judged is no difference, but it is work.
        """
        held = await self.positions.open(MODE)
        if await self.orders.open(MODE) or any(p.state is PositionState.OPEN for p in held):
            return False
        newest = await self.runs.recent(MODE, 1)
        return bool(newest) and newest[0].ended_at is not None and not newest[0].differences


def _market(plan: MarketPlan) -> SimMarket:
    number = plan.number
    condition = f"0x{number + 1:064x}"
    tokens = (str(10**70 + 2 * number), str(10**70 + 2 * number + 1))
    if plan.protocol == "v2":
        base = ((number + 1) << 112) << 8
        condition, tokens = f"0x{base:064x}", (str(base), str(base + 1))
    return SimMarket(
        number=number + 1,
        condition_id=condition,
        tokens=tokens,
        outcomes=("Yes", "No"),
        question=f"Will number {number} win?",
        slug=f"number-{number}",
        start_ms=int((START - 10_000) * 1000),
        end_ms=int((epoch() + plan.ends) * 1000),
        fee_rate=Decimal(plan.rate),
        protocol=plan.protocol,
        seconds_delay=plan.delay,
        neg_risk=plan.neg_risk,
    )
