"""touchline deploy check, promote: on the real dev server, in a namespace nobody prepared."""

from __future__ import annotations

import asyncio
import json
import os
import uuid
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.worker import Worker

from ops.cli.main import main
from settings.model import TemporalSettings
from settings.version import VERSION, build_id
from tests.waiting import eventually
from worker.runner import unsandboxed
from worker.versions import deployment

Run = Callable[..., tuple[int, Any]]


@pytest.fixture
def run(
    temporal_client: Client,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> Callable[..., Any]:
    for name in [n for n in os.environ if n.startswith(("TOUCHLINE_", "TEMPORAL_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("TOUCHLINE_STATE", str(tmp_path))
    monkeypatch.setenv("TEMPORAL_ADDRESS", temporal_client.service_client.config.target_host)
    monkeypatch.chdir(tmp_path)

    async def command(*arguments: str) -> tuple[int, Any]:
        code = await asyncio.to_thread(main, [*arguments, "--json"])
        out, err = capsys.readouterr()
        return code, json.loads(out) if out else err

    return command


def found(said: dict[str, Any]) -> dict[str, tuple[bool, bool]]:
    return {f["name"]: (f["ok"], f["applied"]) for f in said["findings"]}


async def test_a_bare_cluster_is_named_then_prepared_then_found_well(
    run: Any, empty_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEMPORAL_NAMESPACE", f"bare-{uuid.uuid4().hex[:8]}")
    monkeypatch.setenv("DATABASE_URL", empty_dsn)
    code, said = await run("deploy", "check", "--prepare")
    assert code == 1
    assert found(said) == {
        "namespace": (False, False),
        "retention": (False, False),
        "schema": (False, False),
    }
    assert all("--apply" in f["fix"] for f in said["findings"])
    code, said = await run("deploy", "check", "--prepare", "--apply")
    assert code == 0, said
    assert found(said) == {
        "namespace": (True, True),
        "retention": (True, False),
        "schema": (True, True),
        "search attributes": (True, True),
    }
    code, said = await run("deploy", "check", "--prepare")
    assert code == 0 and not any(f["applied"] for f in said["findings"])


async def test_short_retention_and_absent_workers_are_found(
    run: Any, dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", dsn)
    queue = f"nobody-{uuid.uuid4().hex}"
    code, said = await run("deploy", "check", "--set", f"temporal.task_queue={queue}")
    unwell = {name for name, (ok, _) in found(said).items() if not ok}
    assert code == 1 and {"pollers", "schedules"} <= unwell
    assert said["build_id"] == build_id()


@activity.defn
async def nothing() -> None:
    """Be polled for."""


@workflow.defn
class Idle:
    """Ends at once."""

    @workflow.run
    async def run(self) -> str:
        """Say which build ran."""
        version = workflow.info().get_current_deployment_version()
        return version.build_id if version else ""


async def test_a_version_gets_tasks_only_once_it_is_promoted(
    run: Any, dsn: str, temporal_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", dsn)
    code, said = await run("deploy", "promote", "--within", "0")
    assert code == 5 and "no worker with temporal.versioning=true" in said
    queue = f"versions-{uuid.uuid4().hex}"
    config = deployment(TemporalSettings(versioning=True))
    assert config is not None and deployment(TemporalSettings()) is None
    async with Worker(
        temporal_client,
        task_queue=queue,
        workflows=[Idle],
        activities=[nothing],
        workflow_runner=unsandboxed(),
        deployment_config=config,
        graceful_shutdown_timeout=timedelta(seconds=1),
    ):
        code, said = await run("deploy", "promote", "--within", "60")
        assert (code, said["current"]) == (0, build_id()), said
        versioned = ("--set", "temporal.versioning=true", "--set", f"temporal.task_queue={queue}")

        async def polled() -> bool:  # the server lists a poller some moments after its first poll
            _, said = await run("deploy", "check", *versioned)
            assert found(said)["versions"] == (True, False)
            return bool(found(said)["pollers"][0])

        await eventually(polled, within=60)
        ran = await asyncio.wait_for(
            temporal_client.execute_workflow(Idle.run, id=queue, task_queue=queue), 30
        )
        assert ran == build_id()


async def test_a_cluster_that_does_not_answer_is_not_running(
    run: Any, dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", dsn)
    monkeypatch.setenv("TEMPORAL_ADDRESS", "127.0.0.1:9")
    code, said = await run("deploy", "check")
    assert code == 3 and "127.0.0.1:9" in said


def test_the_build_id_names_the_release_and_the_sources(tmp_path: Path, repository: Path) -> None:
    assert f'version = "{VERSION}"' in (repository / "pyproject.toml").read_text()
    assert build_id().startswith(f"{VERSION}-")
    (tmp_path / "worker").mkdir()
    source = tmp_path / "worker" / "x.py"
    source.write_text("a = 1\n")
    before = build_id(tmp_path)
    build_id.cache_clear()
    assert build_id(tmp_path) == before
    source.write_text("a = 2\n")
    build_id.cache_clear()
    assert build_id(tmp_path) != before
