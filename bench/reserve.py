"""Measure the reserving transaction: `python -m bench.reserve [--trades N] [--sessions N]`.

A real PostgreSQL with fsync on, filled with open trades; then parallel reservers, each with its
own connection and its own trades, first as fast as they can (rate 0: every one waits for all
others), then at a pace. Prints one JSON line per run, in milliseconds, and beside each the floor of
the same machine and moment: a commit that waits for the disk and does nothing else.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import asyncpg
import uvloop

from domain.market import Mode
from domain.money import price, shares, usd
from domain.orders import Intent, Leg, Side, SignedOrder, TimeInForce
from domain.rules import RiskRules
from ops.services.postgres import EmbeddedPostgres
from store.account import Account
from store.migrations import migrate
from store.orders import Orders
from store.pool import open_pool
from store.stored_order import StoredOrder

BODY = json.dumps({"order": "x" * 900})  # about the size of a real request
RULES = RiskRules(
    max_positions=10_000_000,
    max_total=usd(10**9),
    max_per_event=usd(10**6),
    max_balance_age=timedelta(hours=1),
)

_CLAIMS = """
INSERT INTO claims (mode, condition_id, threshold, workflow_id, owner_run, state, slot, token_id,
    outcome, outcome_index, price, source, venue_time, seen_at, event_id, claimed_at, changed_at)
SELECT 'paper', $1 || n, 0.95, $1 || n || ':0.95', 'run', $2, $2 = 'entered', $1 || 't' || n,
    'Yes', 0, 0.95, 'trade', now(), now(), $1 || 'e' || n % 1000, now(), now()
FROM generate_series(1, $3::int) n
"""
_ORDERS = """
INSERT INTO orders (order_id, mode, workflow_id, run_id, leg, attempt, condition_id, token_id,
    event_id, side, tif, limit_price, shares, funds, tick, neg_risk, post_before, body,
    maker_amount, taker_amount, signed_at, created_at, status)
SELECT 'order-' || c.workflow_id, 'paper', c.workflow_id, 'run', 'entry', 1, c.condition_id,
    c.token_id, c.event_id, 'BUY', 'GTD', 0.95, 20, 19.2, 0.01, false, now(), $1,
    19, 20, now(), now(), 'live' FROM claims c WHERE c.state = 'entered'
"""
_RESERVATIONS = """
INSERT INTO reservations (order_id, mode, workflow_id, condition_id, event_id, limit_price, shares,
    unfilled, fee_full)
SELECT order_id, mode, workflow_id, condition_id, event_id, limit_price, shares, 10, 0.2
FROM orders
"""
_POSITIONS = """
INSERT INTO positions (workflow_id, mode, condition_id, token_id, event_id, shares,
    shares_confirmed, cost, cost_known, fees, realised, bought, sold, oversold, state, age_source,
    hold_policy, opened_at, created_at, changed_at)
SELECT workflow_id, 'paper', condition_id, token_id, event_id, 10, 10, 9.4, true, 0.1, 0, 10, 0, 0,
    'open', 'bot', 'actual', now(), now(), now() FROM orders
