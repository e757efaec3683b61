"""AlertWorkflow: carries the alert outbox to the channels and listens to the chat.

One run with a fixed id for the whole installation: a second worker adds hands, not deliveries.
Waiting happens in the retries of its activities, so that quiet weeks add no history.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy

from activities.alerting import AlertActivities
from workflows.options import SILENCE

WORKFLOW = "AlertWorkflow"
WORKFLOW_ID = "alerts"
ROUNDS = 200  # deliveries before the history is begun anew

# The activity names its own next look; this bound is for a store or a worker that is away.
DELIVER = workflow.ActivityConfig(
    start_to_close_timeout=timedelta(minutes=2),
    heartbeat_timeout=SILENCE,
    retry_policy=RetryPolicy(
        initial_interval=timedelta(seconds=1), maximum_interval=timedelta(seconds=10)
    ),
    summary="Deliver what is due in the outbox",
)

# One long look takes 25 s; Telegram may be away for hours.
LISTEN = workflow.ActivityConfig(
    start_to_close_timeout=timedelta(minutes=1),
    retry_policy=RetryPolicy(
        initial_interval=timedelta(seconds=1), maximum_interval=timedelta(minutes=1)
    ),
    cancellation_type=workflow.ActivityCancellationType.TRY_CANCEL,
    summary="Listen to the operator's chat",
)


@workflow.defn(name=WORKFLOW)
class AlertWorkflow:
    """Started with WORKFLOW_ID and `USE_EXISTING` by whoever starts a worker."""

    @workflow.run
    async def run(self) -> None:
        """Deliver for ever; never returns but by continue-as-new."""
        chat = asyncio.create_task(
            workflow.execute_activity_method(AlertActivities.obey_chat, **LISTEN)
        )
        for _ in range(ROUNDS):
            await workflow.execute_activity_method(AlertActivities.deliver_alerts, **DELIVER)
        chat.cancel()
        workflow.continue_as_new()
