"""ops/cli: health, watch, dashboard, and what a person may tell one trade or reconciliation."""

from __future__ import annotations

import asyncio
import json
import os
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from temporalio import workflow
from temporalio.client import Client
from temporalio.worker import Worker

from domain.trade import Stage
from ops.cli.main import main
from ops.stack.runfile import Running
from ops.supervision.identity import Identity
from store.audit import Audit
from tests.fakes.desk import Desk as FakeTrades
from tests.ops.traded import Morning, trigger
from tests.waiting import eventually
from worker.runner import sandboxed
from workflows.messages import TradeStart
from workflows.trade import TradeWorkflow


@pytest_asyncio.fixture
async def reached(
    pool: Any,
    dsn: str,
    temporal_client: Client,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> AsyncIterator[Morning]:
    """Point the commands at a store and at Temporal."""
    for name in list(os.environ):
        if name.startswith("TOUCHLINE_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("TOUCHLINE_STATE", str(tmp_path))
    monkeypatch.setenv("DATABASE_URL", dsn)
    monkeypatch.setenv("TEMPORAL_ADDRESS", temporal_client.service_client.config.target_host)
    yield Morning(pool)


async def run(*arguments: str) -> int:
    return await asyncio.to_thread(main, list(arguments))


async def test_health_tells_every_check_and_ends_with_1_when_unhealthy(
    reached: Morning, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await run("health", "--json") == 1
    said = capsys.readouterr()
    report = json.loads(said.out)
    assert report["overall"] == "unhealthy" and len(report["findings"]) == 15
    assert "unhealthy: workers, stream" in said.err
    assert await run("health") == 1
    assert "ingest never heard of" in capsys.readouterr().out


async def test_watch_shows_money_troubles_and_trades(
    reached: Morning, capsys: pytest.CaptureFixture[str]
) -> None:
    await reached.whole()
    assert await run("watch", "--once") == 0
    said = capsys.readouterr().out
    assert "balance $1,000.00" in said and "orders: 1 of unknown fate" in said
    assert "settled" in said


async def test_dashboard_tells_address_and_token(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TOUCHLINE_STATE", str(tmp_path))
    assert await run("dashboard") == 3
    Running(
        supervisor=Identity.of(os.getpid()),
        started_at=datetime.now(UTC),
        profile="demo",
        mode="paper",
        links={"Dashboard": "http://127.0.0.1:8787"},
    ).save(tmp_path)
    assert await run("dashboard", "--json") == 0
    said = json.loads(capsys.readouterr().out)
    assert said["url"] == "http://127.0.0.1:8787"
    assert said["token"] == (tmp_path / "dashboard.token").read_text()


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (("approve", "0xnone"), 2, "0xnone is no trade in paper mode"),
        (("exit", "0xa"), 4, "Say --yes"),
        (("exit", "0xa", "--yes", "--min-price", "2"), 4, "--min-price must be a price"),
        (("levels", "0xa", "--target", "abc"), 4, "--target must be a price"),
        (("abandon", "0xa"), 4, "Say --yes"),
        (("approve", "0x"), 2, "fits several trades"),
    ],
)
async def test_what_cannot_be_done_says_why_with_its_code(
    reached: Morning,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    code: int,
    text: str,
) -> None:
    await reached.whole()
    assert await run(*arguments) == code
    assert text in capsys.readouterr().err.replace("\n", " ")


async def test_a_trade_is_told_by_name_and_each_word_is_audited(
    reached: Morning, pool: Any, temporal_client: Client, capsys: pytest.CaptureFixture[str]
) -> None:
    trades, touch = FakeTrades(), trigger("b")
    trades.resolve = False
    await reached.fund()
    await reached.buy("b")
    async with Worker(
        temporal_client,
        task_queue="cli",
        workflows=[TradeWorkflow],
        activities=trades.activities,
        workflow_runner=sandboxed(),
    ):
        handle = await temporal_client.start_workflow(
            TradeWorkflow.run, TradeStart(trigger=touch), id=touch.workflow_id, task_queue="cli"
        )

        async def holding() -> bool:
            return (await handle.query(TradeWorkflow.status)).stage is Stage.HOLDING

        await eventually(holding)
        assert await run("reject", "0xb") == 1  # by its condition: nothing waits for an answer
        assert "not done: expected a trade that is awaiting_approval" in capsys.readouterr().err
        assert await run("levels", touch.workflow_id, "--target", "0.99") == 0
        assert "target 0.99" in capsys.readouterr().out
        assert await run("exit", "will-b", "--yes", "--min-price", "0.9", "--json") == 0
        assert json.loads(capsys.readouterr().out)["text"].startswith("selling 10 shares")
        assert (await handle.result()).ending is Stage.SETTLED
    assert await run("abandon", "0xb", "--yes") == 2  # the trade is over
    rows = await Audit(pool).since(datetime.now(UTC) - timedelta(hours=1))
    assert [r.what for r in rows] == ["abandon", "exit_now", "set_levels", "reject"]
    assert all(row.who.startswith("cli") for row in rows)


@workflow.defn(name="ReconcileWorkflow", sandboxed=False)
class Reconciled:
    """Answers like the real one."""

    @workflow.run
    async def run(self, start: dict[str, Any]) -> dict[str, Any]:
        refused = None if start["dry_run"] else "the venue's list of trades was empty"
        found = ["token t: venue 5, ours 10"]
        return {
            "differences": found,
            "repaired": [],
            "fills": 2,
            "adopt": [],
            "wake": [],
            "refused": refused,
        }


async def test_reconcile_tells_what_differs_and_ends_with_1_when_refused(
    reached: Morning, pool: Any, temporal_client: Client, capsys: pytest.CaptureFixture[str]
) -> None:
    queue = f"reconcile-{uuid.uuid4().hex}"
    async with Worker(temporal_client, task_queue=queue, workflows=[Reconciled]):
        there = ("--set", f"temporal.task_queue={queue}")
        assert await run("reconcile", "--dry-run", *there) == 0
        said = capsys.readouterr().out
        assert "differences: token t: venue 5, ours 10" in said and "2 new fills" in said
        assert await run("reconcile", "--json", *there) == 1
        assert "nothing was changed: the venue's list" in capsys.readouterr().err
    rows = await Audit(pool).since(datetime.now(UTC) - timedelta(hours=1))
    assert [row.what for row in rows] == ["reconcile", "reconcile dry run"]