"""


async def fill(connection: asyncpg.Connection, trades: int, fresh: int) -> None:
    """Write open trades, each with a half filled order and a position, and claims to reserve."""
    await connection.execute(_CLAIMS, "open-", "entered", trades)
    await connection.execute(_ORDERS, BODY)
    await connection.execute("UPDATE orders SET filled = 10, status = 'partial'")
    await connection.execute(_RESERVATIONS)
    await connection.execute(_POSITIONS)
    await connection.execute(_CLAIMS, "new-", "claimed", fresh)
    for total in ("reserved", "fee_reserved", "position_cost", "open_slots"):
        await connection.execute(
            f"UPDATE account a SET {total} = d.counted FROM account_drift d"
            f" WHERE d.mode = a.mode AND d.total = '{total}'"
        )
    await connection.execute("VACUUM ANALYZE")
    await connection.execute("CHECKPOINT")


def order(number: int, at: datetime) -> tuple[Intent, SignedOrder]:
    """Return the order of one fresh claim."""
    intent = Intent(
        mode=Mode.PAPER,
        workflow_id=f"new-{number}:0.95",
        run_id="run",
        leg=Leg.ENTRY,
        attempt=1,
        condition_id=f"new-{number}",
        token_id=f"new-t{number}",
        event_id=f"open-e{number % 1000}",
        side=Side.BUY,
        tif=TimeInForce.FAK,
        limit=price("0.95"),
        shares=shares(20),
        funds=usd("19.2"),
        tick=price("0.01"),
        post_before=at,
    )
    signed = SignedOrder(
        order_id=f"0x{random.getrandbits(256):064x}",
        body=BODY,
        maker_amount=Decimal(19),
        taker_amount=Decimal(20),
        signed_at=at,
    )
    return intent, signed


Step = Callable[[int], Awaitable[None]]


async def session(step: Step, numbers: range, pause: float, times: list[float]) -> None:
    """Do one step per number; with a pause in seconds between two on average."""
    rng = random.Random(numbers.start)
    for number in numbers:
        if pause:
            await asyncio.sleep(rng.expovariate(1 / pause))
        started = time.perf_counter()
        await step(number)
        times.append((time.perf_counter() - started) * 1000)


async def measure(
    what: str, step: Step, sessions: int, each: int, first: int, rate: float
) -> dict[str, object]:
    """Run all sessions at once and return the figures; `rate` 0 is as fast as they can."""
    times: list[float] = []
    took = 0.0
    for part in (each // 10, each):  # the first part warms plans and caches
        times.clear()
        started = time.perf_counter()
        pause = sessions / rate if rate else 0
        starts = range(first, first + sessions * part, part)
        await asyncio.gather(*(session(step, range(s, s + part), pause, times) for s in starts))
        took = time.perf_counter() - started
        first += sessions * part
    cuts = statistics.quantiles(times, n=100)
    return {
        "what": what,
        "sessions": sessions,
        "asked_per_s": rate or "as fast as they can",
        "done_per_s": round(len(times) / took),
        "p50_ms": round(cuts[49], 2),
        "p95_ms": round(cuts[94], 2),
        "p99_ms": round(cuts[98], 2),
    }


async def run(dsn: str, sessions: int, each: int, rates: list[float]) -> None:
    """Measure, for every rate, the floor (an empty durable commit) and the reservation."""
    pool = await open_pool(dsn, min_size=sessions, max_size=sessions)
    orders, account = Orders(pool), Account(pool)

    async def empty(number: int) -> None:
        await pool.fetchval("SELECT pg_logical_emit_message(true, 'bench', '')")

    async def reserve(number: int) -> None:
        at = datetime.now(UTC)
        kept = await orders.prepare(*order(number, at), RULES, at)
        if not isinstance(kept, StoredOrder):
            raise SystemExit(f"expected a stored order, was {kept}")

    await account.set_balance(Mode.PAPER, usd(10**9), datetime.now(UTC))
    first = 1
    for rate in rates:
        floor = await measure("floor: empty durable commit", empty, sessions, each, 0, rate)
        print(json.dumps(floor))
        print(json.dumps(await measure("reserve", reserve, sessions, each, first, rate)))
        first += sessions * (each + each // 10)
    if drift := await account.drift():
        raise SystemExit(f"expected running totals as their rows, was {drift}")
    await pool.close()


@contextmanager
def server(state: str | None) -> Iterator[str]:
    """Run a durable PostgreSQL in a directory of its own, under `state` where given."""
    with tempfile.TemporaryDirectory(prefix="touchline-bench-", dir=state) as name:
        os.chmod(name, 0o711)
        postgres = EmbeddedPostgres(Path(name) / "pg")
        try:
            yield postgres.start()
        finally:
            postgres.stop()


async def main(given: argparse.Namespace) -> None:
    """Run the benchmark and print its figures."""
    with server(given.state) as dsn:
        await migrate(dsn)
        connection = await asyncpg.connect(dsn)
        fresh = len(given.rates) * given.sessions * (given.each + given.each // 10)
        await fill(connection, given.trades, fresh)
        await connection.close()
        await run(dsn, given.sessions, given.each, given.rates)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trades", type=int, default=10_000, help="open trades in the store")
    parser.add_argument("--sessions", type=int, default=16)
    parser.add_argument("--each", type=int, default=200, help="reservations per session")
    parser.add_argument("--rates", type=float, nargs="*", default=[0, 100, 400])
    parser.add_argument("--state", help="directory for the server, e.g. on a RAM disk")
    uvloop.run(main(parser.parse_args()))
