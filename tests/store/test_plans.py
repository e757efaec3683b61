"""Every hot query finds its rows by an index, among a million others (STO-L2).

A million real rows in six tables take minutes to write, so by default a hundredth is written and
the planner is told the rest: `reltuples` says a million while the pages stay few, which makes a
sequential scan look cheaper than it would be. PLAN_ROWS=1000000 writes all of them. Plans
are the planner's own; nothing is switched off.
"""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator, Iterator
from typing import Any

import asyncpg
import pytest
import pytest_asyncio

from store.pool import prepare_connection
from tests.postgres import TestPostgres

ROWS = int(os.environ.get("PLAN_ROWS", 10_000))
TOLD = 1_000_000
TABLES = ["claims", "orders", "fills", "positions", "decisions", "tape_trades"]
FILL = f"""
SET session_replication_role = replica;  -- neither triggers nor foreign keys: rows, no meaning
INSERT INTO claims (mode, condition_id, threshold, workflow_id, owner_run, state, token_id, outcome,
    outcome_index, price, source, venue_time, seen_at, claimed_at, changed_at, slot)
SELECT 'paper', 'c' || n, 0.95, 'c' || n || ':0.95', 'r', CASE n % 1000 WHEN 0 THEN 'claimed'
    ELSE 'entered' END, 't' || n, 'Yes', 0, 0.95, 'trade', t, t, t, t, false
FROM (SELECT n, now() - n * interval '1 minute' AS t FROM generate_series(1, {ROWS}) n) s;
INSERT INTO orders (order_id, mode, workflow_id, run_id, leg, attempt, condition_id, token_id, side,
    tif, limit_price, shares, funds, tick, neg_risk, post_before, body, maker_amount, taker_amount,
    signed_at, created_at, status, closed_at)
SELECT 'o' || n, 'paper', 'c' || n || ':0.95', 'r', 'entry', 1, 'c' || n, 't' || n, 'BUY', 'FAK',
    0.95, 20, 19, 0.01, false, t, 'x', 19, 20, t, t, CASE n % 1000 WHEN 0 THEN 'live'
    ELSE 'filled' END, CASE n % 1000 WHEN 0 THEN NULL ELSE t END
FROM (SELECT n, now() - n * interval '1 minute' AS t FROM generate_series(1, {ROWS}) n) s;
INSERT INTO fills (trade_id, order_id, mode, workflow_id, token_id, side, price, shares, fee, cash,
    status, matched_at, maker, seen_at, settled_at, cash_pending)
SELECT 'f' || n, 'o' || n, 'paper', 'c' || n || ':0.95', 't' || n, 'BUY', 0.95, 20, 0, 19,
    CASE n % 1000 WHEN 0 THEN 'matched' ELSE 'confirmed' END, t, false, t,
    CASE n % 1000 WHEN 0 THEN NULL ELSE t END, n % 1000 = 0
FROM (SELECT n, now() - n * interval '1 minute' AS t FROM generate_series(1, {ROWS}) n) s;
INSERT INTO positions (workflow_id, mode, condition_id, token_id, event_id, shares,
    shares_confirmed, cost, cost_known, fees, realised, bought, sold, oversold, state, age_source,
    hold_policy, opened_at, closed_at, created_at, changed_at)
SELECT 'c' || n || ':0.95', 'paper', 'c' || n, 't' || n, 'e' || n % 100000,
    CASE n % 1000 WHEN 0 THEN 20 ELSE 0 END, 0, 0, true, 0, 0, 20, 20, 0, CASE n % 1000
    WHEN 0 THEN 'open' ELSE 'closed' END, 'bot', 'actual', t, CASE n % 1000 WHEN 0 THEN NULL
    ELSE t END, t, t
FROM (SELECT n, now() - n * interval '1 minute' AS t FROM generate_series(1, {ROWS}) n) s;
INSERT INTO decisions (seq, mode, condition_id, token_id, threshold, stage, verdict, reason, filter,
    values, strategy, strategy_version, settings_hash, at)
SELECT 0, 'paper', 'c' || n, 't' || n, 0.95, 'ingest', 'ignore', 'x', 'age', '{{}}', '', '', '', t
FROM (SELECT n, now() - n * interval '1 minute' AS t FROM generate_series(1, {ROWS}) n) s;
INSERT INTO tape_trades
SELECT 'c' || n % 100, 'x' || n, 't' || n, 'BUY', 0.95, 20, now() - n * interval '1 minute'
FROM generate_series(1, {ROWS}) n;
"""

