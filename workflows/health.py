"""HealthWorkflow: one look at everything, on a schedule; what is wrong becomes an alert."""

from __future__ import annotations

from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy

from activities.health import HealthActivities

WORKFLOW = "HealthWorkflow"

# The next run of the schedule looks again anyway; three tries cover a worker that restarts.
CHECK = workflow.ActivityConfig(
    start_to_close_timeout=timedelta(seconds=15),
    schedule_to_close_timeout=timedelta(seconds=50),
    retry_policy=RetryPolicy(initial_interval=timedelta(seconds=2), maximum_attempts=3),
    summary="Run every health check",
)


@workflow.defn(name=WORKFLOW)
class HealthWorkflow:
    """Scheduled every minute, overlap skipped."""

    @workflow.run
    async def run(self) -> str:
        """Return the overall status, for whoever reads the list of runs."""
        return await workflow.execute_activity_method(HealthActivities.check_health, **CHECK)
