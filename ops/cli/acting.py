"""touchline approve, reject, exit, levels, abandon: what a person may tell one trade; audited."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any

import asyncpg
import typer

from domain.money import Price, price
from ops.actions.refusal import Refused
from ops.actions.trades import TradeActions
from ops.cli.control import Trade, Why, who
from ops.cli.exits import CliError, Exit
from ops.cli.options import Json, Profile, Set, load
from ops.cli.reach import run_within, store, temporal
from ops.cli.show import out, print_json
from settings.model import Settings
from store.views import Views
from workflows.messages import Answer

Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before doing it.")]
At = Annotated[str | None, typer.Option(help="A price between 0 and 1.", metavar="PRICE")]

WITHIN = 20.0  # seconds for the whole command; the trade itself is given 10


def approve(
    trade: Trade, why: Why = "", json: Json = False, profile: Profile = None, set_: Set = None
) -> None:
    """Say yes to an entry that waits; price, book, funds and limits are checked once more."""
    _tell(load(profile, set_), trade, json, lambda a, t: a.approve(t, who(), why))


def reject(
    trade: Trade, why: Why = "", json: Json = False, profile: Profile = None, set_: Set = None
) -> None:
    """Say no to an entry that waits, for good."""
    _tell(load(profile, set_), trade, json, lambda a, t: a.reject(t, who(), why))


def exit_(
    trade: Trade,
    min_price: At = None,
    why: Why = "",
    yes: Yes = False,
    json: Json = False,
    profile: Profile = None,
    set_: Set = None,
) -> None:
    """Sell the position at a verified bid, as soon as the exit gate lets it pass."""
    least = price_of("--min-price", min_price)
    _ask(yes, f"Sell what {trade} holds?")
    _tell(load(profile, set_), trade, json, lambda a, t: a.exit_now(t, who(), why, least))


def levels(
    trade: Trade,
    target: At = None,
    stop: At = None,
    json: Json = False,
    profile: Profile = None,
    set_: Set = None,
) -> None:
    """Replace target and stop; a level that is not given is removed."""
    above, below = price_of("--target", target), price_of("--stop", stop)
    _tell(load(profile, set_), trade, json, lambda a, t: a.set_levels(t, who(), above, below))


def abandon(
    trade: Trade,
    why: Why = "",
    yes: Yes = False,
    json: Json = False,
    profile: Profile = None,
    set_: Set = None,
) -> None:
    """Stop looking after a trade: working orders are cancelled, shares stay, unmanaged."""
    _ask(yes, f"Leave {trade} alone for good? Its shares stay in the wallet.")
    _tell(load(profile, set_), trade, json, lambda a, t: a.abandon(t, who(), why))


def price_of(option: str, text: str | None) -> Price | None:
    """Return the price of an option; None where it was not given.

    Raises:
        CliError: it is no price between 0 and 1.
    """
    if text is None:
        return None
    try:
        value = Decimal(text)
    except InvalidOperation:
        value = Decimal(0)
    if not value.is_finite() or not 0 < value < 1:
        raise CliError(
            Exit.CONFIGURATION, f"{option} must be a price between 0 and 1, was {text!r}"
        )
    return price(value)


def _ask(yes: bool, question: str) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        raise CliError(Exit.CONFIGURATION, f"{question} Say --yes: nobody is here to ask")
    typer.confirm(question, abort=True)


def _tell(
    settings: Settings,
    trade: str,
    json: bool,
    act: Callable[[TradeActions, str], Awaitable[Answer]],
) -> None:
    async def work() -> tuple[str, Answer]:
        async with store(settings) as pool:
            workflow_id = await named(settings, pool, trade)
            actions = TradeActions(pool, await temporal(settings), lambda: datetime.now(UTC))
            return workflow_id, await act(actions, workflow_id)

    try:
        workflow_id, answer = run_within(work, WITHIN)
    except Refused as e:
        raise CliError(code_of(e), f"not done: {e}") from e
    if json:
        print_json({"trade": workflow_id, **answer.model_dump()})
    else:
        out.print(f"{workflow_id}: {answer.text}", markup=False, soft_wrap=True)


async def named(settings: Settings, pool: asyncpg.Pool[Any], trade: str) -> str:
    """Return the id of the one trade that a person means.

    Raises:
        CliError: none is meant, or several could be.
    """
    found = [line.workflow_id for line in await Views(pool).find(settings.mode, trade)]
    if trade in found:
        return trade
    if len(found) == 1:
        return found[0]
    several = f"fits several trades: {', '.join(found)}" if found else "is no trade"
    raise CliError(Exit.NOT_FOUND, f"{trade} {several} in {settings.mode.value} mode")


def code_of(refusal: Refused) -> Exit:
    """Return the exit code of an action that did not happen."""
    if refusal.missing:
        return Exit.NOT_FOUND
    return Exit.TIMEOUT if refusal.timeout else Exit.ERROR
