"""Workers: does anybody poll the task queue, for workflows and for activities."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest

from ops.health.report import Finding, Status
from ops.health.scene import Scene

FRESH = timedelta(minutes=2)  # a poll lasts up to a minute
KINDS = {
    "workflows": TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
    "activities": TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY,
}


async def check(scene: Scene) -> Finding:
    """Return how many workers poll."""
    if scene.temporal is None:
        return Finding(check="workers", status=Status.UNHEALTHY, text="unknown without Temporal")
    counts = {}
    for name, kind in KINDS.items():
        answer = await scene.temporal.workflow_service.describe_task_queue(
            DescribeTaskQueueRequest(
                namespace=scene.temporal.namespace,
                task_queue=TaskQueue(name=scene.task_queue),
                task_queue_type=kind,
            ),
            timeout=timedelta(seconds=5),
        )
        since = datetime.now(UTC) - FRESH  # pollers carry Temporal's wall clock, not ours
        counts[name] = len(
            {
                poller.identity
                for poller in answer.pollers
                if poller.last_access_time.ToDatetime(UTC) >= since
            }
        )
    text = ", ".join(f"{count} for {name}" for name, count in counts.items())
    if min(counts.values()) == 0:
        return Finding(
            check="workers",
            status=Status.UNHEALTHY,
            text=f"nobody works on the queue {scene.task_queue}: {text}",
            advice="Start a worker: until then open trades wait, with their money as it is.",
        )
    return Finding(check="workers", status=Status.HEALTHY, text=text)
