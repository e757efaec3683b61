"""How markets end: resolution at the source's payout, and redemption of shares (facts 6)."""

from __future__ import annotations

import hashlib

from sim.exchange import Exchange
from sim.frames import market_resolved
from sim.market import SimMarket
from sim.outbox import MarketEvent
from sim.state import STRANGER, Account, Notice, Redemption, Resolved
from sim.units import ONE

MARKET_RESOLVED = 4  # notification type


class NotRedeemable(Exception):
    """The chain reverts the redemption."""


def resolve(
    exchange: Exchange,
    market: SimMarket,
    payouts: tuple[int, int],
    now_ms: int,
    *,
    silent: bool = False,
) -> None:
    """Give a market its result: trading ends, resting orders go, holders may redeem."""
    if market.closed:
        return
    market.payouts, market.resolved_ms = payouts, now_ms
    market.accepting, market.oracle = False, "resolved"
    record = Resolved(condition_id=market.condition_id, payouts=payouts, at_ms=now_ms)
    exchange.memory.put("resolved", market.condition_id, record)
    for order in exchange.funds.open_orders():
        if order.condition_id == market.condition_id:
            exchange.end(order, "CANCELED_MARKET_RESOLVED", now_ms)
    for owner in _holders(exchange, market):
        number = len(exchange.memory.notices) + 1
        notice = Notice(
            id=number,
            owner=owner,
            type=MARKET_RESOLVED,
            at_ms=now_ms,
            payload={"market": market.condition_id, "question": market.question},
        )
        exchange.memory.put("notice", str(number), notice)
    if not silent:
        frame = market_resolved(market, now_ms)
        exchange.outbox.market(MarketEvent(market.tokens, frame, custom=True, broadcast=True))


def restore(market: SimMarket, record: Resolved) -> None:
    """Give a market the result it had before a restart."""
    market.payouts, market.resolved_ms = record.payouts, record.at_ms
    market.accepting, market.oracle = False, "resolved"


def redeem(
    exchange: Exchange, account: Account, condition_id: str, now_ms: int, *, pays: bool = True
) -> Redemption | None:
    """Burn all shares of a resolved market and pay; None when there was nothing to burn.

    The CLOB's cached balance does not follow: /balance-allowance/update must be called (facts 6.3).

    Raises:
        NotRedeemable: the market is unknown or has no result.
    """
    market = exchange.markets.get(condition_id)
    if market is None or market.payouts is None:
        raise NotRedeemable("result for condition not received yet")
    burnt = {t: account.tokens[t] for t in market.tokens if account.tokens.get(t)}
    if not burnt:
        return None
    paid = sum(s * market.payouts[market.outcome_of(t)] // ONE for t, s in burnt.items())
    for token in burnt:
        account.tokens[token] = 0
    number = len(exchange.memory.redemptions) + 1
    record = Redemption(
        id=str(number),
        account=account.address,
        condition_id=condition_id,
        burnt=burnt,
        usd=paid if pays else 0,
        at_ms=now_ms,
        hash="0x" + hashlib.sha256(f"redeem:{number}:{condition_id}".encode()).hexdigest(),
    )
    account.usd += record.usd
    exchange.memory.touch_account(account)
    exchange.memory.put("redemption", record.id, record)
    return record


def _holders(exchange: Exchange, market: SimMarket) -> set[str]:
    owners: set[str] = set()
    for trade in exchange.memory.trades.values():
        if trade.condition_id == market.condition_id:
            owners.update(leg.owner for leg in trade.legs())
    return owners - {STRANGER}
