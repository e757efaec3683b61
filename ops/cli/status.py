"""touchline status, settings: what runs, and by which settings."""

from __future__ import annotations

from typing import Annotated, Any

import asyncpg
import typer
from pydantic import SecretStr

from ops.cli.options import Json, Profile, Set, load, overrides
from ops.cli.reach import require_running, run_with_store
from ops.cli.show import out, print_json, table
from ops.supervision.identity import Register
from settings.keys import leaves
from settings.load import load_with_sources
from settings.model import Settings
from store.account import Account
from store.views import Views


def status(json: Json = False, profile: Profile = None, set_: Set = None) -> None:
    """Show the processes, the links, the money and the trades by state."""
    settings = load(profile, set_)
    found = require_running(settings)
    parts = {
        name: {"pid": item.pid, "running": item.process() is not None}
        for name, item in Register(settings.state).read().items()
    }
    money = run_with_store(settings, lambda pool: _money(pool, settings))
    if json:
        shown = found.model_dump(exclude={"supervisor", "sim_token"})
        print_json({**shown, "processes": parts, **money})
        return
    out.print(f"Running since {found.started_at:%Y-%m-%d %H:%M:%S} UTC, profile {found.profile}")
    rows = [(name, part["pid"], "yes" if part["running"] else "NO") for name, part in parts.items()]
    out.print(table("Processes", ("name", "pid", "running"), rows))
    out.print(table("Money", ("", ""), list(money["account"].items())))
    out.print(table("Trades", ("state", "times"), list(money["trades"].items())))
    out.print(table("Links", ("", ""), list(found.links.items())))


async def _money(pool: asyncpg.Pool[Any], settings: Settings) -> dict[str, Any]:
    account = await Account(pool).get(settings.mode)
    states: dict[str, int] = {}
    for trade in await Views(pool).trades(settings.mode):
        states[trade.state] = states.get(trade.state, 0) + 1
    return {"account": account.model_dump(), "trades": states}


def settings(
    json: Json = False,
    changed: Annotated[bool, typer.Option("--changed", help="Only what is no default.")] = False,
    profile: Profile = None,
    set_: Set = None,
) -> None:
    """Show every setting, its value and who set it; secrets stay hidden."""
    loaded, layer = load_with_sources(overrides(profile, set_))
    rows: list[tuple[str, object, str]] = []
    for key in leaves():
        source = layer[key].source if key in layer else "default"
        if source != "default" or not changed:
            rows.append((key, _value(loaded, key), source))
    if json:
        print_json([{"key": k, "value": v, "source": s} for k, v, s in rows])
    else:
        out.print(table("", ("setting", "value", "set by"), rows))


def _value(loaded: Settings, key: str) -> object:
    value: object = loaded
    for part in key.split("."):
        value = getattr(value, part)
    if isinstance(value, SecretStr):
        return "********" if value.get_secret_value() else ""
    return value
