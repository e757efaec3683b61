"""workflows/health.py and workflows/alerts.py on a real Temporal: look, raise, deliver."""

from __future__ import annotations

import uuid
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
from temporalio.client import Client
from temporalio.worker import Worker

from activities.alerting import AlertActivities
from activities.health import HealthActivities, HealthLook, HealthSeen
from domain.market import Mode
from ops.alerting.build import build_courier
from ops.health.report import Finding, Report, Status
from ops.health.run import examine
from settings.load import load_settings
from store.alerts import Alerts, AlertState, Priority
from tests.ops.health.scene import make_well, now, scene
from tests.waiting import eventually
from worker.runner import sandboxed
from workflows.alerts import AlertWorkflow
from workflows.health import HealthStart, HealthWorkflow

TROUBLE = Finding(check="stream", status=Status.DEGRADED, text="silent")


async def test_the_health_workflow_raises_one_alert_per_trouble_and_cool_down(
    pool: Any, tmp_path: Path, temporal_client: Client
) -> None:
    """MON-M3, XD-13: the low balance is looked at by a schedule, and told once an hour."""
    queue = f"health-{uuid.uuid4().hex}"
    here = scene(pool, tmp_path, temporal_client, task_queue=queue)
    health = HealthActivities(
        lambda: examine(here), Alerts(pool), Mode.PAPER, timedelta(minutes=15), now
    )
    await make_well(pool)
    await pool.execute("UPDATE account SET balance = 5 WHERE mode = 'paper'")
    async with Worker(
        temporal_client,
        task_queue=queue,
        workflows=[HealthWorkflow],
        activities=[health.check_health],
        workflow_runner=sandboxed(),
    ):
        for number in range(2):
            overall = await temporal_client.execute_workflow(
                HealthWorkflow.run,
                HealthStart(pause=timedelta(milliseconds=50)),
                id=f"{queue}-{number}",
                task_queue=queue,
            )
            assert overall == "unhealthy"
    raised = await Alerts(pool).recent(now() - timedelta(hours=1))
    low = [alert for alert in raised if alert.key == "health:balance:unhealthy"]
    assert len(low) == 1
    assert (low[0].priority, low[0].mode) == (Priority.HIGH, Mode.PAPER)
    assert low[0].text.startswith("$5.00 is below the floor for entries. Deposit")


async def test_a_trouble_of_a_moment_is_not_told(pool: Any) -> None:
    """A start, a restart, a hiccup: two looks must agree."""
    before = Report(overall=Status.DEGRADED, findings=(TROUBLE,), at=now())

    async def look() -> Report:
        return before

    health = HealthActivities(look, Alerts(pool), Mode.PAPER, timedelta(minutes=15), now)
    seen = await health.check_health(HealthLook())
    assert seen == HealthSeen(overall="degraded", troubles=("stream:degraded",))
    await health.check_health(HealthLook(before=("stream:unhealthy",)))
    assert await Alerts(pool).recent(now() - timedelta(hours=1)) == []
    await health.check_health(HealthLook(before=seen.troubles))
    assert len(await Alerts(pool).recent(now() - timedelta(hours=1))) == 1


async def test_the_alert_workflow_delivers_what_is_put_into_the_outbox(
    pool: Any, temporal_client: Client
) -> None:
    queue = f"alerts-{uuid.uuid4().hex}"
    async with httpx.AsyncClient() as web:
        courier = build_courier(load_settings([], {}), pool, web, now)
        alerts = AlertActivities(courier.deliver, None)
        async with Worker(
            temporal_client,
            task_queue=queue,
            workflows=[AlertWorkflow],
            activities=[alerts.deliver_alerts, alerts.obey_chat],
            workflow_runner=sandboxed(),
        ):
            handle = await temporal_client.start_workflow(
                AlertWorkflow.run, id=queue, task_queue=queue
            )
            store = Alerts(pool)
            await store.put("k", Priority.HIGH, "title", "text", timedelta(minutes=1), now())

            async def delivered() -> bool:
                found = await store.recent(now() - timedelta(hours=1))
                return found[0].state is AlertState.SENT

            await eventually(delivered, within=20)
            await handle.terminate()
