"""Discover: on a schedule, keep the catalogue of markets equal to the venue's."""

from __future__ import annotations

from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy

from activities.catalogue import CatalogueActivities, DiscoverReport
from domain.record import Record

# 30,000 markets are 300 pages; each page beats. A pass that fails is left to the next run.
PASS = workflow.ActivityConfig(
    start_to_close_timeout=timedelta(minutes=15),
    heartbeat_timeout=timedelta(seconds=60),
    retry_policy=RetryPolicy(initial_interval=timedelta(seconds=2), maximum_attempts=3),
    summary="Read the open markets",
)


class DiscoverStart(Record):
    """How old the last whole pass may be, whoever made it."""

    every: timedelta


@workflow.defn(name="DiscoverWorkflow")
class DiscoverWorkflow:
    """One pass over the catalogue. Scheduled with overlap policy skip."""

    @workflow.run
    async def run(self, start: DiscoverStart) -> DiscoverReport:
        """Return what the pass found."""
        return await workflow.execute_activity_method(
            CatalogueActivities.discover, start.every, **PASS
        )
