"""Run a worker: register, say that it is ready, and leave in order."""

from __future__ import annotations

import asyncio
import signal
from datetime import timedelta
from typing import Any

import structlog
from temporalio.client import Client
from temporalio.worker import PollerBehaviorSimpleMaximum, Worker

from settings.model import Settings, TemporalSettings
from settings.temporal_client import connect_temporal
from worker.bootstrap import Desk, open_desk
from worker.eyes import Eyes, ensure_eyes, open_eyes
from worker.gentle import starting_gently
from worker.guard import ModeGuard
from worker.runner import unsandboxed
from worker.schedules import ensure_schedules
from worker.versions import deployment
from workflows.discover import DiscoverWorkflow
from workflows.reconcile import ReconcileWorkflow
from workflows.trade import TradeWorkflow

log = structlog.get_logger()

GRACE = timedelta(seconds=20)  # activities under way may finish: a post is never cut off


async def run(settings: Settings) -> None:
    """Serve the task queue until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    temporal = settings.temporal
    client = await connect_temporal(temporal)
    async with open_desk(settings) as desk, open_eyes(settings, desk, client) as eyes:
        gently = starting_gently(desk.pool, settings.mode)
        async with gently, make_worker(client, temporal, desk, eyes):
            await ensure_schedules(client, settings)
            await ensure_eyes(client, settings)
            log.info("ready", queue=temporal.task_queue, wallet=desk.venue.wallet)
            await stop.wait()
    log.info("ended")


def make_worker(client: Client, temporal: TemporalSettings, desk: Desk, eyes: Eyes) -> Worker:
    """Return the worker of this desk."""
    return Worker(
        client,
        task_queue=temporal.task_queue,
        workflows=[TradeWorkflow, ReconcileWorkflow, DiscoverWorkflow, *eyes.workflows],
        activities=[*desk.activities, *eyes.activities],
        interceptors=[ModeGuard(desk.mode)],
        **tuning(temporal),
    )


def tuning(temporal: TemporalSettings) -> dict[str, Any]:
    """Return the options of facts/temporal.md, each with its reason."""
    return {
        "workflow_runner": unsandboxed(),
        "max_cached_workflows": 5_000,  # above the open trades, else each event replays a history
        "max_concurrent_activities": 200,
        "workflow_task_poller_behavior": PollerBehaviorSimpleMaximum(10),
        "nonsticky_to_sticky_poll_ratio": 0.4,  # many starts arrive together
        "sticky_queue_schedule_to_start_timeout": timedelta(seconds=1),  # fail-over 1.5 s, not 10
        "graceful_shutdown_timeout": GRACE,
        "max_heartbeat_throttle_interval": timedelta(seconds=4),  # else 12 of 15 s pass unheard
        "deployment_config": deployment(temporal),
    }
