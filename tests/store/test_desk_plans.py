"""What pages and lists read is found by an index, with a million rows in each table that grows.

The desk's own classes run; their statements are explained with the very arguments they pass. See
test_plans.py for how a million rows are told to the planner. Two searches by a person are left out,
since they look at every row by design: part of a market's question, and the beginning of an id.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest
import pytest_asyncio

from domain.market import Mode
from store.alerts import Alerts
from store.approvals import Approvals
from store.audit import Audit
from store.decisions import Decisions
from store.desk_deliveries import Deliveries
from store.desk_marks import Marks
from store.desk_news import Untold
from store.desk_standing import Standing
from store.desk_trades import DeskTrades
from store.pool import prepare_connection
from store.pulse import SyncRuns
from store.views import Views
from tests.postgres import TestPostgres
from tests.store.test_plans import FILL, ROWS, TABLES, TOLD

MORE = ["exits", "marks", "alerts", "audit", "touches", "markets", "sync_runs"]
BIG = frozenset({*TABLES, *MORE})
FILL_MORE = f"""
UPDATE positions SET payout = 1 WHERE state = 'closed';
INSERT INTO exits (exit_id, mode, workflow_id, kind, final, shares, cost, proceeds, fees, profit,
    reason, at)
SELECT 'x' || n, 'paper', 'c' || n || ':0.95', 'resolution', true, 20, 19, 20, 0, 1, 'won',
    now() - n * interval '1 minute' FROM generate_series(1, {ROWS}) n;
INSERT INTO marks SELECT 't' || n % 100, now() - n * interval '1 second', 0.95, 0.96
FROM generate_series(1, {ROWS}) n;
INSERT INTO alerts (key, priority, title, text, suppressed, raised_at, state, next_at, seen_by)
SELECT 'k' || n, 'low', 'a', 'b', 0, t, CASE n % 5000 WHEN 0 THEN 'queued' ELSE 'sent' END, t,
    CASE n % 1000 WHEN 0 THEN NULL ELSE 'ann' END
FROM (SELECT n, now() - n * interval '1 minute' AS t FROM generate_series(1, {ROWS}) n) s;
INSERT INTO audit (at, who, what, target, why, result)
SELECT now() - n * interval '1 minute', 'ann', 'halt', 'paper', '', ''
FROM generate_series(1, {ROWS}) n;
INSERT INTO touches (mode, condition_id, token_id, threshold, kind, seen_at, epoch, reason)
SELECT 'paper', 'c' || n, 't' || n, 0.95, 'missed', now() - n * interval '1 minute', 1, 'old'
FROM generate_series(1, {ROWS}) n;
INSERT INTO markets (condition_id, question, slug, end_time, tick, min_size, fee_rate, fee_exponent,
    fee_taker_only, neg_risk, augmented_neg_risk, protocol, active, closed, accepting_orders)
SELECT 'c' || n, 'Will ' || n || ' win?', 'will-' || n, now() + (n - {ROWS}) * interval '1 hour',
    0.01, 5, 0, 1, true, false, false, 'v2', n > {ROWS} * 0.99, n <= {ROWS} * 0.99, true
