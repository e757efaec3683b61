"""touchline redeem: let open trades look at their resolution now, and redeem what won; audited."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

import asyncpg
import typer

from ops.actions.redeeming import Redeeming, Seen
from ops.actions.refusal import Refused
from ops.cli.acting import code_of, named
from ops.cli.control import Why, who
from ops.cli.exits import CliError, Exit
from ops.cli.options import Json, Profile, Set, load
from ops.cli.reach import run_within, store, temporal
from ops.cli.show import errors, out, print_json
from settings.model import Settings
from store.desk_trades import DeskTrades

AT_ONCE = 8  # trades asked side by side: the venue's limits are shared with trading
WITHIN = 120.0  # seconds for the whole command; each trade is given 10

Answer = tuple[str, Seen | Refused]


def redeem(
    trade: Annotated[
        str | None,
        typer.Argument(help="Trade id or its beginning, condition id, or slug; none: all due."),
    ] = None,
    why: Why = "",
    json: Json = False,
    profile: Profile = None,
    set_: Set = None,
) -> None:
    """Make a trade look at its market's resolution now, and redeem its shares if it is final.

    Without TRADE: every open trade whose market is over. Redeeming stays a step of the trade
    itself, so nothing is redeemed twice; asking again does no harm.
    """
    answers = run_within(lambda: _ask(load(profile, set_), trade, why), WITHIN)
    _show(answers, json)
    refused = [answer for _, answer in answers if isinstance(answer, Refused)]
    if trade is not None and refused:
        raise CliError(code_of(refused[0]), f"not done: {refused[0]}")
    if refused:
        slow = all(refusal.timeout for refusal in refused)
        text = f"{len(refused)} of {len(answers)} trades did not look"
        raise CliError(Exit.TIMEOUT if slow else Exit.ERROR, text)


async def _ask(settings: Settings, trade: str | None, why: str) -> list[Answer]:
    async with store(settings) as pool:
        trades = (
            await _due(settings, pool) if trade is None else [await named(settings, pool, trade)]
        )
        if not trades:
            return []
        desk = Redeeming(pool, await temporal(settings), lambda: datetime.now(UTC))
        places = asyncio.Semaphore(AT_ONCE)

        async def one(workflow_id: str) -> Answer:
            async with places:
                try:
                    return workflow_id, await desk.look(workflow_id, who(), why)
                except Refused as refusal:
                    return workflow_id, refusal

        return list(await asyncio.gather(*map(one, trades)))


async def _due(settings: Settings, pool: asyncpg.Pool[Any]) -> list[str]:
    return await DeskTrades(pool).over(settings.mode, datetime.now(UTC))


def _show(answers: Sequence[Answer], json: bool) -> None:
    if json:
        print_json([_row(*answer) for answer in answers])
        return
    if not answers:
        out.print("No open trade has a market that is over: nothing to redeem.")
    for workflow_id, answer in answers:
        console = errors if isinstance(answer, Refused) else out
        text = f"not done: {answer}" if isinstance(answer, Refused) else answer.text
        if len(answers) > 1 or console is out:
            console.print(f"{workflow_id}: {text}", markup=False, soft_wrap=True)


def _row(workflow_id: str, answer: Seen | Refused) -> dict[str, object]:
    if isinstance(answer, Refused):
        return {"trade": workflow_id, "stage": None, "text": str(answer), "looked": False}
    return {**answer.model_dump(), "looked": True}
