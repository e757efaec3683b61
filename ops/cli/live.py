"""touchline live, canary: everything between a person and real money."""

from __future__ import annotations

import hmac
from datetime import UTC, datetime
from typing import Annotated, Any

import asyncpg
import typer

from domain.market import Mode
from ops.cli import up as starting
from ops.cli.control import who
from ops.cli.doctor import examine, show, subject
from ops.cli.exits import CliError, Exit
from ops.cli.options import Json, Profile, Set, load
from ops.cli.reach import run_within, store
from ops.cli.show import out, print_json, table
from ops.live.record import PaperRecord, summarise
from ops.live.store import store_at_hand
from ops.services.pg_binaries import PostgresError
from ops.stack.runfile import running
from ops.supervision.part import PartFailed
from settings.model import Settings
from store.audit import write_audit
from store.views import Views
from venue.canary import Step, sing
from venue.connect import connect
from venue.doctor import Finding, passed
from venue.errors import VenueError
from venue.sdk import address_of, wallet_for

WITHIN = 180.0  # seconds for the whole examination
CONFIRMED = "live_confirmed=true"


def live(
    phrase: Annotated[
        str | None, typer.Option("--phrase", help="Say it here instead of being asked.")
    ] = None,
    gate_only: Annotated[
        bool, typer.Option("--gate-only", help="Examine and ask, start nothing (for services).")
    ] = False,
    json: Json = False,
    set_: Set = None,
) -> None:
    """Trade with real money: examines everything, shows what is at stake, and asks you."""
    settings = load("live", set_)
    _nothing_runs(settings)
    try:
        findings, record = run_within(lambda: _gate(settings), WITHIN)
    except (PartFailed, PostgresError) as e:
        raise CliError(Exit.NOT_RUNNING, str(e)) from e
    wallet = _wallet(settings)
    wanted = f"trade real money with {wallet[-6:].lower()}"
    if json:
        print_json({"passed": passed(findings), "findings": findings, "paper": record})
    else:
        _tell(settings, wallet, findings, record)
    if not passed(findings):
        raise CliError(Exit.ERROR, "the start gate is shut: mend what failed above")
    said = phrase if phrase is not None else _ask(wanted)
    if not hmac.compare_digest(said.strip().lower().encode(), wanted.encode()):
        raise CliError(Exit.CONFIGURATION, f"the phrase is: {wanted}")
    run_within(lambda: _note(settings, wallet), 60)
    if gate_only:
        out.print("Noted. Services trade once TOUCHLINE_LIVE_CONFIRMED=true is set for them.")
        return
    starting.up(profile="live", set_=[*(set_ or []), CONFIRMED])


def _nothing_runs(settings: Settings) -> None:
    """Refuse while a stack runs here: it may be the sim that would be examined then."""
    if running(settings.state) is not None:
        raise CliError(Exit.ERROR, "something runs in this state directory: ./touchline down first")


async def _gate(settings: Settings) -> tuple[list[Finding], PaperRecord]:
    hosts, account = subject(settings)
    async with store_at_hand(settings) as stored:
        findings = await examine(stored, hosts, account)
        async with store(stored) as pool:
            lines = await Views(pool).trades(Mode.PAPER, limit=100_000)
    return findings, summarise(lines)


def _wallet(settings: Settings) -> str:
    _, account = subject(settings)
    if not account.private_key:
        raise CliError(Exit.CONFIGURATION, "wallet.private_key or wallet.keystore must be set")
    address = address_of(account.private_key)
    return str(wallet_for(address, account.signature_type, account.wallet))


def _tell(settings: Settings, wallet: str, findings: list[Finding], record: PaperRecord) -> None:
    hosts, _ = subject(settings)
    show(settings, hosts, findings)
    risk = settings.risk
    caps = [
        ("wallet", wallet),
        ("stake per trade $", settings.entry.stake),
        ("open positions at most", risk.max_positions),
        ("per market $", risk.max_per_market),
        ("per event $", risk.max_per_event),
        ("in total $", risk.max_total),
        ("loss per day $", risk.max_daily_loss),
    ]
    out.print(table("At stake", ("", ""), caps))
    out.print(table("Paper record", ("", ""), paper_rows(record)))
    if not record.shows_edge:
        out.print(
            "The paper record does not show an edge: expect to lose. Caps rise only by settings;"
            " keep them where they are."
        )


def paper_rows(record: PaperRecord) -> list[tuple[str, object]]:
    """Return the record in words."""
    return [
        ("settled trades", record.trades),
        ("won", record.wins),
        ("profit $", record.profit),
        ("true win rate, 95 % sure", f"{record.low:.1%} to {record.high:.1%}"),
        ("win rate that earns nothing", "unknown" if record.needed is None else record.needed),
        ("shows an edge", "yes" if record.shows_edge else "NO"),
    ]


def _ask(wanted: str) -> str:
    out.print(f"To start, type: {wanted}", markup=False)
    return str(typer.prompt("", prompt_suffix="> ", default="", show_default=False))


async def _note(settings: Settings, wallet: str) -> None:
    async def write(pool: asyncpg.Pool[Any]) -> None:
        async with pool.acquire() as connection:
            now, why = datetime.now(UTC), f"stake {settings.entry.stake}"
            await write_audit(connection, now, who(), "live", wallet, why, "confirmed")

    async with store_at_hand(settings) as stored, store(stored) as pool:
        await write(pool)


def canary(
    token: Annotated[str, typer.Argument(help="Token id of a market with a price far above 0.")],
    profile: Profile = "live",
    json: Json = False,
    set_: Set = None,
) -> None:
    """Place the smallest order that cannot match, see it, cancel it, see it gone."""
    settings = load(profile, set_)
    if profile == "live":
        _nothing_runs(settings)  # reconciliation would take the order for a stranger
    try:
        steps = run_within(lambda: _sing(settings, token), 60)
    except VenueError as e:
        raise CliError(Exit.ERROR, f"nothing was posted: {e}") from e
    if json:
        print_json({"passed": all(step.ok for step in steps), "steps": steps})
    else:
        rows = [("ok" if s.ok else "FAILED", s.name, s.found, s.took) for s in steps]
        out.print(table("Canary", ("", "step", "found", "took"), rows))
    if not all(step.ok for step in steps):
        raise CliError(Exit.ERROR, "look at the account's open orders on the venue's website")


async def _sing(settings: Settings, token: str) -> list[Step]:
    hosts, account = subject(settings)
    if not account.private_key:
        raise CliError(Exit.CONFIGURATION, "wallet.private_key or wallet.keystore must be set")
    venue = await connect(hosts, account)
    try:
        return await sing(venue, token)
    finally:
        await venue.aclose()
