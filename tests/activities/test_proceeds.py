"""activities/proceeds.py: "nothing to redeem" is believed the third time, across retries."""

from __future__ import annotations

import uuid
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.common import RetryPolicy
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from activities.proceeds import READINGS, Proceeds
from activities.venue_errors import nothing_yet

SOON = timedelta(milliseconds=50)


class Reading:
    """Counts as redemption does: in the heartbeat, failing in between."""

    def __init__(self) -> None:
        self.attempts = 0
        venue = SimpleNamespace(positions=self.positions)
        made: Any = Proceeds
        self.proceeds = made(venue, None, SOON, None)

    async def positions(self) -> list[object]:
        """The indexer lists nothing either."""
        return []

    @activity.defn(name="believe")
    async def believe(self) -> int:
        """Return how many attempts it took."""
        self.attempts += 1
        await self.proceeds.believe_nothing(SimpleNamespace(token_id="7"))
        return self.attempts


@workflow.defn
class Believe:
    """Calls the activity with a waiter's retries."""

    @workflow.run
    async def run(self) -> int:
        result: int = await workflow.execute_activity(
            "believe",
            result_type=int,
            start_to_close_timeout=timedelta(seconds=30),
            retry_policy=RetryPolicy(initial_interval=SOON),
        )
        return result


async def test_the_count_of_readings_survives_the_retries(temporal_client: Client) -> None:
    reading, queue = Reading(), f"believe-{uuid.uuid4().hex}"
    async with Worker(
        temporal_client,
        task_queue=queue,
        workflows=[Believe],
        activities=[reading.believe],
        workflow_runner=UnsandboxedWorkflowRunner(),
    ):
        took = await temporal_client.execute_workflow(
            Believe.run, id=queue, task_queue=queue, execution_timeout=timedelta(seconds=30)
        )
    assert took == READINGS


def test_a_waiters_failure_is_retried() -> None:
    assert not nothing_yet("later", SOON).non_retryable
