"""The sim's own books, which know nothing of ours: the judge."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from domain.money import Shares, Usd, shares, usd
from domain.record import Record


class Ledger(Record):
    """What the venue holds for our wallets: orders it knows, shares, and money in and out."""

    orders: tuple[str, ...]
    shares: dict[str, Shares]  # token → shares, only where there are any
    cash: Usd  # the wallets' dollars now
    deposited: Usd  # what was put in from outside
    worthless: frozenset[str] = frozenset()  # tokens that pay nothing: they stay, unredeemed


def read_ledger(raw: dict[str, Any]) -> Ledger:
    """Return the ledger from the body of the sim's `GET /ledger`; amounts are decimal text."""
    held: dict[str, Decimal] = {}
    cash = deposited = Decimal(0)
    for account in raw["accounts"]:
        cash += Decimal(account["usd"])
        deposited += Decimal(account["deposited"])
        for token, amount in account["tokens"].items():
            if Decimal(amount):
                held[token] = held.get(token, Decimal(0)) + Decimal(amount)
    return Ledger(
        orders=tuple(order["id"] for order in raw["orders"]),
        shares={token: shares(amount) for token, amount in held.items()},
        cash=usd(cash),
        deposited=usd(deposited),
        worthless=frozenset(_worthless(raw)),
    )


def _worthless(raw: dict[str, Any]) -> Iterator[str]:
    """Yield the losing tokens of resolved markets; nobody redeems those."""
    resolutions = raw.get("resolutions", {})
    for market in raw.get("markets", ()):
        payouts = resolutions.get(market["condition_id"], ())
        for token, payout in zip(market["tokens"], payouts, strict=False):
            if not Decimal(payout):
                yield token
