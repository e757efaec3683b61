"""Worker versions at the server: which there are, which is current, and making one current."""

from __future__ import annotations

from temporalio.api.workflowservice.v1 import (
    DescribeWorkerDeploymentRequest,
    DescribeWorkerDeploymentResponse,
    SetWorkerDeploymentCurrentVersionRequest,
)
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from settings.version import DEPLOYMENT


class Versions:
    """The deployment `touchline` of one namespace."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def known(self) -> list[str]:
        """Return the build ids that workers have named."""
        found = await self._describe()
        if found is None:
            return []
        summaries = found.worker_deployment_info.version_summaries
        return [summary.deployment_version.build_id for summary in summaries]

    async def current(self) -> str:
        """Return the build id that gets the tasks; empty when none was promoted."""
        found = await self._describe()
        if found is None:
            return ""
        routing = found.worker_deployment_info.routing_config
        return routing.current_deployment_version.build_id

    async def promote(self, build: str) -> None:
        """Send every new task to this build; open trades go there at their next step.

        Raises:
            RPCError: no worker of this build polls the queues that the current one serves.
        """
        await self._client.workflow_service.set_worker_deployment_current_version(
            SetWorkerDeploymentCurrentVersionRequest(
                namespace=self._client.namespace,
                deployment_name=DEPLOYMENT,
                build_id=build,
                identity=self._client.identity,
            )
        )

    async def _describe(self) -> DescribeWorkerDeploymentResponse | None:
        try:
            return await self._client.workflow_service.describe_worker_deployment(
                DescribeWorkerDeploymentRequest(
                    namespace=self._client.namespace, deployment_name=DEPLOYMENT
                )
            )
        except RPCError as e:
            if e.status is RPCStatusCode.NOT_FOUND:
                return None
            raise
