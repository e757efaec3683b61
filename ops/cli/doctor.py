"""touchline doctor: everything that must hold before money moves, each with its fix."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import fields, replace

import typer

from domain.market import Mode
from ops.cli.exits import CliError, Exit
from ops.cli.options import Json, Profile, Set, load
from ops.cli.reach import run_within, store
from ops.cli.show import out, print_json, table
from ops.stack.runfile import running
from ops.stack.wallet import PlayWallet
from settings.keystore import unlock
from settings.model import Settings
from settings.venue import api_creds
from settings.venue import hosts as venue_hosts
from store.orders import Orders
from venue.checkup import Gate
from venue.connect import Account
from venue.doctor import Doctor, Finding, passed
from venue.sdk import SAFE
from venue.transport import Hosts

WITHIN = 90.0  # seconds for all checks together
PLAY_RELAYER_KEY = "play-money"  # the sim wants one, it does not matter which

Known = Callable[[str], Awaitable[bool]]


def doctor(json: Json = False, profile: Profile = None, set_: Set = None) -> None:
    """Check that trading may begin: venue, account, clock, wallet, store. Exit code 1 if not."""
    settings = load(profile, set_)
    hosts, account = subject(settings)
    if not account.private_key:
        raise CliError(
            Exit.CONFIGURATION,
            "wallet.private_key must be set: a private key, or start the demo, which makes one",
        )
    findings = run_within(lambda: examine(settings, hosts, account), WITHIN)
    if json:
        print_json({"passed": passed(findings), "venue": hosts.clob, "findings": findings})
    else:
        show(settings, hosts, findings)
    if not passed(findings):
        raise typer.Exit(Exit.ERROR)


def subject(settings: Settings) -> tuple[Hosts, Account]:
    """Return what is examined: the sim that runs in this state directory, else the settings."""
    found = running(settings.state)
    urls = dict(found.venue) if found is not None else {}
    found_at = {f.name: urls[f"{f.name}_url"] for f in fields(Hosts) if urls.get(f"{f.name}_url")}
    hosts = replace(venue_hosts(settings), **found_at)
    key = unlock(settings.wallet)
    if urls and not key:
        play = PlayWallet.kept_in(settings.state).private_key
        return hosts, Account(play, signature_type=SAFE, relayer_key=PLAY_RELAYER_KEY)
    return hosts, Account(
        private_key=key,
        wallet=settings.wallet.address,
        signature_type=settings.wallet.signature_type,
        creds=api_creds(settings),
        relayer_key=settings.venue.relayer_api_key.get_secret_value(),
        relayer_address=settings.venue.relayer_api_address,
    )


async def examine(settings: Settings, hosts: Hosts, account: Account) -> list[Finding]:
    async with _known_orders(settings) as known:
        return await Doctor(hosts, account, Gate(known_orders=known)).examine()


@contextlib.asynccontextmanager
async def _known_orders(settings: Settings) -> AsyncIterator[Known | None]:
    """Yield how to tell our orders, or None when no store answers: that check then fails."""
    async with contextlib.AsyncExitStack() as stack:
        try:
            pool = await stack.enter_async_context(store(settings))
        except CliError:
            yield None
            return
        orders = Orders(pool)

        async def known(order_id: str) -> bool:
            return await orders.get(order_id) is not None

        yield known


def show(settings: Settings, hosts: Hosts, findings: list[Finding]) -> None:
    rows = [("ok" if f.ok else "FAILED", f.name, f.found, f.fix) for f in findings]
    out.print(table(f"Start gate of {hosts.clob}", ("", "check", "found", "what to do"), rows))
    if passed(findings):
        word = "real money" if settings.mode is Mode.LIVE else "play money"
        out.print(f"All well: {word} may trade.")
    else:
        failed = sum(not f.ok for f in findings)
        out.print(f"{failed} of {len(findings)} checks failed: live trading would not start.")
