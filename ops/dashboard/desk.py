"""Desk: everything the pages read and act through; one per process."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

import asyncpg
from temporalio.client import Client
from temporalio.service import RPCError

from domain.market import Mode
from ops.actions.redeeming import Redeeming
from ops.actions.trades import TradeActions
from ops.health.run import CachedHealth
from ops.health.scene import Scene
from settings.model import Settings
from workflows.messages import WORKFLOW, TradeStatus

DUTIES = ("reconcile", "health")  # schedules that a worker makes, one of each for every mode
FOR_ALL = ("discover",)  # one catalogue serves them all
STAGES_FOR = 2.0  # seconds the list of stages is good for
ASK = timedelta(seconds=1.5)  # a page waits no longer for a workflow's own word


def duties_of(settings: Settings) -> tuple[str, ...]:
    """Return the schedules that must be seen to run (XD-13)."""
    return (*(f"{duty}-{settings.mode.value}" for duty in DUTIES), *FOR_ALL)


@dataclass
class Desk:
    """The store, Temporal, the settings in force, and a few short memories."""

    settings: Settings
    pool: asyncpg.Pool[Any]
    temporal: Client
    clock: Callable[[], datetime]
    sources: Mapping[str, str] = field(default_factory=dict)  # setting → who set it
    notes: dict[str, str] = field(default_factory=dict)  # session → what its last action did
    duties: tuple[str, ...] | None = None  # schedules to be seen running; None: those of the mode
    closing: Callable[[], bool] = lambda: False  # streams end when the server is about to
    _stages: dict[str, str] = field(default_factory=dict)
    _stages_at: float = -STAGES_FOR

    def __post_init__(self) -> None:
        self.health = CachedHealth(self.scene)
        self.trades = TradeActions(self.pool, self.temporal, self.clock)
        self.redeeming = Redeeming(self.pool, self.temporal, self.clock)

    @property
    def mode(self) -> Mode:
        """Return which money this is about."""
        return self.settings.mode

    def scene(self) -> Scene:
        """Return what the health checks look at."""
        settings = self.settings
        return Scene(
            pool=self.pool,
            temporal=self.temporal,
            mode=settings.mode,
            risk=settings.risk,
            state=settings.state,
            clock=self.clock,
            task_queue=settings.temporal.task_queue,
            escalate_after=settings.pace.escalate_after,
            reconcile_every=settings.schedule.reconcile,
            duties=duties_of(settings) if self.duties is None else self.duties,
        )

    def workflow_url(self, workflow_id: str, run_id: str) -> str:
        """Return the page of a trade in the Temporal Web UI; empty when there is no such UI."""
        temporal = self.settings.temporal
        if not temporal.ui_url.startswith(("http://", "https://")):
            return ""
        ids = f"{quote(workflow_id, safe='')}/{quote(run_id, safe='')}"
        return f"{temporal.ui_url}/namespaces/{temporal.namespace}/workflows/{ids}/history"

    async def stages(self) -> dict[str, str]:
        """Return the stage of each running trade, for display alone; empty without Temporal."""
        if time.monotonic() - self._stages_at > STAGES_FOR:
            self._stages_at = time.monotonic()
            self._stages = await self._read_stages()
        return self._stages

    async def _read_stages(self) -> dict[str, str]:
        found: dict[str, str] = {}
        query = f"WorkflowType='{WORKFLOW}' AND ExecutionStatus='Running'"
        try:
            async for run in self.temporal.list_workflows(query, rpc_timeout=ASK, limit=1000):
                stage = run.search_attributes.get("Stage")
                if stage:
                    found[run.id] = str(stage[0])
        except (RPCError, RuntimeError):
            return {}
        return found

    async def status(self, workflow_id: str) -> TradeStatus | None:
        """Return what the trade says of itself, or None when nobody answers in time."""
        handle = self.temporal.get_workflow_handle(workflow_id)
        try:
            status: TradeStatus = await handle.query(
                "status", result_type=TradeStatus, rpc_timeout=ASK
            )
        except Exception:  # worker away, run over, Temporal away: the books tell enough
            return None
        return status
