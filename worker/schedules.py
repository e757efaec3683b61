"""Schedules: the workflows beside the trades, created once and kept in step with the settings."""

from __future__ import annotations

from datetime import timedelta

from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleIntervalSpec,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleSpec,
    ScheduleUpdate,
    ScheduleUpdateInput,
)

from settings.model import Settings
from workflows.discover import DiscoverStart, DiscoverWorkflow
from workflows.reconcile import ReconcileStart, ReconcileWorkflow


async def ensure_schedules(client: Client, settings: Settings) -> None:
    """Create or update the schedules and run reconciliation now; idempotent.

    Overlap policy skip: a slow run is never joined by a second one.
    """
    start = ReconcileStart(mode=settings.mode)
    action = ScheduleActionStartWorkflow(
        ReconcileWorkflow.run,
        start,
        id=f"reconcile-{settings.mode.value}",
        task_queue=settings.temporal.task_queue,
    )
    await ensure(client, f"reconcile-{settings.mode.value}", action, settings.schedule.reconcile)
    discover = ScheduleActionStartWorkflow(
        DiscoverWorkflow.run,
        DiscoverStart(every=settings.schedule.discover),
        id="discover",
        task_queue=settings.temporal.task_queue,
    )
    await ensure(client, "discover", discover, settings.schedule.discover)


async def ensure(
    client: Client, name: str, action: ScheduleActionStartWorkflow, every: timedelta
) -> None:
    """Create or replace one schedule, and run it now."""
    schedule = Schedule(
        action=action,
        spec=ScheduleSpec(intervals=[ScheduleIntervalSpec(every=every)]),
        policy=SchedulePolicy(overlap=ScheduleOverlapPolicy.SKIP),
    )
    try:
        await client.create_schedule(name, schedule, trigger_immediately=True)
    except ScheduleAlreadyRunningError:
        handle = client.get_schedule_handle(name)

        async def replace(_: ScheduleUpdateInput) -> ScheduleUpdate:
            return ScheduleUpdate(schedule=schedule)

        await handle.update(replace)
        await handle.trigger(overlap=ScheduleOverlapPolicy.SKIP)
