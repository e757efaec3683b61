"""A scene in which everything is well, to be spoilt one thing at a time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from temporalio.client import Client

from domain.market import Mode
from domain.money import usd
from domain.rules import RiskRules
from ops.health.scene import Scene
from store.account import Account
from store.pulse import Heartbeats, SyncOutcome, SyncRuns


def now() -> datetime:
    return datetime.now(UTC)


def scene(pool: Any, state: Path, client: Client | None = None, **changes: Any) -> Scene:
    """Return a scene of now; `changes` are its fields."""
    fields: dict[str, Any] = {
        "pool": pool,
        "temporal": client,
        "mode": Mode.PAPER,
        "risk": RiskRules(),
        "state": state,
        "clock": now,
        **changes,
    }
    return Scene(**fields)


async def make_well(pool: Any) -> None:
    """Write what a healthy installation writes."""
    at = now()
    await Account(pool).set_balance(Mode.PAPER, usd(1000), at)
    await beat(pool)
    runs = SyncRuns(pool)
    number = await runs.start("r1", Mode.PAPER, "full", False, at - timedelta(seconds=5))
    await runs.end(number, SyncOutcome.CLEAN, {}, [], at)


async def beat(pool: Any, **changes: object) -> None:
    """Write a heartbeat of a healthy ingest, changed."""
    detail: dict[str, object] = {
        "sockets": 1,
        "sockets_connected": 1,
        "tokens_wanted": 36,
        "frames": 1000,
        "oldest_data_seconds": 0.4,
        **changes,
    }
    await Heartbeats(pool).beat("ingest", "0/1 here 1", now(), detail)
