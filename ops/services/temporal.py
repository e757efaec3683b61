"""The Temporal dev server as a part: real server, Web UI, and a database file that stays."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import sys
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

from google.protobuf.duration_pb2 import Duration
from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.namespace.v1 import NamespaceConfig
from temporalio.api.operatorservice.v1 import (
    AddSearchAttributesRequest,
    ListSearchAttributesRequest,
)
from temporalio.api.workflowservice.v1 import UpdateNamespaceRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from ops.services.ports import LOOPBACK, first_free_port
from ops.services.temporal_options import (
    RETENTION,
    SEARCH_ATTRIBUTES,
    SQLITE_PRAGMAS,
    dynamic_config_arguments,
)
from settings.model import TemporalSettings
from settings.temporal_client import connect_temporal

PORT, UI_PORT = 7233, 8233  # the usual ones; others when they are taken


class TemporalUnreachable(RuntimeError):
    """Nothing answers at the address of Temporal; the text says what to do."""


def find_binary() -> Path:
    """Return the `temporal` program of this virtual environment, else of the PATH."""
    beside = Path(sys.executable).parent / "temporal"
    if beside.exists():
        return beside
    if found := shutil.which("temporal"):
        return Path(found)
    raise TemporalUnreachable("no `temporal` program here: set TEMPORAL_ADDRESS to a server")


class DevServer:
    """Ports, files and command line of one dev server; ports are chosen once and kept.

    `ports` are taken if they are free, else any others: zeros ask for any.
    """

    def __init__(
        self, state: Path, namespace: str, ports: tuple[int, int] = (PORT, UI_PORT)
    ) -> None:
        self.database = state.absolute() / "temporal.db"
        self.namespace = namespace
        self.port = first_free_port(ports[0])
        self.ui_port = first_free_port(ports[1])
        self.codec = ""  # where the Web UI has sealed payloads opened; empty: they are plain

    @property
    def address(self) -> str:
        """Return host:port of the gRPC frontend."""
        return f"{LOOPBACK}:{self.port}"

    @property
    def ui_url(self) -> str:
        """Return the Web UI's root."""
        return f"http://{LOOPBACK}:{self.ui_port}"

    def command(self) -> list[str]:
        """Return the command line; every setting has its reason in temporal_options.py."""
        command = [str(find_binary()), "server", "start-dev", "--ip", LOOPBACK]
        command += ["--port", str(self.port), "--ui-port", str(self.ui_port)]
        command += ["--db-filename", str(self.database), "--namespace", self.namespace]
        command += ["--log-level", "warn", "--ui-disable-news-fetch"]
        if self.codec:
            command += ["--ui-codec-endpoint", self.codec]
        for key, value in SQLITE_PRAGMAS.items():
            command += ["--sqlite-pragma", f"{key}={value}"]
        for name, kind in SEARCH_ATTRIBUTES.items():
            command += ["--search-attribute", f"{name}={kind}"]
        return command + dynamic_config_arguments()

    async def ready(self) -> bool:
        """Return whether the server answers; sets the retention the first time it does."""
        with contextlib.suppress(RPCError, RuntimeError, TimeoutError):
            client = await asyncio.wait_for(
                Client.connect(self.address, namespace=self.namespace), timeout=3
            )
            await set_retention(client)
            return True
        return False


async def connect(temporal: TemporalSettings, within: float = 5.0) -> Client:
    """Return a client of a server that runs, checked to answer for the namespace.

    Raises:
        TemporalUnreachable: no answer within `within` seconds, or no such namespace.
    """
    address, namespace = temporal.address or "no address", temporal.namespace
    try:
        client = await asyncio.wait_for(connect_temporal(temporal), timeout=within)
        await asyncio.wait_for(client.count_workflows(), timeout=within)
    except RPCError as e:
        raise TemporalUnreachable(
            f"Temporal at {address} (TEMPORAL_ADDRESS) has no usable namespace {namespace}:"
            f" {e.message}"
        ) from e
    except (RuntimeError, TimeoutError, ValueError) as e:
        reason = str(e).partition("\n")[0] or "no answer"
        raise TemporalUnreachable(
            f"cannot reach Temporal at {address} (TEMPORAL_ADDRESS): {reason}."
            " Start that server, correct the address, or unset it to use the embedded one"
        ) from e
    return client


async def set_retention(client: Client) -> None:
    """Keep closed workflows for a year: their ids stay taken as long (dev default: 24 h)."""
    days = int(RETENTION.removesuffix("d"))
    duration = Duration()
    duration.FromTimedelta(timedelta(days=days))
    await client.workflow_service.update_namespace(
        UpdateNamespaceRequest(
            namespace=client.namespace,
            config=NamespaceConfig(workflow_execution_retention_ttl=duration),
        )
    )


async def ensure_search_attributes(client: Client) -> None:
    """Create the search attributes that a server of somebody else lacks; idempotent."""
    have = await client.operator_service.list_search_attributes(
        ListSearchAttributesRequest(namespace=client.namespace)
    )
    kinds: Mapping[str, IndexedValueType.ValueType] = {
        "Keyword": IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD,
        "Double": IndexedValueType.INDEXED_VALUE_TYPE_DOUBLE,
    }
    missing = {
        name: kinds[kind]
        for name, kind in SEARCH_ATTRIBUTES.items()
        if name not in have.custom_attributes
    }
    if not missing:
        return
    try:
        await client.operator_service.add_search_attributes(
            AddSearchAttributesRequest(namespace=client.namespace, search_attributes=missing)
        )
    except RPCError as e:
        if e.status is not RPCStatusCode.ALREADY_EXISTS:
            raise
