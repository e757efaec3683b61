"""Halt: a switch that somebody forgot is no health either."""

from __future__ import annotations

from domain.trade import HaltState
from ops.health.report import Finding, Status
from ops.health.scene import Scene
from store.account import Account


async def check(scene: Scene) -> Finding:
    """Return whether the bot may trade."""
    account = await Account(scene.pool).get(scene.mode)
    if account.halt is HaltState.ACTIVE:
        return Finding(check="halt", status=Status.HEALTHY, text="trading is on")
    since = f" since {account.halt_at:%Y-%m-%d %H:%M} UTC" if account.halt_at else ""
    return Finding(
        check="halt",
        status=Status.WARNING,
        text=f"{account.halt.value}{since}: {account.halt_why or 'no reason given'}",
        advice="`touchline resume` when the reason is gone.",
    )
