"""Positions of the Data API: what an indexer that lags knows of a wallet (facts 5.2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sim.gate import Call
from sim.http_public import iso
from sim.market import SimMarket
from sim.state import Leg
from sim.units import ONE

DUST = ONE // 10  # positions under 0.1 share are hidden by default


@dataclass(slots=True)
class Held:
    """One token of a wallet as the indexer has it."""

    shares: int = 0
    bought: int = 0
    cost: int = 0
    first_ms: int = 0
    last_ms: int = 0


def positions(call: Call, query: dict[str, str], wanted: set[str]) -> list[dict[str, Any]]:
    """Return the rows of a wallet's tokens with the asked status (default OPEN, without dust)."""
    user, status = query.get("user", "").lower(), query.get("status", "OPEN")
    floor = float(query.get("filter_amount", DUST / ONE)) * ONE
    rows = []
    for token, held in indexed(call, user).items():
        market = call.engine.exchange.by_token.get(token)
        if market is None or held.shares <= 0 or (wanted and market.condition_id not in wanted):
            continue
        if _has_status(market, token, status, held.shares >= floor):
            rows.append(_position(user, market, token, held))
    return rows


def indexed(call: Call, user: str) -> dict[str, Held]:
    """Return what the wallet held `data_lag_ms` ago, from settled trades and redemptions."""
    memory, limit_ms = call.engine.memory, call.now_ms - call.engine.config.data_lag_ms
    account = memory.accounts.get(user)
    found = {t: Held(shares=s) for t, s in (account.moved if account else {}).items()}
    for trade in memory.trades.values():
        if 0 < trade.settled_ms <= limit_ms:
            for leg in trade.legs():
                if leg.account.lower() == user:
                    held = found.setdefault(leg.token_id, Held(first_ms=trade.matched_ms))
                    _book(held, leg, trade.matched_ms)
    for record in memory.redemptions.values():
        if record.account.lower() == user and record.at_ms <= limit_ms:
            for token, size in record.burnt.items():
                found.setdefault(token, Held()).shares -= size
    return found


def _book(held: Held, leg: Leg, at_ms: int) -> None:
    held.last_ms = at_ms
    if leg.side == "BUY":
        held.shares += leg.size
        held.bought, held.cost = held.bought + leg.size, held.cost + leg.usd
    else:
        held.shares -= leg.size


def _has_status(market: SimMarket, token: str, status: str, large: bool) -> bool:
    payout = market.payouts[market.outcome_of(token)] if market.payouts else 0
    checks = {
        "OPEN": not market.closed and large,
        "REDEEMABLE": market.closed,
        "REDEEMABLE_LOST": market.closed and payout == 0,
    }
    return checks.get(status, False)


def _position(user: str, market: SimMarket, token: str, held: Held) -> dict[str, Any]:
    outcome = market.outcome_of(token)
    average = held.cost / held.bought if held.bought else 0.0
    if market.payouts:
        price = market.payouts[outcome] / ONE
    else:
        price = (market.last_price[outcome] or ONE // 2) / ONE
    size = held.shares / ONE
    return {
        "proxy_wallet": user,
        "token_id": token,
        "condition_id": market.condition_id,
        "current_size": size,
        "avg_price": average,
        "entry_cost_usdc": average * size,
        "entry_fees_usdc": 0.0,
        "total_cost_usdc": average * size,
        "current_price": price,
        "current_value": price * size,
        "total_size": held.bought / ONE,
        "realized_pnl": 0.0,
        "unrealized_pnl": (price - average) * size,
        "total_pnl": (price - average) * size,
        "percent_pnl": 0.0,
        "percent_realized_pnl": 0.0,
        "status": "REDEEMABLE" if market.closed else "OPEN",
        "first_entry_at": held.first_ms // 1000,
        "last_event_at": held.last_ms // 1000,
        **_described(market, outcome),
    }


def _described(market: SimMarket, outcome: int) -> dict[str, Any]:
    """What the row repeats of its market."""
    return {
        "redeemable": market.closed,
        "mergeable": False,
        "negative_risk": market.neg_risk,
        "archived": False,
        "title": market.question,
        "slug": market.slug,
        "icon": "",
        "event_id": None,
        "event_slug": market.slug,
        "outcome": market.outcomes[outcome],
        "outcome_index": outcome,
        "opposite_outcome": market.outcomes[1 - outcome],
        "opposite_token_id": market.tokens[1 - outcome],
        "end_date": iso(market.end_ms)[:10],
        "name": "",
        "profile_image": "",
        "verified": False,
    }
