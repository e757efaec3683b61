"""touchline health, watch, dashboard: how it stands: once, live, or in a browser."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import asyncpg
import typer
from rich.console import Group, RenderableType
from rich.live import Live
from rich.text import Text

from ops.cli.exits import CliError, Exit
from ops.cli.options import Json, Profile, Set, load
from ops.cli.reach import require_running, run_within, store, temporal
from ops.cli.show import out, print_json, table
from ops.cli.trades import COLUMNS, trade_rows
from ops.dashboard.desk import duties_of
from ops.dashboard.token import token_of
from ops.dashboard.wording import dollars
from ops.health.report import Report, Status
from ops.health.run import examine
from ops.health.scene import Scene
from settings.model import Settings
from store.account import Account
from store.desk_standing import Standing
from store.views import Views

STYLES = {
    Status.HEALTHY: "green",
    Status.WARNING: "yellow",
    Status.DEGRADED: "yellow",
    Status.UNHEALTHY: "bold red",
}
ROWS = 25
DAY = timedelta(days=1)


def health(json: Json = False, profile: Profile = None, set_: Set = None) -> None:
    """Run every health check; exit code 1 when something is unhealthy."""
    settings = load(profile, set_)

    async def work() -> Report:
        async with store(settings) as pool:
            return await examine(await scene(settings, pool))

    report = run_within(work, 20)
    if json:
        print_json(report)
    else:
        out.print(_checks(report))
    if report.overall is Status.UNHEALTHY:
        names = ", ".join(f.check for f in report.troubles if f.status is Status.UNHEALTHY)
        raise CliError(Exit.ERROR, f"unhealthy: {names}")


async def scene(settings: Settings, pool: asyncpg.Pool[Any]) -> Scene:
    """Return what the checks look at; without Temporal they say so."""
    client = None
    with contextlib.suppress(CliError):
        client = await temporal(settings)
    return Scene(
        pool=pool,
        temporal=client,
        mode=settings.mode,
        risk=settings.risk,
        state=settings.state,
        clock=lambda: datetime.now(UTC),
        task_queue=settings.temporal.task_queue,
        escalate_after=settings.pace.escalate_after,
        reconcile_every=settings.schedule.reconcile,
        duties=duties_of(settings),
    )


def watch(
    every: Annotated[
        float, typer.Option("--every", min=0.5, help="Seconds between two looks.")
    ] = 2.0,
    once: Annotated[bool, typer.Option("--once", help="Show it once and end.")] = False,
    profile: Profile = None,
    set_: Set = None,
) -> None:
    """Show health, money and trades live in the terminal; Ctrl-C ends."""
    settings = load(profile, set_)

    async def work() -> None:
        async with store(settings) as pool:
            here = await scene(settings, pool)
            if once:
                out.print(await _picture(settings, here))
                return
            with Live(console=out, auto_refresh=False, screen=True) as live:
                while True:
                    live.update(await _picture(settings, here), refresh=True)
                    await asyncio.sleep(every)

    with contextlib.suppress(KeyboardInterrupt):
        run_within(work, 30 if once else timedelta(days=365).total_seconds())


def dashboard(json: Json = False, profile: Profile = None, set_: Set = None) -> None:
    """Show where the dashboard is, and the token that lets you in."""
    settings = load(profile, set_)
    url = require_running(settings).links.get("Dashboard")
    if url is None:
        raise CliError(Exit.NOT_RUNNING, "no dashboard runs here")
    token = token_of(settings.dashboard.token.get_secret_value(), settings.state)
    if json:
        print_json({"url": url, "token": token})
        return
    out.print(f"Open   {url}", markup=False)
    out.print(f"Token  {token}", markup=False)


async def _picture(settings: Settings, here: Scene) -> RenderableType:
    pool, now = here.pool, here.clock()
    report = await examine(here)
    account = await Account(pool).get(settings.mode)
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    result = await Standing(pool).result(settings.mode, now - 7 * DAY, midnight)
    trades = await Views(pool).trades(settings.mode, limit=ROWS)
    head = Text(f"Touchline {settings.mode.value} · {now:%H:%M:%S} UTC · {account.halt.value} · ")
    head.append(report.overall.value, STYLES[report.overall])
    sums = Text(
        f"balance {dollars(account.balance)} · reserved {dollars(account.reserved)} · open"
        f" {account.open_slots} for {dollars(account.position_cost)}"
        f" · today {dollars(result.today)} · 7 days {dollars(result.profit)}"
        f" ({result.won} won, {result.lost} lost)"
    )
    troubles = [Text(f"{f.check}: {f.text}", STYLES[f.status]) for f in report.troubles]
    return Group(head, sums, *troubles, table("", COLUMNS, trade_rows(trades)))


def _checks(report: Report) -> RenderableType:
    rows = [(f.check, f.status, f.text, f.advice) for f in report.findings]
    title = Text(f"{report.overall.value}", STYLES[report.overall])
    return Group(title, table("", ("check", "status", "what was seen", "what to do"), rows))
