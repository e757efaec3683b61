"""Scene: all that the checks look at, handed to each of them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
from temporalio.client import Client

from domain.market import Mode
from domain.rules import RiskRules


@dataclass(frozen=True, slots=True)
class Scene:
    """Handles and limits. `venue_time` asks the venue for its clock, where that is possible."""

    pool: asyncpg.Pool[Any]
    temporal: Client | None
    mode: Mode
    risk: RiskRules
    state: Path
    clock: Callable[[], datetime]
    task_queue: str = "trades"
    escalate_after: timedelta = timedelta(seconds=60)
    reconcile_every: timedelta = timedelta(minutes=1)
    duties: tuple[str, ...] = ()  # schedules that must be seen to run (XD-13)
    venue_time: Callable[[], Awaitable[datetime]] | None = None
