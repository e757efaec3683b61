"""The start gate: everything that must hold before money moves, each with its fix (facts 10).

It fails closed: a check that cannot be made has failed. The same list examines the sim.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from domain.record import Record
from venue.checkup import AccountChecks, Check, Gate, PublicChecks, Unwell
from venue.connect import Account, connect, connect_public
from venue.errors import NotReady, RefusalKind, Refused, Unknown, VenueError
from venue.polymarket import Venue
from venue.sdk import EOA, SDK_VERSION, WALLET_NAMES, address_of, check_version, wallet_for
from venue.transport import Hosts


class Finding(Record):
    """One check: what was found, and what to do about it when it is not well."""

    name: str
    ok: bool
    found: str
    fix: str = ""
    took: timedelta = timedelta(0)


@dataclass(slots=True)
class Doctor:
    """Examines one configuration from the outside in; later checks need the earlier ones."""

    hosts: Hosts
    account: Account
    gate: Gate = field(default_factory=Gate)
    findings: list[Finding] = field(default_factory=list)

    async def examine(self) -> list[Finding]:
        """Run every check and return one finding each, in order. Never raises VenueError."""
        await self._check("sdk", self._sdk, "Install the dependencies of requirements/run.lock.")
        keyed = await self._check(
            "wallet",
            self._wallet,
            "Set wallet.private_key, wallet.signature_type and, if you give it, wallet.address "
            "to the wallet that this key owns.",
        )
        await self._check(
            "redemption",
            self._redemption,
            "Set venue.relayer_api_key and venue.relayer_api_address to a key that you made on the "
            "website: only an EOA wallet redeems without one, and pays the gas.",
        )
        public = connect_public(self.hosts)
        try:
            for name, check, fix in PublicChecks(public, self.gate).all():
                await self._check(name, check, fix)
        finally:
            await public.aclose()
        if keyed:
            await self._examine_account()
        else:
            self._not_reached(_PRIVATE)
        return self.findings

    async def _examine_account(self) -> None:
        venue: Venue | None = None

        async def log_in() -> str:
            nonlocal venue
            venue = await connect(self.hosts, self.account)
            keys = await venue.api_keys()
            if venue.creds.key not in keys:
                raise Unwell(f"expected our API key among the account's {len(keys)}, was absent")
            return f"key {venue.creds.key[:8]}… of signer {venue.address}"

        await self._check(
            "credentials",
            log_in,
            "Remove venue.api_key, api_secret and api_passphrase to derive new ones; for a proxy, "
            "Safe or deposit wallet make sure that it is deployed (log in once on the website).",
        )
        if venue is None:
            self._not_reached(_PRIVATE[1:])
            return
        try:
            for name, check, fix in AccountChecks(venue, self.gate, self.hosts).all():
                await self._check(name, check, fix)
        finally:
            await venue.aclose()

    async def _sdk(self) -> str:
        check_version()
        return f"polymarket-client {SDK_VERSION}"

    async def _wallet(self) -> str:
        address = address_of(self.account.private_key)
        kind = self.account.signature_type
        wallet = wallet_for(address, kind, self.account.wallet)
        return f"{WALLET_NAMES[kind]} {wallet} of signer {address}"

    async def _redemption(self) -> str:
        """Refuse a wallet whose winnings could never be turned into money."""
        if self.account.signature_type == EOA:
            return "by the signer itself, who pays the gas"
        if not self.account.relayer_key:
            raise Unwell("expected a relayer key, for this wallet redeems gasless, was none")
        return "gasless, through the relayer"

    async def _check(self, name: str, check: Check, fix: str) -> bool:
        began = time.monotonic()
        try:
            ok, found = True, await check()
        except (VenueError, Unwell) as error:
            ok, found, fix = False, str(error), _remedy(error, fix)
        took = timedelta(seconds=time.monotonic() - began)
        self.findings.append(
            Finding(name=name, ok=ok, found=found, fix="" if ok else fix, took=took)
        )
        return ok

    def _not_reached(self, names: Sequence[str]) -> None:
        self.findings += [
            Finding(name=name, ok=False, found="not reached", fix="Mend what failed above first.")
            for name in names
        ]


def _remedy(error: Exception, fix: str) -> str:
    """Return what to do: a question without an answer says nothing of what was asked."""
    if isinstance(error, (NotReady, Unknown)) and "_url" not in fix:
        return "Check the network, the venue.*_url settings and the venue's status; ask again."
    if isinstance(error, Refused) and error.kind is RefusalKind.BLOCKED:
        return "Something refuses this machine before the venue does. Do not go around a block."
    return fix


_PRIVATE = ("credentials", "closed only", "balance", "approvals", "open orders", "user stream")


def passed(findings: Sequence[Finding]) -> bool:
    """Return whether the gate is open: every check was made and is well."""
    return bool(findings) and all(finding.ok for finding in findings)
