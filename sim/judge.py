"""The ledger as the judge of a test reads it: what really happened, in decimal text."""

from __future__ import annotations

from typing import Any

import msgspec

from sim.engine import Engine
from sim.state import STRANGER, Account, Order, Trade
from sim.units import ONE, text


def ledger(engine: Engine) -> dict[str, Any]:
    """Return everything that happened to our accounts.

    `accounts[].profit_usd` is what the chain says: balance less deposits, plus nothing for open
    shares. `checks` must all be empty: the sim's own books add up.
    """
    memory = engine.memory
    accounts = [_account(engine, account) for account in memory.accounts.values()]
    return {
        "now_ms": engine.now(),
        "accounts": accounts,
        "orders": [_order(order) for order in memory.orders.values()],
        "trades": [_trade(trade) for trade in memory.trades.values()],
        "redemptions": [
            {
                **msgspec.to_builtins(record),
                "usd": text(record.usd),
                "burnt": {token: text(size) for token, size in record.burnt.items()},
            }
            for record in memory.redemptions.values()
        ],
        "resolutions": {
            condition: [text(payout) for payout in record.payouts]
            for condition, record in memory.resolved.items()
        },
        "markets": [
            {
                "condition_id": market.condition_id,
                "tokens": list(market.tokens),
                "end_ms": market.end_ms,
                "resolved": market.closed,
            }
            for market in engine.exchange.markets.values()
        ],
        "faults": list(engine.faults.log),
        "checks": checks(engine),
    }


def checks(engine: Engine) -> list[str]:
    """Return what does not add up in the sim's own books; empty when all is well."""
    return [line for account in engine.memory.accounts.values() for line in _audit(engine, account)]


def _audit(engine: Engine, account: Account) -> list[str]:
    """Recompute a wallet from deposits, settled trades and redemptions."""
    tokens = dict(account.moved)
    usd = account.deposited + _redeemed(engine, account, tokens)
    for trade in engine.memory.trades.values():
        if trade.status in ("MINED", "CONFIRMED"):
            usd += _flow(engine, trade, account, tokens)
    wrong = []
    if usd != account.usd:
        wrong.append(f"{account.address}: expected {text(usd)} USD, was {text(account.usd)}")
    for token, size in tokens.items():
        if size != account.tokens.get(token, 0):
            held = text(account.tokens.get(token, 0))
            wrong.append(f"{account.address}: expected {text(size)} of {token}, was {held}")
    return wrong


def _redeemed(engine: Engine, account: Account, tokens: dict[str, int]) -> int:
    usd = 0
    for record in engine.memory.redemptions.values():
        if record.account.lower() == account.address.lower():
            usd += record.usd
            for token, size in record.burnt.items():
                tokens[token] = tokens.get(token, 0) - size
    return usd


def _flow(engine: Engine, trade: Trade, account: Account, tokens: dict[str, int]) -> int:
    usd = 0
    for leg in trade.legs():
        if leg.owner == STRANGER or leg.account.lower() != account.address.lower():
            continue
        fee = trade.fee if leg is trade.taker else 0
        shares = leg.size
        if leg.side == "BUY" and engine.config.fee_in_shares:
            shares, fee = shares - fee * ONE // leg.price, 0
        sign = 1 if leg.side == "BUY" else -1
        tokens[leg.token_id] = tokens.get(leg.token_id, 0) + sign * shares
        usd -= sign * leg.usd + fee
    return usd


def _account(engine: Engine, account: Account) -> dict[str, Any]:
    fees = sum(
        trade.fee
        for trade in engine.memory.trades.values()
        if trade.taker.account.lower() == account.address.lower() and trade.status != "FAILED"
    )
    return {
        "address": account.address,
        "owner": account.owner,
        "usd": text(account.usd),
        "cached_usd": text(account.cached_usd),
        "deposited": text(account.deposited),
        "profit_usd": text(account.usd - account.deposited),
        "fees_usd": text(fees),
        "tokens": {token: text(size) for token, size in account.tokens.items() if size},
    }


def _order(order: Order) -> dict[str, Any]:
    return {
        "id": order.id,
        "account": order.account,
        "owner": order.owner,
        "condition_id": order.condition_id,
        "token_id": order.token_id,
        "side": order.side,
        "type": order.tif,
        "price": text(order.price),
        "size": text(order.size),
        "maker_amount": text(order.maker_amount),
        "taker_amount": text(order.taker_amount),
        "matched": text(order.matched),
        "paid": text(order.paid),
        "status": order.status,
        "text": order.text,
        "trades": order.trades,
        "created_ms": order.created_ms,
    }


def _trade(trade: Trade) -> dict[str, Any]:
    return {
        "id": trade.id,
        "bucket": trade.bucket,
        "condition_id": trade.condition_id,
        "status": trade.status,
        "fee_usd": text(trade.fee),
        "matched_ms": trade.matched_ms,
        "updated_ms": trade.updated_ms,
        "hash": trade.hash,
        "legs": [
            {
                "role": "taker" if leg is trade.taker else "maker",
                "order_id": leg.order_id,
                "account": leg.account,
                "ours": leg.owner != STRANGER,
                "token_id": leg.token_id,
                "side": leg.side,
                "price": text(leg.price),
                "size": text(leg.size),
                "usd": text(leg.usd),
            }
            for leg in trade.legs()
        ],
    }
