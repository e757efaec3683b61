"""What the drill looks at and writes down: open trades, the venue's ledger, seconds."""

from __future__ import annotations

import json
import os
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from rich.console import Console
from rich.table import Table
from temporalio.client import Client

from domain.market import Mode
from ops.checks import CODE
from ops.report.judge import judge
from ops.report.ledger import read_ledger
from settings.load import load_settings
from settings.temporal_client import connect_temporal
from store.books import BookKeeping
from store.pool import open_pool
from store.pulse import SyncOutcome, SyncRuns
from store.views import Views
from tests.deploy.processes import Machine
from tests.deploy.test_compose import ROOT
from tests.waiting import eventually
from workflows.trade import TradeWorkflow

VARIABLE = "TOUCHLINE_DRILL_REPORT"  # where the report shall be kept
GOOD = (SyncOutcome.CLEAN, SyncOutcome.REPAIRED)
OPEN = ("entering", "holding", "exiting", "settling")


class Report:
    """Seconds and counts, by drill."""

    def __init__(self) -> None:
        self.figures: dict[str, dict[str, float | int | str]] = {}

    @contextmanager
    def timed(self, drill: str, what: str) -> Iterator[None]:
        """Write down how long something took, once it succeeded."""
        began = time.monotonic()
        yield
        self.note(drill, what, round(time.monotonic() - began, 1))

    def note(self, drill: str, what: str, figure: float | int | str) -> None:
        """Write down a figure."""
        self.figures.setdefault(drill, {})[what] = figure

    def tell(self, folder: Path) -> Path:
        """Print the table and write the JSON; return where."""
        place = Path(os.environ.get(VARIABLE) or folder / "drill.json")
        place.write_text(json.dumps(self.figures, indent=1) + "\n")
        table = Table("drill", "what", "figure", title="Drills")
        for drill, figures in self.figures.items():
            for what, figure in figures.items():
                table.add_row(drill, what, str(figure))
        Console(width=100).print(table)
        print(f"report: {place}")
        return place


class Witness:
    """Looks at a deployment from outside."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine

    async def trades(self, *states: str) -> list[str]:
        """Return the workflow ids of the trades in these states, or of all."""
        pool = await open_pool(self.machine.dsn, max_size=1)
        try:
            lines = await Views(pool).trades(Mode.PAPER)
        finally:
            await pool.close()
        return [line.workflow_id for line in lines if not states or line.state in states]

    async def until(self, least: int, *states: str, within: float = 150) -> list[str]:
        """Wait until so many trades are in one of these states."""

        async def there() -> list[str]:
            found = await self.trades(*states)
            return found if len(found) >= least else []

        return await eventually(there, within=within, every=0.2)

    async def client(self) -> Client:
        """Return a client with the deployment's own key."""
        secrets = self.machine.folder / "deploy/secrets"
        environ = self.machine.environment("prepare", secrets)
        settings = load_settings(environ=environ, folder=self.machine.folder)
        return await connect_temporal(settings.temporal, environ=environ)

    async def answered(self, ids: list[str], within: float = 90) -> None:
        """Wait until a worker answers for each of these trades."""
        client = await self.client()
        for workflow_id in ids:

            async def there(which: str = workflow_id) -> bool:
                try:
                    await client.get_workflow_handle(which).query(TradeWorkflow.status)
                except Exception:  # nobody polls, or it was lost on the way: ask again
                    return False
                return True

            await eventually(there, within=within, every=0.1)

    async def ended(self, trade: str) -> None:
        """Wait until a trade is open no more."""

        async def closed() -> bool:
            return trade not in await self.trades(*OPEN)

        await eventually(closed, within=200, every=0.5)

    async def build_of(self, workflow_id: str) -> str:
        """Return the version whose worker did the last step of a trade."""
        client = await self.client()
        told = await client.get_workflow_handle(workflow_id).describe()
        info: Any = told.raw_description.workflow_execution_info
        return str(info.versioning_info.deployment_version.build_id)

    async def judged(self) -> dict[str, Any]:
        """Wait until our books are the venue's, and return what was compared."""
        env = (self.machine.folder / ".env").read_text().splitlines()
        token = dict(line.split("=", 1) for line in env if "=" in line)["SIM_CONTROL_TOKEN"]
        url = f"http://127.0.0.1:{self.machine.ports['8791']}/ledger"
        pool = await open_pool(self.machine.dsn)

        async def equal() -> dict[str, Any]:
            books = await BookKeeping(pool).read(Mode.PAPER)
            headers = {"Authorization": f"Bearer {token}"}
            async with httpx.AsyncClient(trust_env=False, headers=headers) as sim:
                found = judge(books, read_ledger((await sim.get(url)).json()))
            wrong = found.duplicate_orders, found.lost_positions, found.invented_positions
            assert wrong == (0, 0, 0), found
            return found.model_dump(mode="json")

        try:
            return await eventually(equal, within=60, every=1)
        finally:
            await pool.close()

    async def reconciled(self, since: Any, within: float = 90) -> None:
        """Wait for a reconciliation that began after a moment and ended well."""
        pool = await open_pool(self.machine.dsn)

        async def done() -> bool:
            runs = await SyncRuns(pool).recent(Mode.PAPER)
            return any(run.outcome in GOOD and run.started_at >= since for run in runs)

        try:
            await eventually(done, within=within, every=0.5)
        finally:
            await pool.close()


def release(folder: Path, version: str = "0.1.0") -> Path:
    """Return a copy of the code, which nobody edits meanwhile, under a version of its own."""
    for name in (*CODE, "migrations", "data"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    named = folder / "settings/version.py"
    text = re.sub(r'^VERSION = "[^"]+"', f'VERSION = "{version}"', named.read_text(), flags=re.M)
    named.write_text(text)
    assert f'"{version}"' in text
    return folder
