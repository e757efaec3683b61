"""Eyes: the workflows that watch the rest and tell people, beside the trades in each worker."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import structlog
from temporalio.client import Client, ScheduleActionStartWorkflow
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy

from activities.alerting import AlertActivities
from activities.clock import utc_now
from activities.health import HealthActivities
from ops.alerting.build import build_courier, build_replies
from ops.alerting.courier import Round
from ops.alerting.reporter import Reporter
from ops.health.run import examine
from ops.health.scene import Scene
from settings.model import Settings
from store.alerts import Alerts
from store.desk_news import Untold
from store.pulse import Heartbeats
from worker.bootstrap import Desk
from worker.schedules import ensure
from workflows.alerts import WORKFLOW_ID, AlertWorkflow
from workflows.health import HealthStart, HealthWorkflow

log = structlog.get_logger()

PROCESS = "worker"
BEAT = 10.0  # seconds between two heartbeats


@dataclass(frozen=True, slots=True)
class Eyes:
    """What a worker registers besides the trades."""

    workflows: Sequence[type]
    activities: Sequence[Callable[..., Any]]


@asynccontextmanager
async def open_eyes(settings: Settings, desk: Desk, client: Client) -> AsyncIterator[Eyes]:
    """Build health and alerting on the worker's own pool and venue, and beat while open."""
    pool = desk.pool
    duties = tuple(f"{duty}-{settings.mode.value}" for duty in ("reconcile", "health"))
    scene = Scene(
        pool=pool,
        temporal=client,
        mode=settings.mode,
        risk=settings.risk,
        state=settings.state,
        clock=utc_now,
        task_queue=settings.temporal.task_queue,
        escalate_after=settings.pace.escalate_after,
        reconcile_every=settings.schedule.reconcile,
        duties=duties,
        venue_time=desk.venue.server_time,
    )
    health = HealthActivities(
        lambda: examine(scene), Alerts(pool), settings.mode, settings.alerts.cool_down, utc_now
    )
    async with httpx.AsyncClient(timeout=10) as web:
        courier = build_courier(settings, pool, web, utc_now)
        replies = build_replies(settings, pool, web, client, utc_now)
        reporter = Reporter(settings.mode, Untold(pool), Alerts(pool), utc_now)

        async def deliver() -> Round:
            await reporter.report()
            return await courier.deliver()

        alerts = AlertActivities(deliver, replies.listen if replies else None)
        beating = asyncio.create_task(_beat(Heartbeats(pool)))
        try:
            yield Eyes(
                [HealthWorkflow, AlertWorkflow],
                [health.check_health, alerts.deliver_alerts, alerts.obey_chat],
            )
        finally:
            beating.cancel()


async def ensure_eyes(client: Client, settings: Settings) -> None:
    """Schedule the health check and start the delivery of alerts; idempotent."""
    queue, name = settings.temporal.task_queue, f"health-{settings.mode.value}"
    action = ScheduleActionStartWorkflow(
        HealthWorkflow.run, HealthStart(), id=name, task_queue=queue
    )
    await ensure(client, name, action, settings.schedule.health)
    await client.start_workflow(
        AlertWorkflow.run,
        id=WORKFLOW_ID,
        task_queue=queue,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
    )


async def _beat(heartbeats: Heartbeats) -> None:
    instance = f"{socket.gethostname()} {os.getpid()}"
    while True:
        try:
            await heartbeats.beat(PROCESS, instance, utc_now())
        except Exception as e:  # the store is away: every activity says so too
            log.warning("store_away", error=repr(e)[:200])
        await asyncio.sleep(BEAT)
