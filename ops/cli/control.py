"""touchline halt, reduce, resume, block, unblock, allow: what a person may order; all audited."""

from __future__ import annotations

import getpass
from datetime import UTC, datetime
from typing import Annotated

import asyncpg
import typer

from domain.money import price
from domain.trade import HaltState
from ops.cli.exits import CliError, Exit
from ops.cli.options import Json, Profile, Set, load
from ops.cli.reach import run_with_store
from ops.cli.show import out, print_json
from store.account import Account
from store.claims import Claims
from store.scores import Blocks

Why = Annotated[str, typer.Option("--why", help="The reason, kept in the audit.")]
Condition = Annotated[str, typer.Argument(help="Condition id of the market.")]
Trade = Annotated[str, typer.Argument(help="Trade id: condition id, colon, threshold.")]

MEANING = {
    HaltState.ACTIVE: "entries and exits go on",
    HaltState.REDUCING: "exits only, no new entry",
    HaltState.HALTED: "no new order at all; open trades are looked after",
}


def who() -> str:
    """Return the name of the person at the terminal, for the audit."""
    try:
        return f"cli:{getpass.getuser()}"
    except (KeyError, OSError):  # an account without a name, as in some containers
        return "cli"


def halt(why: Why = "", json: Json = False, profile: Profile = None, set_: Set = None) -> None:
    """Stop every new order at once. Open trades are looked after; resume with `resume`."""
    _switch(HaltState.HALTED, why, json, profile, set_)


def reduce(why: Why = "", json: Json = False, profile: Profile = None, set_: Set = None) -> None:
    """Allow exits only."""
    _switch(HaltState.REDUCING, why, json, profile, set_)


def resume(why: Why = "", json: Json = False, profile: Profile = None, set_: Set = None) -> None:
    """Trade again after `halt` or `reduce`."""
    _switch(HaltState.ACTIVE, why, json, profile, set_)


def _switch(
    state: HaltState, why: str, json: bool, profile: str | None, changes: list[str] | None
) -> None:
    settings = load(profile, changes)
    affected = run_with_store(
        settings,
        lambda pool: Account(pool).halt(settings.mode, state, who(), why, datetime.now(UTC)),
    )
    if json:
        print_json({"mode": settings.mode, "halt": state, "open_trades": affected})
    else:
        out.print(f"{settings.mode}: {state}: {MEANING[state]}. Open trades: {affected}.")


def block(
    condition: Condition,
    why: Why = "",
    json: Json = False,
    profile: Profile = None,
    set_: Set = None,
) -> None:
    """Never buy in this market; what is held there is kept and looked after."""
    settings, now = load(profile, set_), datetime.now(UTC)
    new = run_with_store(settings, lambda pool: Blocks(pool).add(condition, who(), why, now))
    if json:
        print_json({"condition_id": condition, "blocked": True, "changed": new})
    else:
        out.print(f"{condition} {'is blocked now' if new else 'was blocked already'}.")


def unblock(
    condition: Condition,
    why: Why = "",
    json: Json = False,
    profile: Profile = None,
    set_: Set = None,
) -> None:
    """Let a blocked market be bought again."""
    settings, now = load(profile, set_), datetime.now(UTC)
    gone = run_with_store(settings, lambda pool: Blocks(pool).remove(condition, who(), why, now))
    if not gone:
        raise CliError(Exit.NOT_FOUND, f"{condition} was not blocked")
    if json:
        print_json({"condition_id": condition, "blocked": False, "changed": True})
    else:
        out.print(f"{condition} may be bought again.")


def allow(
    trade: Trade, why: Why = "", json: Json = False, profile: Profile = None, set_: Set = None
) -> None:
    """Let a declined trade trigger again at its next touch."""
    settings = load(profile, set_)
    condition, _, threshold = trade.rpartition(":")
    try:
        level = price(threshold)
    except ArithmeticError as e:
        raise CliError(Exit.CONFIGURATION, f"a trade id is CONDITION:THRESHOLD, was {trade}") from e

    async def work(pool: asyncpg.Pool[asyncpg.Record]) -> bool:
        claims = Claims(pool)
        return await claims.allow(settings.mode, condition, level, who(), why, datetime.now(UTC))

    if not run_with_store(settings, work):
        raise CliError(Exit.NOT_FOUND, f"no declined trade {trade}")
    if json:
        print_json({"trade": trade, "allowed": True})
    else:
        out.print(f"{trade} may trigger again.")