QUERIES = [
    ("claim by key", "claims_pkey",
     "SELECT * FROM claims WHERE mode = 'paper' AND condition_id = 'c77' AND threshold = 0.95"),
    ("claim by trade", "claims_workflow_id_mode_key",
     "SELECT * FROM claims WHERE workflow_id = 'c77:0.95' AND mode = 'paper'"),
    ("claims left behind", "claims_by_state",
     "SELECT * FROM claims WHERE mode = 'paper' AND state = 'claimed' AND changed_at < now()"
     " ORDER BY changed_at LIMIT 50"),
    ("order by intent", "orders_workflow_id_mode_leg_attempt_key",
     "SELECT * FROM orders WHERE workflow_id = 'c77:0.95' AND leg = 'entry' AND attempt = 1"
     " AND ('paper' IS NULL OR mode = 'paper')"),
    ("order by id", "orders_pkey", "SELECT * FROM orders WHERE order_id = 'o77'"),
    ("open orders", "orders_open",
     "SELECT * FROM orders WHERE mode = 'paper' AND closed_at IS NULL ORDER BY created_at"),
    ("orders of the breaker", "orders_by_time",
     "SELECT count(*) FROM orders WHERE mode = 'paper' AND posts > 0"
     " AND created_at > now() - interval '1 hour'"),
    ("fills of an order", "fills_by_order", "SELECT * FROM fills WHERE order_id = 'o77'"),
    ("fills of a trade", "fills_by_workflow",
     "SELECT * FROM fills WHERE workflow_id = 'c77:0.95' AND mode = 'paper'"),
    ("fills to settle", "fills_unsettled",
     "SELECT * FROM fills WHERE mode = 'paper' AND settled_at IS NULL ORDER BY matched_at"),
    ("fills of the breaker", "fills_by_time",
     "SELECT count(*) FROM fills WHERE mode = 'paper' AND matched_at > now() - interval '1 hour'"),
    ("spent, not yet in the balance", "fills_pending",
     "UPDATE fills SET cash_pending = false WHERE mode = 'paper' AND cash_pending"
     " AND status = 'confirmed' AND settled_at < now()"),
    ("open positions", "positions_open",
     "SELECT * FROM positions WHERE mode = 'paper' AND state IN ('open', 'unmanaged')"
     " ORDER BY created_at"),
    ("at work in a market", "positions_open_by_condition",
     "SELECT sum(exposure) FROM positions WHERE mode = 'paper' AND condition_id = 'c77'"
     " AND state IN ('open', 'unmanaged')"),
    ("at work in an event", "positions_open_by_event",
     "SELECT sum(exposure) FROM positions WHERE mode = 'paper' AND event_id = 'e77'"
     " AND state IN ('open', 'unmanaged')"),
    ("held of a token", "positions_open_by_token",
     "SELECT * FROM positions WHERE mode = 'paper' AND token_id = 't77'"
     " AND state IN ('open', 'unmanaged')"),
    ("tokens that lost", "positions_worthless",
     "SELECT token_id FROM positions WHERE mode = 'paper' AND token_id = ANY('{t77,t78}')"
     " AND payout = 0"),
    ("why", "decisions_by_condition",
     "SELECT * FROM decisions WHERE condition_id = 'c77' ORDER BY at DESC, decision_id DESC"
     " LIMIT 100"),
    ("funnel", "decisions_by_time",
     "SELECT filter, count(*) FROM decisions WHERE at > now() - interval '1 hour' GROUP BY filter"),
    ("prints of a market", "tape_trades_by_time",
     "SELECT * FROM tape_trades WHERE condition_id = 'c77' AND at > now() - interval '10 days'"
     " ORDER BY at"),
]  # fmt: skip


@pytest_asyncio.fixture(scope="module")
async def million(
    postgres_admin: asyncpg.Connection[Any],
) -> AsyncIterator[asyncpg.Connection[Any]]:
    """Return a connection to a database with a million rows in each table that grows."""
    async with TestPostgres.shared().database(postgres_admin) as dsn:
        connection = await asyncpg.connect(dsn)
        await prepare_connection(connection)
        for table in TABLES:  # autovacuum would count again
            await connection.execute(f"ALTER TABLE {table} SET (autovacuum_enabled = false)")
        await connection.execute(FILL, timeout=600)
        await connection.execute("ANALYZE", timeout=60)
        await connection.execute(
            "UPDATE pg_class SET reltuples = reltuples * $1::int / $2::int"
            " WHERE relname = ANY($3) AND relkind = 'r'",
            TOLD,
            ROWS,
            TABLES,
        )
        yield connection
        await connection.close()


def _indexes(plan: object) -> Iterator[str]:
    if isinstance(plan, dict):
        if "Index Name" in plan:
            yield plan["Index Name"]
        for part in plan.values():
            yield from _indexes(part)
    elif isinstance(plan, list):
        for part in plan:
            yield from _indexes(part)


@pytest.mark.parametrize(("what", "index", "query"), QUERIES, ids=[q[0] for q in QUERIES])
async def test_a_hot_query_uses_its_index(
    million: asyncpg.Connection[Any], what: str, index: str, query: str
) -> None:
    plan = json.loads(await million.fetchval(f"EXPLAIN (FORMAT JSON) {query}"))
    assert any(name.startswith(index) for name in _indexes(plan)), plan
    assert "Seq Scan" not in json.dumps(plan)
