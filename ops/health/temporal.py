"""Temporal: does its frontend answer for our namespace."""

from __future__ import annotations

import time
from datetime import timedelta

from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest

from ops.health.report import Finding, Status
from ops.health.scene import Scene

SLOW = 1.0  # seconds


async def check(scene: Scene) -> Finding:
    """Return whether Temporal answers, and how fast."""
    if scene.temporal is None:
        return Finding(
            check="temporal",
            status=Status.UNHEALTHY,
            text="nobody answers at its address",
            advice="Start Temporal, or correct TEMPORAL_ADDRESS. Open trades wait for it.",
        )
    begun = time.monotonic()
    await scene.temporal.workflow_service.describe_namespace(
        DescribeNamespaceRequest(namespace=scene.temporal.namespace), timeout=timedelta(seconds=5)
    )
    took = time.monotonic() - begun
    return Finding(
        check="temporal",
        status=Status.DEGRADED if took > SLOW else Status.HEALTHY,
        text=f"answers in {took * 1000:.0f} ms",
        advice="Temporal is slow: see its own metrics and disk." if took > SLOW else "",
    )
