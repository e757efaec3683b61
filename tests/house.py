"""A whole house in the test's process: real PostgreSQL and Temporal, the sim, a worker."""

from __future__ import annotations

import itertools
import random
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import httpx
from temporalio.client import Client, WorkflowHandle
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.worker import Worker

from activities.clock import Clock, utc_now
from domain.market import Mode
from domain.money import price, shares
from domain.trigger import TouchSource, Trigger
from ops.report.judge import Judgement, judge
from ops.report.ledger import read_ledger
from settings.load import load_settings
from settings.model import Settings
from settings.venue import hosts
from sim.judge import ledger
from sim.market import SimMarket
from sim.resolution import resolve
from sim.server import Sim, running
from store.books import BookKeeping
from tests.sim.client import KEY, QUIET, SAFE, market, show
from venue.connect import connect
from worker.bootstrap import Desk, account, build_desk
from worker.runner import unsandboxed
from workflows.messages import TradeResult, TradeStart
from workflows.reconcile import ReconcileStart, ReconcileWorkflow
from workflows.trade import TradeWorkflow

SWIFT = (
    "pace.fill_poll=100ms",
    "pace.hold_poll=100ms",
    "pace.resolution_poll=100ms",
    "pace.redeem_retry=100ms",
    "exits.retry_every=100ms",
    "exits.fill_wait=2s",
    "entry.post_within=2s",
    "trigger.retry_after=0s",
    "strategy.size_filter=true",
    "score.provider=market",
    "score.floor=0.90",
    "risk.reserve_floor=0",
    "risk.max_per_market=30",
    "reconcile.grace=5s",
)


NUMBERS = itertools.count(random.getrandbits(60))


@dataclass
class House:
    """One wallet, one sim, one desk; trades are started as ingest starts them."""

    sim: Sim
    desk: Desk
    client: Client
    queue: str
    settings: Settings
    markets: list[SimMarket] = field(default_factory=list)

    def show(self, shown: SimMarket, bids: Mapping[str, str], asks: Mapping[str, str]) -> None:
        """Show a book of the first outcome."""
        show(self.sim.engine, shown, bids, asks)

    def market(self, **changes: Any) -> SimMarket:
        """List a market of its own whose book shows a fresh touch of 0.95.

        Tests share one Temporal server, hence no two of them may use one condition.
        """
        made = market(next(NUMBERS), **changes)
        self.show(made, {"0.94": "500", "0.95": "200"}, {"0.96": "300", "0.97": "300"})
        self.markets.append(made)
        return made

    def touch(self, touched: SimMarket, at: str = "0.96", size: str | None = "60") -> Trigger:
        """Return a touch of the first outcome by a print of now."""
        now = datetime.now(UTC)
        return Trigger(
            mode=Mode.PAPER,
            condition_id=touched.condition_id,
            token_id=touched.tokens[0],
            outcome=touched.outcomes[0],
            outcome_index=0,
            threshold=price("0.95"),
            price=price(at),
            size=None if size is None else shares(size),
            source=TouchSource.TRADE,
            venue_time=now,
            seen_at=now,
            question=touched.question,
            slug=touched.slug,
        )

    async def trade(self, trigger: Trigger) -> WorkflowHandle[TradeWorkflow, TradeResult]:
        """Start the trade of a touch."""
        return await self.client.start_workflow(
            TradeWorkflow.run,
            TradeStart(trigger=trigger),
            id=trigger.workflow_id,
            task_queue=self.queue,
            id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY,
            id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
        )

    async def reconcile(self, *, dry_run: bool = False) -> Any:
        """Run one reconciliation to its end and return its report."""
        return await self.client.execute_workflow(
            ReconcileWorkflow.run,
            ReconcileStart(mode=Mode.PAPER, dry_run=dry_run),
            id=f"reconcile-{uuid.uuid4().hex}",
            task_queue=self.queue,
        )

    def resolve(self, resolved: SimMarket, winner: int = 0) -> None:
        """Resolve a market for an outcome, at once."""
        payouts = (1_000_000, 0) if winner == 0 else (0, 1_000_000)
        resolve(self.sim.engine.exchange, resolved, payouts, self.sim.engine.now())
        self.sim.engine.commit()

    async def judge(self) -> Judgement:
        """Compare our books with the sim's ledger."""
        books = await BookKeeping(self.desk.pool).read(Mode.PAPER)
        return judge(books, read_ledger(ledger(self.sim.engine)))


@asynccontextmanager
async def open_house(
    dsn: str,
    pool: asyncpg.Pool[Any],
    client: Client,
    state: Path,
    *overrides: str,
    clock: Clock = utc_now,
) -> AsyncIterator[House]:
    """Run a house until the block ends; `overrides` are `key=value` settings.

    `clock` is the bot's alone: the sim, PostgreSQL and Temporal keep their own.
    """
    async with running(QUIET) as sim:
        sim.engine.fund(SAFE, 1_000_000_000)
        queue = f"house-{uuid.uuid4().hex}"
        settings = load_settings(
            [*SWIFT, *_wiring(sim, dsn, queue), *overrides],
            environ={"TOUCHLINE_STATE": str(state)},
            folder=state,
        )
        venue = await connect(hosts(settings), account(settings), now=clock)
        try:
            async with httpx.AsyncClient() as models:
                desk = build_desk(settings, pool, venue, models, clock)
                async with Worker(
                    client,
                    task_queue=queue,
                    workflows=[TradeWorkflow, ReconcileWorkflow],
                    activities=desk.activities,
                    workflow_runner=unsandboxed(),
                    graceful_shutdown_timeout=timedelta(seconds=1),
                ):
                    yield House(sim, desk, client, queue, settings)
        finally:
            await venue.aclose()


def _wiring(sim: Sim, dsn: str, queue: str) -> tuple[str, ...]:
    base = f"http://127.0.0.1:{sim.port}"
    return (
        f"database_url={dsn}",
        f"temporal.task_queue={queue}",
        f"wallet.private_key={KEY}",
        f"venue.clob_url={base}",
        f"venue.gamma_url={base}/gamma",
        f"venue.data_url={base}/data-api",
        f"venue.relayer_url={base}/relayer",
        f"venue.site_url={base}/site",
        f"venue.rpc_url={base}/rpc",
        "venue.relayer_api_key=play",
    )
