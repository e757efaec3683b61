"""Verdict: the sim's ledger against our store, trade by trade, after everything came to rest.

The ledger is the sim's own and knows nothing of ours; nothing here looks at how the bot works.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from domain.money import DUST, ZERO
from domain.record import Record
from ops.report.judge import judge
from ops.report.ledger import read_ledger
from store.books import Books
from store.views import TradeLine

CAPS_SLACK = Decimal("0.000001")  # one rounding of the venue


class Caps(Record):
    """The limits a run was given, dollars."""

    per_market: Decimal


class Evidence(Record):
    """Everything the judge looks at."""

    ledger: dict[str, Any]
    books: Books
    trades: tuple[TradeLine, ...]
    open_orders: tuple[str, ...]
    drift: tuple[str, ...]
    caps: Caps | None = None
    running: tuple[str, ...] = ()  # workflows that have not ended


def faults(seen: Evidence) -> list[str]:
    """Return what is wrong, each in a sentence with its figures; empty is the only good answer."""
    found = [f"the sim's books do not add up: {line}" for line in seen.ledger["checks"]]
    judged = judge(seen.books, read_ledger(seen.ledger))
    if judged.duplicate_orders:
        known = set(seen.books.orders)
        strange = [o["id"][:12] for o in seen.ledger["orders"] if o["id"] not in known]
        found.append(f"duplicate orders: {judged.duplicate_orders}, not ours: {strange}")
    found += _shares(seen)
    if judged.reservations_left_usd:
        found.append(f"reservations leaked: {judged.reservations_left_usd} USD")
    found += [f"order {order[:12]} is still open" for order in seen.open_orders]
    found += [f"running totals differ: {line}" for line in seen.drift]
    found += [f"workflow {name[:12]} has not ended" for name in seen.running]
    found += _profits(seen)
    if seen.caps is not None:
        found += _caps(seen.ledger, seen.caps)
    return found


def _shares(seen: Evidence) -> Iterable[str]:
    """Lost and invented positions; what lies in the wallet must be in our books, and back."""
    read = read_ledger(seen.ledger)
    ledger, books = read.shares, seen.books.shares
    for token in sorted(ledger.keys() | books.keys()):
        theirs, ours = ledger.get(token, ZERO), books.get(token, ZERO)
        written_off = not ours and (theirs < DUST or token in read.worthless)
        if theirs != ours and not written_off:
            word = "lost" if theirs > ours else "invented"
            yield f"{word} position: token …{token[-6:]}, the venue has {theirs}, we {ours}"


def _profits(seen: Evidence) -> Iterable[str]:
    """Each settled trade earned exactly what the venue moved for its market."""
    flows = cash_flows(seen.ledger)
    unknown = [t.workflow_id[:12] for t in seen.trades if t.state in ("unknown", "entering")]
    yield from (f"trade {name} is still unknown" for name in unknown)
    for trade in seen.trades:
        if trade.state == "screening":
            yield f"trade {trade.workflow_id[:12]} claims for ever"
        if trade.state == "holding":
            yield f"trade {trade.workflow_id[:12]} holds for ever"
        if trade.state == "abandoned":
            continue  # shares stay, a person decides; the books of shares agree above
        theirs = flows.get(trade.condition_id, ZERO)
        if (trade.profit or ZERO) != theirs:
            yield (
                f"profit of {trade.workflow_id[:12]} ({trade.state}): ours {trade.profit},"
                f" the venue's {theirs}"
            )


def cash_flows(ledger: dict[str, Any]) -> dict[str, Decimal]:
    """Return dollars in minus dollars out of our wallets by condition, failed trades left out."""
    flows: dict[str, Decimal] = {}
    for trade in ledger["trades"]:
        if trade["status"] == "FAILED":
            continue
        for leg in trade["legs"]:
            if leg["ours"]:
                sign = 1 if leg["side"] == "SELL" else -1
                fee = Decimal(trade["fee_usd"]) if leg["role"] == "taker" else ZERO
                moved = sign * Decimal(leg["usd"]) - fee
                flows[trade["condition_id"]] = flows.get(trade["condition_id"], ZERO) + moved
    for redeemed in ledger["redemptions"]:
        condition = redeemed["condition_id"]
        flows[condition] = flows.get(condition, ZERO) + Decimal(redeemed["usd"])
    return flows


def _caps(ledger: dict[str, Any], caps: Caps) -> Iterable[str]:
    """No market ever cost more than allowed: an entered claim buys never again."""
    bought: dict[str, Decimal] = {}
    for trade in ledger["trades"]:
        for leg in trade["legs"]:
            if leg["ours"] and leg["side"] == "BUY" and trade["status"] != "FAILED":
                market = trade["condition_id"]
                bought[market] = bought.get(market, ZERO) + Decimal(leg["usd"])
    for market, usd in bought.items():
        if usd > caps.per_market + CAPS_SLACK:
            yield f"cap of {caps.per_market} per market broken: {usd} for {market[-8:]}"
