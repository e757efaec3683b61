"""ops/services/temporal.py: the dev server with our settings, and servers of somebody else."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.testing import WorkflowEnvironment

from ops.services.ports import first_free_port, free_port
from ops.services.temporal import (
    DevServer,
    TemporalUnreachable,
    connect,
    ensure_search_attributes,
)
from settings.model import TemporalSettings
from tests.waiting import eventually


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[tuple[DevServer, Path]]:
    """Return a running dev server with the command line of production."""
    server = DevServer(tmp_path, "default")
    process = start(server, tmp_path)
    await eventually(server.ready, within=30, every=0.1)
    yield server, tmp_path
    process.terminate()
    await asyncio.to_thread(process.wait)


def start(server: DevServer, folder: Path) -> subprocess.Popen[bytes]:
    with open(folder / "temporal.log", "ab") as log:
        return subprocess.Popen(server.command(), stdout=log, stderr=log)


async def test_the_server_keeps_closed_ids_for_a_year_and_knows_our_attributes(
    server: tuple[DevServer, Path],
) -> None:
    client = await connect(TemporalSettings(address=server[0].address))
    described = await client.workflow_service.describe_namespace(
        DescribeNamespaceRequest(namespace="default")
    )
    kept = described.config.workflow_execution_retention_ttl
    assert kept.seconds == 365 * 24 * 3600
    await client.count_workflows("ConditionId = 'x' AND RealisedProfit > 1 AND Stage = 'holding'")


async def test_its_database_is_a_file_in_wal_mode(server: tuple[DevServer, Path]) -> None:
    database = server[0].database
    assert database.parent == server[1]
    assert os.path.exists(f"{database}-wal")


async def test_attributes_a_foreign_server_lacks_are_created_once(
    temporal: WorkflowEnvironment,
) -> None:
    await ensure_search_attributes(temporal.client)
    await ensure_search_attributes(temporal.client)


@pytest.mark.parametrize("address", ["127.0.0.1:1", "no-such-host.invalid:7233", "nonsense"])
async def test_an_unreachable_address_is_named_with_a_way_out(address: str) -> None:
    with pytest.raises(TemporalUnreachable) as caught:
        await connect(TemporalSettings(address=address), within=5)
    text = str(caught.value)
    assert text.startswith(f"cannot reach Temporal at {address} (TEMPORAL_ADDRESS)")
    assert "unset it to use the embedded one" in text and "\n" not in text


async def test_a_namespace_that_is_not_there_is_named(temporal: WorkflowEnvironment) -> None:
    address = temporal.client.service_client.config.target_host
    with pytest.raises(TemporalUnreachable, match="no usable namespace nowhere"):
        await connect(TemporalSettings(address=address, namespace="nowhere"))


def test_a_taken_port_is_passed_over() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert first_free_port(port) != port
        with pytest.raises(OSError):
            free_port(port)


def test_a_free_port_is_taken_as_wanted() -> None:
    port = free_port()
    assert first_free_port(0, port) == port
