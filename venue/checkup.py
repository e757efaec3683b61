"""The single checks of the start gate; each returns what it found or raises (facts 10)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from venue.greeting import greet_user_stream
from venue.polymarket import Venue
from venue.public import PublicVenue
from venue.transport import Hosts

Check = Callable[[], Awaitable[str]]
Named = tuple[str, Check, str]  # name, check, fix


class Unwell(Exception):
    """A check found something wrong; the text says what."""


@dataclass(frozen=True, slots=True)
class Gate:
    """What counts as well.

    `known_orders` tells whether an open order of the account is in our store; without it the
    reconciliation cannot be made, and so has failed.
    """

    order_version: int = 2
    max_skew: timedelta = timedelta(seconds=2)
    min_balance: Decimal = Decimal(1)
    known_orders: Callable[[str], Awaitable[bool]] | None = None


@dataclass(frozen=True, slots=True)
class PublicChecks:
    """What can be seen without a key."""

    venue: PublicVenue
    gate: Gate

    def all(self) -> tuple[Named, ...]:
        """Return the checks in the order they are made."""
        return (
            (
                "geoblock",
                self.geoblock,
                "Trade from where the venue serves you. Do not go around it.",
            ),
            (
                "version",
                self.version,
                "Update Touchline: the exchange takes another order version.",
            ),
            ("clock", self.clock, "Synchronise this machine's clock (NTP)."),
        )

    async def geoblock(self) -> str:
        """Refuse an address that the venue does not serve."""
        found = await self.venue.geoblock()
        where = f"{found.country} {found.region}".strip() or "an unnamed place"
        if found.blocked:
            raise Unwell(f"expected an address the venue serves, was one in {where}")
        return f"not blocked, {where}"

    async def version(self) -> str:
        """Refuse an exchange whose orders we do not know how to sign."""
        found = await self.venue.version()
        if found != self.gate.order_version:
            raise Unwell(f"expected order version {self.gate.order_version}, was {found}")
        return f"order version {found}"

    async def clock(self) -> str:
        """Refuse a clock that is off: signatures and touch ages depend on it."""
        skew = await self.venue.clock_skew()
        if abs(skew) > self.gate.max_skew:
            raise Unwell(f"expected a skew below {self.gate.max_skew}, was {skew}")
        return f"skew {skew.total_seconds():.1f} s"


@dataclass(frozen=True, slots=True)
class AccountChecks:
    """What needs a login."""

    venue: Venue
    gate: Gate
    hosts: Hosts

    def all(self) -> tuple[Named, ...]:
        """Return the checks in the order they are made."""
        return (
            (
                "closed only",
                self.closed_only,
                "Ask the venue why; Touchline would only be refused.",
            ),
            ("balance", self.balance, "Deposit pUSD into the wallet."),
            (
                "approvals",
                self.approvals,
                "Approve trading once on the website or with the SDK's setup_trading_approvals().",
            ),
            (
                "open orders",
                self.open_orders,
                "Run `touchline up` once to reconcile, or cancel the orders on the website.",
            ),
            (
                "user stream",
                self.user_stream,
                "Check venue.user_ws_url and that websockets may leave this machine.",
            ),
        )

    async def closed_only(self) -> str:
        """Refuse an account that may only sell."""
        if await self.venue.closed_only():
            raise Unwell("expected an account that may open positions, was close-only")
        return "may open positions"

    async def balance(self) -> str:
        """Refuse an empty wallet."""
        found = await self.venue.balance(refresh=True)
        if found < self.gate.min_balance:
            raise Unwell(f"expected at least {self.gate.min_balance} dollars, was {found}")
        return f"{found} dollars"

    async def approvals(self) -> str:
        """Refuse a wallet whose money or shares an exchange may not move."""
        missing = await self.venue.missing_approvals()
        if missing:
            raise Unwell(f"expected all approvals, was lacking {'; '.join(missing)}")
        return "all exchanges approved"

    async def open_orders(self) -> str:
        """Refuse open orders that our store does not know."""
        found = await self.venue.open_orders()
        if self.gate.known_orders is None:
            raise Unwell(f"expected a store to compare {len(found)} open orders with, was none")
        strangers = [o.order_id for o in found if not await self.gate.known_orders(o.order_id)]
        if strangers:
            raise Unwell(f"expected only our own open orders, was {', '.join(strangers)}")
        return f"{len(found)} open, all ours"

    async def user_stream(self) -> str:
        """Refuse to trade blind: the user stream must let us in and answer."""
        took = await greet_user_stream(self.hosts.user_ws, self.venue.creds)
        return f"answers in {took.total_seconds() * 1000:.0f} ms"
