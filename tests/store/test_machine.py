"""Money under random orders, fills, reversals, endings and crashes, on a real PostgreSQL.

The model is a few dictionaries with the arithmetic of a child: what the store keeps as running
totals, the model adds up anew after each step.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import ROUND_CEILING, Decimal
from typing import Any

import asyncpg
import hypothesis.strategies as st
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from domain.market import Mode
from domain.money import MICRO, price, shares, usd
from domain.orders import Fill, FillStatus, OrderStatus
from domain.rules import RiskRules
from store.account import Account
from store.claims import Claims
from store.fills import Fills
from store.migrations import migrate
from store.orders import Orders
from store.pool import open_pool
from store.positions import Positions
from store.stored_order import Limit, Refusal, StoredOrder
from tests.postgres import TestPostgres, rename_database
from tests.store.examples import NOW, SECOND, Crash, buy, crashing, match, signed, touch

P = Mode.PAPER
RULES = RiskRules(
    max_positions=3,
    max_per_market=usd(40),
    max_per_event=usd(60),
    max_total=usd(70),
    max_daily_loss=usd(1_000),
    reserve_floor=usd(10),
)
EMPTY = "TRUNCATE claims, orders, reservations, fills, positions, adjustments, settlements, exits, "
PRICES = st.integers(50, 99).map(lambda n: price(Decimal(n) / 100))
SIZES = st.integers(1, 40_000_000).map(lambda n: shares(Decimal(n) * MICRO))
CRASH = st.one_of(st.none(), st.integers(0, 12))


@dataclass
class Model:
    """What one order should look like."""

    order: StoredOrder
    fills: dict[str, Fill] = field(default_factory=dict)
    closed: bool = False

    @property
    def filled(self) -> Decimal:
        return sum(
            (f.shares for f in self.fills.values() if f.status is not FillStatus.FAILED), Decimal(0)
        )

    @property
    def promised(self) -> Decimal:
        if self.closed:
            return Decimal(0)
        left = max(Decimal(0), self.order.intent.shares - self.filled)
        return (self.order.intent.limit * left).quantize(MICRO, ROUND_CEILING)


class Books(RuleBasedStateMachine):
    """One account, one event, few markets; steps may crash between any two statements."""

    runner: asyncio.Runner
    pool: asyncpg.Pool[Any]

    def __init__(self) -> None:
        super().__init__()
        self.orders: list[Model] = []
        self.settled: set[str] = set()
        self.cash = Decimal(200)
        self.clock = NOW
        self.attempts: dict[str, int] = {}

    def run(self, step: Awaitable[Any]) -> Any:
        async def wrapped() -> Any:
            return await step

        return self.runner.run(wrapped())

    def survive(
        self, crash: int | None, step: Callable[[asyncpg.Pool[Any]], Awaitable[Any]]
    ) -> Any:
        """Do a step; when it crashes on the way, its retry must find or finish it."""
        if crash is not None:
            try:
                self.run(step(crashing(self.pool, crash)))
            except (Crash, asyncpg.PostgresError, asyncpg.InterfaceError):
                assert self.run(Account(self.pool).drift()) == []
        return self.run(step(self.pool))

    @initialize()
    def start(self) -> None:
        self.run(
            self.pool.execute(
                EMPTY + "daily_results; UPDATE account SET reserved = 0, fee_reserved = 0,"
                " position_cost = 0, unsettled = 0, open_slots = 0, today_profit = 0,"
                " balance = NULL, balance_at = NULL"
            )
        )
        self.refresh()

    @rule()
    def refresh(self) -> None:
        """Ask the venue for the balance; all our news is older than the question."""
        self.clock += SECOND
        self.run(Account(self.pool).set_balance(P, usd(self.cash), self.clock))

    @rule(market=st.integers(0, 4), limit=PRICES, size=SIZES, fee=SIZES, crash=CRASH)
    def reserve(self, market: int, limit: Any, size: Any, fee: Decimal, crash: int | None) -> None:
        trigger = touch(f"0xm{market}", str(market))
        self.run(Claims(self.pool).take(trigger, "run-1", self.clock))
        attempt = self.attempts[trigger.workflow_id] = self.attempts.get(trigger.workflow_id, 0) + 1
        funds = usd(limit * size + fee / 100)
        intent = buy(trigger, attempt, limit=limit, shares=size, funds=funds)
        before = self.run(Account(self.pool).get(P))
        kept = self.survive(crash, lambda p: Orders(p).prepare(intent, signed(), RULES, self.clock))
        if isinstance(kept, StoredOrder):
            self.orders.append(Model(kept))
            after = self.run(Account(self.pool).get(P))
            assert after.open_slots <= RULES.max_positions
            assert after.reserved + after.position_cost <= RULES.max_total
            assert after.reserved - before.reserved == self.orders[-1].promised
            free = after.balance - after.unsettled - after.reserved - after.fee_reserved
            assert free >= RULES.reserve_floor
            mine = [m for m in self.orders if m.order.intent.condition_id == f"0xm{market}"]
            assert sum(m.promised for m in mine) <= RULES.max_per_market
        else:
            assert isinstance(kept, Refusal) and kept.limit is not Limit.CONTENDED

    @precondition(lambda self: self.orders)
    @rule(data=st.data(), size=SIZES, trade=st.integers(0, 3), crash=CRASH)
    def fill(self, data: Any, size: Any, trade: int, crash: int | None) -> None:
        """Report a fill, new or known; a FAK never brings more than its dollars buy."""
        model = data.draw(st.sampled_from(self.orders))
        name = f"t{trade}-{model.order.signed.order_id}"
        known = model.fills.get(name)
        status = data.draw(st.sampled_from(list(FillStatus)))
        if known is None:
            room = model.order.intent.shares - model.filled
            size = min(size, room)
            if size <= 0 or model.closed:
                return
            known = match(model.order, name, str(size), status=status)
        report = known.model_copy(update={"status": status})
        self.survive(crash, lambda p: Fills(p).apply(P, report, self.clock))
        final = (FillStatus.CONFIRMED, FillStatus.FAILED)
        if name not in model.fills or model.fills[name].status not in final:
            model.fills[name] = report

    @precondition(lambda self: self.orders)
    @rule(data=st.data(), crash=CRASH)
    def close(self, data: Any, crash: int | None) -> None:
        model = data.draw(st.sampled_from(self.orders))
        status = data.draw(st.sampled_from([s for s in OrderStatus if s.terminal]))
        key = model.order.signed.order_id
        done = self.survive(crash, lambda p: Orders(p).close(key, status, "proof", self.clock))
        assert done.closed_at is not None
        model.closed = True

    @precondition(lambda self: self.orders)
    @rule(data=st.data(), payout=st.sampled_from(["0", "0.5", "1"]), crash=CRASH)
    def settle(self, data: Any, payout: str, crash: int | None) -> None:
        workflow = data.draw(st.sampled_from(self.orders)).order.intent.workflow_id
        if any(m.filled for m in self.orders if m.order.intent.workflow_id == workflow):
            self.survive(
                crash,
                lambda p: Positions(p).settle(workflow, price(payout), None, "end", self.clock),
            )
            self.settled.add(workflow)

    @invariant()
    def promises_are_limit_times_unfilled(self) -> None:
        """EXE-H2, at all times: sum(reservations) = sum(limit x unfilled) over open buys."""
        account = self.run(Account(self.pool).get(P))
        assert account.reserved == sum((m.promised for m in self.orders), Decimal(0))
        assert self.run(Account(self.pool).drift()) == []

    @invariant()
    def what_is_held_is_what_was_filled(self) -> None:
        held: dict[str, Decimal] = {}
        for m in self.orders:
            key = m.order.intent.workflow_id
            held[key] = held.get(key, Decimal(0)) + m.filled
        stored = {p.workflow_id: p.shares for p in self.run(Positions(self.pool).open(P))}
        expected = {k: v for k, v in held.items() if v and k not in self.settled}
        assert stored == expected

    def teardown(self) -> None:
        """Nothing is left at the end."""
        if not self.orders:
            return
        for m in self.orders:
            self.run(
                Orders(self.pool).close(
                    m.order.signed.order_id, OrderStatus.CANCELLED, "the end", self.clock
                )
            )
            for f in m.fills.values():
                done = f.model_copy(update={"status": FillStatus.CONFIRMED})
                self.run(Fills(self.pool).apply(P, done, self.clock))
        for position in self.run(Positions(self.pool).open(P)):
            self.run(
                Positions(self.pool).settle(position.workflow_id, price(1), None, "end", self.clock)
            )
        self.clock += timedelta(seconds=2)
        self.refresh()
        a = self.run(Account(self.pool).get(P))
        assert {a.reserved, a.fee_reserved, a.position_cost, a.unsettled} == {Decimal(0)}
        exits = self.run(self.pool.fetch("SELECT workflow_id FROM exits WHERE final"))
        assert len(exits) == len({row["workflow_id"] for row in exits})


def test_no_interleaving_of_crashes_and_news_loses_a_cent(postgres: str) -> None:
    """EXE-H2, XD-10, XD-11, XD-19, and issue 4: no cap broken, nothing left at the end."""
    name = "money_machine"
    with asyncio.Runner() as runner:

        async def prepare() -> asyncpg.Pool[Any]:
            admin = await asyncpg.connect(postgres)
            await admin.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
            await admin.execute(f"CREATE DATABASE {name}")
            await admin.close()
            dsn = rename_database(TestPostgres.shared().dsn(), name)
            await migrate(dsn)
            return await open_pool(dsn, max_size=2)

        Books.runner, Books.pool = runner, runner.run(prepare())
        try:
            Books.TestCase.settings = settings(
                max_examples=25,
                stateful_step_count=25,
                deadline=None,
                phases=(Phase.explicit, Phase.reuse, Phase.generate),  # shrinking takes minutes
                suppress_health_check=list(HealthCheck),
            )
            Books.TestCase().runTest()
        finally:
            runner.run(Books.pool.close())
