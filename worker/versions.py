"""Worker versions: how a worker names its code to Temporal (docs/decisions/0005)."""

from __future__ import annotations

from temporalio.common import VersioningBehavior, WorkerDeploymentVersion
from temporalio.worker import WorkerDeploymentConfig

from settings.model import TemporalSettings
from settings.version import DEPLOYMENT, build_id


def deployment(temporal: TemporalSettings) -> WorkerDeploymentConfig | None:
    """Return the deployment config, or None without versioning.

    Trades upgrade by themselves: one may live for months, longer than anyone keeps old workers.
    The stored histories prove that new code replays old trades.
    """
    if not temporal.versioning:
        return None
    return WorkerDeploymentConfig(
        version=WorkerDeploymentVersion(deployment_name=DEPLOYMENT, build_id=build_id()),
        use_worker_versioning=True,
        default_versioning_behavior=VersioningBehavior.AUTO_UPGRADE,
    )
