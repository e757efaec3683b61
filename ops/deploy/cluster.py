"""What a Temporal cluster and a database need before a worker starts; made where it is missing."""

from __future__ import annotations

from datetime import timedelta

from google.protobuf.duration_pb2 import Duration
from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import ListSearchAttributesRequest
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest, RegisterNamespaceRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from ops.deploy.finding import Finding
from ops.services.temporal import ensure_search_attributes, set_retention
from ops.services.temporal_options import RETENTION, SEARCH_ATTRIBUTES
from store import migrations

YEAR = timedelta(days=int(RETENTION.removesuffix("d")))
APPLY = "Run: touchline deploy check --apply"
KINDS = {
    "Keyword": IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD,
    "Double": IndexedValueType.INDEXED_VALUE_TYPE_DOUBLE,
}


async def namespace(client: Client, apply: bool) -> Finding:
    """Return whether the namespace is there."""
    if await _retention(client) is not None:
        return Finding(name="namespace", ok=True, found=client.namespace)
    if not apply:
        found = f"{client.namespace} does not exist"
        return Finding(name="namespace", ok=False, found=found, fix=APPLY)
    kept = Duration()
    kept.FromTimedelta(YEAR)
    await client.workflow_service.register_namespace(
        RegisterNamespaceRequest(
            namespace=client.namespace, workflow_execution_retention_period=kept
        )
    )
    return Finding(name="namespace", ok=True, found=f"{client.namespace} made", applied=True)


async def retention(client: Client, apply: bool) -> Finding:
    """Return whether closed trades keep their id for a year: Temporal then refuses a second."""
    kept = await _retention(client)
    if kept is not None and kept >= YEAR:
        return Finding(name="retention", ok=True, found=f"{kept.days} days")
    if kept is None and not apply:
        return Finding(name="retention", ok=False, found="no namespace", fix=APPLY)
    if not apply:
        found = f"expected {YEAR.days} days, was {kept}"
        return Finding(name="retention", ok=False, found=found, fix=APPLY)
    await set_retention(client)
    return Finding(name="retention", ok=True, found=f"set to {YEAR.days} days", applied=True)


async def _retention(client: Client) -> timedelta | None:
    """Return how long the namespace keeps closed workflows, None when there is none."""
    try:
        answer = await client.workflow_service.describe_namespace(
            DescribeNamespaceRequest(namespace=client.namespace)
        )
    except RPCError as e:
        if e.status is RPCStatusCode.NOT_FOUND:
            return None
        raise
    return timedelta(seconds=answer.config.workflow_execution_retention_ttl.seconds)


async def search_attributes(client: Client, apply: bool) -> Finding:
    """Return whether the Web UI can find trades by our attributes."""
    name = "search attributes"
    have = (
        await client.operator_service.list_search_attributes(
            ListSearchAttributesRequest(namespace=client.namespace)
        )
    ).custom_attributes
    wrong = [n for n, kind in SEARCH_ATTRIBUTES.items() if have.get(n, KINDS[kind]) != KINDS[kind]]
    if wrong:
        fix = "Remove them with `temporal operator search-attribute remove`, or use a namespace"
        found = f"of another type: {', '.join(wrong)}"
        return Finding(name=name, ok=False, found=found, fix=f"{fix} of your own.")
    missing = [n for n in SEARCH_ATTRIBUTES if n not in have]
    if not missing:
        return Finding(name=name, ok=True, found=f"all {len(SEARCH_ATTRIBUTES)}")
    if not apply:
        return Finding(name=name, ok=False, found=f"missing: {', '.join(missing)}", fix=APPLY)
    await ensure_search_attributes(client)
    return Finding(name=name, ok=True, found=f"made: {', '.join(missing)}", applied=True)


async def schema(dsn: str, apply: bool) -> Finding:
    """Return whether the database has every migration of this code."""
    try:
        missing = await (migrations.migrate(dsn) if apply else migrations.pending(dsn))
    except migrations.MigrationError as e:
        return Finding(name="schema", ok=False, found=str(e), fix="See docs/upgrades.md.")
    if not missing:
        return Finding(name="schema", ok=True, found="up to date")
    if apply:
        return Finding(name="schema", ok=True, found=f"applied {len(missing)}", applied=True)
    return Finding(name="schema", ok=False, found=f"missing: {', '.join(missing)}", fix=APPLY)
