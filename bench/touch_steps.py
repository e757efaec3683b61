"""The steps from a touch to its order, read from what the system itself has written down.

frame    the sim sends the print           .. ingest has the frame (claims.seen_at)
start    fold, dispatch, StartWorkflow     .. Temporal has the workflow (history, event 1)
task     the task reaches the worker       .. the screening begins (claims.claimed_at)
screen   claim, evidence, strategy         .. the decision is made (decisions.at)
prepare  record, sign, reserve, store      .. the task is answered (history, task completed)
hand     the post reaches its activity     .. the post is counted (orders.first_posted_at)
post     count it in the store, send it    .. the sim has the request
"""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Any

from temporalio.api.enums.v1 import EventType
from temporalio.client import Client

from store.pool import open_pool

STEPS = (
    "frame: sim to ingest",
    "fold and start: ingest to Temporal",
    "task: Temporal to the worker",
    "screen: claim, evidence, strategy",
    "prepare: record, sign, reserve, store, answer the task",
    "hand over: to the activity",
    "post: count, send, receive",
)
AT_ONCE = 20

_ROWS = """
SELECT c.condition_id, c.workflow_id, c.seen_at, c.claimed_at, d.at AS decided_at,
    o.first_posted_at
FROM claims c JOIN orders o ON o.workflow_id = c.workflow_id AND o.leg = 'entry'
JOIN decisions d ON d.workflow_id = c.workflow_id AND d.stage = 'screening'
ORDER BY c.seen_at
"""

_LOST = """
SELECT why, count(*) AS times FROM (
    SELECT 'screened: ' || reason AS why FROM claims WHERE state <> 'entered'
    UNION ALL SELECT 'filtered: ' || filter FROM decisions WHERE stage = 'ingest'
    UNION ALL SELECT kind || ': ' || reason FROM touches) lost
GROUP BY why ORDER BY times DESC
"""


async def steps_of(client: Client, dsn: str, told: dict[str, dict[str, int]]) -> list[list[float]]:
    """Return the milliseconds of every step of each touch that became an order, oldest first."""
    pool = await open_pool(dsn)
    rows = await pool.fetch(_ROWS)
    await pool.close()
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(row: Any) -> list[float]:
        async with gate:
            started, answered = await _history(client, row["workflow_id"])
        times = [
            told["sent"][row["condition_id"]] / 1e6,
            _ms(row["seen_at"]),
            started,
            _ms(row["claimed_at"]),
            _ms(row["decided_at"]),
            answered,
            _ms(row["first_posted_at"]),
            told["posted"][row["condition_id"]] / 1e6,
        ]
        return [after - before for before, after in zip(times, times[1:], strict=False)]

    known = [row for row in rows if row["condition_id"] in told["posted"]]
    return list(await asyncio.gather(*(one(row) for row in known)))


async def lost(dsn: str) -> list[str]:
    """Return why touches became no order, with how many of each."""
    pool = await open_pool(dsn)
    rows = await pool.fetch(_LOST)
    await pool.close()
    return [f"{row['times']} {row['why']}" for row in rows]


async def _history(client: Client, workflow_id: str) -> tuple[float, float]:
    """Return when the server had the workflow, and when its first task was answered."""
    history = await client.get_workflow_handle(workflow_id).fetch_history()
    answered = next(
        event
        for event in history.events
        if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED
    )
    return _stamp(history.events[0]), _stamp(answered)


def _stamp(event: Any) -> float:
    return float(event.event_time.ToNanoseconds()) / 1e6


def _ms(at: datetime) -> float:
    return at.timestamp() * 1000
