"""System: health in detail, processes and sockets, reconciliations, settings in force."""

from __future__ import annotations

from datetime import timedelta

from pydantic import SecretStr

from ops.dashboard.desk import Desk
from ops.dashboard.pages.page import Context, Page, Params
from settings.keys import is_secret, leaves
from settings.model import Settings
from store.pulse import Heartbeats, SyncRuns

KNOWN = timedelta(hours=1)


async def read_processes(desk: Desk, _: Params) -> Context:
    """Return every check, every process heard of, and the last reconciliations."""
    now = desk.clock()
    return {
        "report": await desk.health.report(),
        "beats": await Heartbeats(desk.pool).all(now - KNOWN),
        "fresh": now - timedelta(seconds=30),
        "syncs": await SyncRuns(desk.pool).recent(desk.mode, 15),
    }


async def read_settings(desk: Desk, _: Params) -> Context:
    """Return every setting, masked where it is a secret, and who set it."""
    rows = [(key, masked(desk.settings, key), desk.sources.get(key, "default")) for key in leaves()]
    return {"rows": rows, "hash": desk.settings.rules_hash}


def masked(settings: Settings, key: str) -> str:
    """Return a setting as text; of a secret not even whether it is set (this process knows few)."""
    if is_secret(key):
        return "hidden"
    value: object = settings
    for part in key.split("."):
        value = getattr(value, part)
    return "hidden" if isinstance(value, SecretStr) else str(value)


PAGES = (
    Page("processes", "/processes", "System", ("checks", "processes", "syncs"), read_processes),
    Page("settings", "/settings", "Settings", ("settings",), read_settings),
)
