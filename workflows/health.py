"""HealthWorkflow: one look at everything, on a schedule; what is wrong becomes an alert."""

from __future__ import annotations

from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy

from activities.health import HealthActivities, HealthLook, HealthSeen
from domain.record import Record

WORKFLOW = "HealthWorkflow"

# The next run of the schedule looks again anyway; three tries cover a worker that restarts.
CHECK = workflow.ActivityConfig(
    start_to_close_timeout=timedelta(seconds=15),
    schedule_to_close_timeout=timedelta(seconds=50),
    retry_policy=RetryPolicy(initial_interval=timedelta(seconds=2), maximum_attempts=3),
    summary="Run every health check",
)


class HealthStart(Record):
    """How long a trouble must last before it is told."""

    pause: timedelta = timedelta(seconds=15)


@workflow.defn(name=WORKFLOW)
class HealthWorkflow:
    """Scheduled every minute, overlap skipped."""

    @workflow.run
    async def run(self, start: HealthStart) -> str:
        """Look, and where something is wrong look again; what lasts becomes an alert.

        Returns the overall status, for whoever reads the list of runs.
        """
        seen = await self._look(HealthLook())
        if seen.troubles:
            await workflow.sleep(start.pause, summary="Is it still so in a moment?")
            seen = await self._look(HealthLook(before=seen.troubles))
        return seen.overall

    async def _look(self, look: HealthLook) -> HealthSeen:
        return await workflow.execute_activity_method(HealthActivities.check_health, look, **CHECK)