FROM generate_series(1, {ROWS}) n;
INSERT INTO sync_runs (run_key, mode, kind, dry_run, started_at, ended_at, outcome)
SELECT 'r' || n, 'paper', 'reconcile', false, t, t, 'clean'
FROM (SELECT n, now() - n * interval '1 minute' AS t FROM generate_series(1, {ROWS}) n) s;
"""


class Explaining:
    """Looks like a pool; explains each statement before it runs and keeps the plans."""

    def __init__(self, connection: asyncpg.Connection[Any]) -> None:
        self._connection = connection
        self.plans: list[object] = []

    async def _explain(self, query: str, arguments: tuple[object, ...]) -> None:
        plan = await self._connection.fetchval(f"EXPLAIN (FORMAT JSON) {query}", *arguments)
        self.plans.append(json.loads(plan) if isinstance(plan, str) else plan)

    async def fetch(self, query: str, *arguments: object) -> Any:
        await self._explain(query, arguments)
        return await self._connection.fetch(query, *arguments)

    async def fetchrow(self, query: str, *arguments: object) -> Any:
        await self._explain(query, arguments)
        return await self._connection.fetchrow(query, *arguments)

    async def fetchval(self, query: str, *arguments: object) -> Any:
        await self._explain(query, arguments)
        return await self._connection.fetchval(query, *arguments)

    async def execute(self, query: str, *arguments: object) -> Any:
        await self._explain(query, arguments)
        return await self._connection.execute(query, *arguments)


@pytest_asyncio.fixture(scope="module")
async def desk(postgres_admin: asyncpg.Connection[Any]) -> AsyncIterator[asyncpg.Connection[Any]]:
    """Return a connection to a desk of many years."""
    async with TestPostgres.shared().database(postgres_admin) as dsn:
        connection = await asyncpg.connect(dsn)
        await prepare_connection(connection)
        for table in BIG:  # autovacuum would count again
            await connection.execute(f"ALTER TABLE {table} SET (autovacuum_enabled = false)")
        await connection.execute(FILL, timeout=600)
        await connection.execute(FILL_MORE, timeout=600)
        await connection.execute("ANALYZE", timeout=60)
        await connection.execute(
            "UPDATE pg_class SET reltuples = reltuples * $1::int / $2::int"
            " WHERE relname = ANY($3) AND relkind = 'r'",
            TOLD,
            ROWS,
            sorted(BIG),
        )
        yield connection
        await connection.close()


def scanned(plan: object) -> Iterator[str]:
    """Return the tables that a plan reads from end to end."""
    if isinstance(plan, dict):
        if plan.get("Node Type") == "Seq Scan":
            yield str(plan["Relation Name"])
        for part in plan.values():
            yield from scanned(part)
    elif isinstance(plan, list):
        for part in plan:
            yield from scanned(part)


NOW = datetime.now(UTC)
HOUR, DAY = NOW - timedelta(hours=1), NOW - timedelta(days=1)
TRADE, MODE = "c77:0.95", Mode.PAPER
Read = Callable[[Any], Awaitable[object]]
READS: dict[str, Read] = {
    "open trades": lambda p: DeskTrades(p).under_way(MODE),
    "results": lambda p: DeskTrades(p).closed(MODE, 50),
    "results, a later page": lambda p: DeskTrades(p).closed(MODE, 50, 500),
    "one trade": lambda p: DeskTrades(p).one(MODE, TRADE),
    "its touch": lambda p: DeskTrades(p).touch(MODE, TRADE),
    "its decisions": lambda p: DeskTrades(p).decisions(TRADE),
    "its orders, fills and exits": lambda p: Views(p).details(MODE, TRADE),
    "its prices": lambda p: Marks(p).of_token("t7", HOUR, NOW),
    "trades to redeem": lambda p: DeskTrades(p).over(MODE, NOW),
    "profit over time": lambda p: DeskTrades(p).profit(MODE, DAY),
    "the result of a day": lambda p: Standing(p).result(MODE, DAY, HOUR),
    "counts that should be zero": lambda p: Standing(p).facts(MODE, HOUR, HOUR, HOUR),
    "watchlist": lambda p: Standing(p).watched(MODE),
    "newest decisions": lambda p: Standing(p).decisions(MODE),
    "funnel": lambda p: Decisions(p).funnel(HOUR, NOW),
    "why": lambda p: Decisions(p).of_condition("c77"),
    "alerts": lambda p: Alerts(p).recent(DAY, 200),
    "alerts nobody saw": lambda p: Standing(p).unseen_alerts(DAY),
    "alerts that wait": lambda p: Deliveries(p).waiting(HOUR),
    "approvals": lambda p: Approvals(p).pending(MODE),
    "audit": lambda p: Audit(p).since(DAY),
    "reconciliations": lambda p: SyncRuns(p).recent(MODE),
    "news to tell": lambda p: Untold(p).since(MODE, HOUR),
    "live tokens": lambda p: Marks(p).live_tokens(MODE),
    "the sweep of prices": lambda p: Marks(p).sweep(DAY),
    "latest trades": lambda p: Views(p).trades(MODE, limit=50),
    "sums of a day": lambda p: Views(p).totals(MODE, DAY),
    "the catalogue": lambda p: Standing(p).markets(""),
}


@pytest.mark.parametrize("what", READS)
async def test_what_the_desk_reads_is_found_by_an_index(
    desk: asyncpg.Connection[Any], what: str
) -> None:
    pool = Explaining(desk)
    await READS[what](pool)
    assert pool.plans
    read_whole = BIG & {table for plan in pool.plans for table in scanned(plan)}
    assert not read_whole, json.dumps(pool.plans)
