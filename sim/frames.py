"""Socket frames in the venue's shapes (facts 4.3, 4.4)."""

from __future__ import annotations

import hashlib
from typing import Any

from sim.book import MarketBook
from sim.market import Print, SimMarket
from sim.state import Leg, Order, Trade
from sim.units import ONE, text
from venue.wire.bookhash import book_body

Frame = dict[str, Any]


def rest_book(market: SimMarket, book: MarketBook, outcome: int) -> Frame:
    """Return GET /book of one outcome, hash included."""
    bids, asks = book.of_outcome(outcome)
    last = market.last_price[outcome]
    return book_body(
        market=market.condition_id,
        asset_id=market.tokens[outcome],
        timestamp=str(market.changed_ms),
        bids=[(text(p), text(s)) for p, s in reversed(bids)],
        asks=[(text(p), text(s)) for p, s in reversed(asks)],
        min_order_size=text(market.min_size),
        tick_size=text(market.tick),
        neg_risk=market.neg_risk,
        last_trade_price=f"{last / ONE:.3f}" if last else "",
        version=market.protocol if market.protocol != "v1" else None,
    )


def book_frame(market: SimMarket, book: MarketBook, outcome: int) -> Frame:
    """Return a `book` event: the REST book without min_order_size and neg_risk, same hash."""
    body = rest_book(market, book, outcome)
    frame = {k: v for k, v in body.items() if k not in ("min_order_size", "neg_risk", "version")}
    frame["event_type"] = "book"
    frame["last_trade_price"] = frame.pop("last_trade_price")
    if "version" in body:
        frame["version"] = body["version"]
    return frame


def price_change(
    market: SimMarket, book: MarketBook, changed: list[tuple[str, int]], now_ms: int
) -> Frame:
    """Return one `price_change` with the new sizes of these (side, price) levels, both tokens."""
    tops = [book.best("B"), book.best("A")]
    bid, ask = tops
    best = (
        (text(bid) if bid else "0", text(ask) if ask else "1"),
        (text(ONE - ask) if ask else "0", text(ONE - bid) if bid else "1"),
    )
    stamp = f"{market.condition_id}{now_ms}{len(changed)}{changed[:1]}"
    digest = hashlib.sha1(stamp.encode(), usedforsecurity=False).hexdigest()
    entries = []
    for side, price in changed:
        size = text(book.size_at(side, price))
        for outcome in (0, 1):
            buys = (side == "B") == (outcome == 0)
            entries.append(
                {
                    "asset_id": market.tokens[outcome],
                    "price": text(price if outcome == 0 else ONE - price),
                    "size": size,
                    "side": "BUY" if buys else "SELL",
                    "hash": digest if outcome == 0 else digest[::-1],
                    "best_bid": best[outcome][0],
                    "best_ask": best[outcome][1],
                }
            )
    return {
        "market": market.condition_id,
        "price_changes": entries,
        "timestamp": str(now_ms),
        "event_type": "price_change",
    }


def best_bid_ask(market: SimMarket, book: MarketBook, outcome: int, now_ms: int) -> Frame:
    """Return a `best_bid_ask` event; an empty side is an empty text."""
    bids, asks = book.of_outcome(outcome)
    bid, ask = (bids[0][0] if bids else None), (asks[0][0] if asks else None)
    return {
        "market": market.condition_id,
        "asset_id": market.tokens[outcome],
        "best_bid": text(bid) if bid is not None else "",
        "best_ask": text(ask) if ask is not None else "",
        "spread": text(ask - bid) if bid is not None and ask is not None else "",
        "timestamp": str(now_ms),
        "event_type": "best_bid_ask",
    }


def last_trade_price(market: SimMarket, seen: Print) -> Frame:
    """Return a print."""
    return {
        "market": market.condition_id,
        "asset_id": market.tokens[seen.outcome],
        "price": text(seen.price),
        "size": text(seen.size),
        "fee_rate_bps": "0",
        "side": seen.side,
        "timestamp": str(seen.at_ms),
        "event_type": "last_trade_price",
        "transaction_hash": seen.hash,
    }


def tick_size_change(market: SimMarket, outcome: int, old: int, now_ms: int) -> Frame:
    """Return a `tick_size_change` event."""
    return {
        "event_type": "tick_size_change",
        "asset_id": market.tokens[outcome],
        "market": market.condition_id,
        "old_tick_size": text(old),
        "new_tick_size": text(market.tick),
        "timestamp": str(now_ms),
    }


def _announcement(market: SimMarket, now_ms: int) -> Frame:
    return {
        "id": str(market.number),
        "question": market.question,
        "market": market.condition_id,
        "slug": market.slug,
        "description": "",
        "assets_ids": list(market.tokens),
        "outcomes": list(market.outcomes),
        "event_message": {
            "id": str(market.number),
            "ticker": market.slug,
            "slug": market.slug,
            "title": market.question,
            "description": "",
        },
        "timestamp": str(now_ms),
    }


def new_market(market: SimMarket, now_ms: int) -> Frame:
    """Return a `new_market` event."""
    return {
        **_announcement(market, now_ms),
        "event_type": "new_market",
        "tags": list(market.tags),
        "condition_id": market.condition_id,
        "active": True,
        "clob_token_ids": list(market.tokens),
        "sports_market_type": "",
        "line": "",
        "game_start_time": "",
        "order_price_min_tick_size": text(market.tick),
        "group_item_title": "",
        "taker_base_fee": "1000",
        "fees_enabled": market.fee_rate > 0,
        "fee_schedule": {
            "exponent": str(market.fee_exponent),
            "rate": str(market.fee_rate),
            "taker_only": True,
            "rebate_rate": "0.2",
        },
    }


def market_resolved(market: SimMarket, now_ms: int) -> Frame:
    """Return a `market_resolved` event; a 50/50 market names no winner."""
    payouts = market.payouts or (0, 0)
    winner = None if payouts[0] == payouts[1] else payouts.index(max(payouts))
    return {
        **_announcement(market, now_ms),
        "winning_asset_id": "" if winner is None else market.tokens[winner],
        "winning_outcome": "" if winner is None else market.outcomes[winner],
        "event_type": "market_resolved",
    }


def user_order(order: Order, market: SimMarket | None, kind: str, now_ms: int) -> Frame:
    """Return an `order` event of the user channel; kind PLACEMENT, UPDATE or CANCELLATION."""
    status = {"live": "LIVE", "matched": "MATCHED", "delayed": "DELAYED"}.get(order.status)
    if kind == "CANCELLATION":
        status = order.text or "CANCELED"
    return {
        "event_type": "order",
        "id": order.id,
        "owner": order.owner,
        "market": order.condition_id,
        "asset_id": order.token_id,
        "side": order.side,
        "order_owner": order.owner,
        "original_size": text(order.size),
        "size_matched": text(order.matched),
        "price": text(order.price),
        "associate_trades": order.trades or None,
        "outcome": outcome_name(market, order.outcome),
        "type": kind,
        "created_at": str(order.created_ms // 1000),
        "expiration": str(order.expiration),
        "order_type": order.tif,
        "status": status or order.status.upper(),
        "maker_address": order.account,
        "timestamp": str(now_ms),
    }


def user_kill(order: Order, now_ms: int) -> Frame:
    """Return the frame of a killed FAK or FOK as the venue really sends it: empty texts."""
    return user_order(order, None, "CANCELLATION", now_ms) | {
        "size_matched": "",
        "associate_trades": [],
        "created_at": "",
    }


def outcome_name(market: SimMarket | None, outcome: int) -> str:
    """Return the outcome's name; empty when the market is no longer listed here."""
    return market.outcomes[outcome] if market is not None else ""


def maker_entry(leg: Leg, market: SimMarket | None) -> Frame:
    """Return one element of `maker_orders`."""
    return {
        "order_id": leg.order_id,
        "owner": leg.owner,
        "maker_address": leg.account,
        "matched_amount": text(leg.size),
        "price": text(leg.price),
        "fee_rate_bps": "0",
        "asset_id": leg.token_id,
        "outcome": outcome_name(market, leg.outcome),
        "side": leg.side,
    }


def user_trade(trade: Trade, market: SimMarket, owner: str, now_ms: int) -> Frame:
    """Return a `trade` event as the key `owner` sees it."""
    taker = trade.taker
    mine = taker.owner == owner
    return {
        "event_type": "trade",
        "type": "TRADE",
        "id": trade.id,
        "taker_order_id": taker.order_id,
        "market": trade.condition_id,
        "asset_id": taker.token_id,
        "side": taker.side,
        "size": text(taker.size),
        "price": text(taker.price),
        "fee_rate_bps": "0",
        "status": trade.status,
        "matchtime": str(trade.matched_ms // 1000),
        "last_update": str(trade.updated_ms // 1000),
        "outcome": market.outcomes[taker.outcome],
        "owner": owner,
        "trade_owner": owner,
        "maker_address": taker.account,
        "transaction_hash": trade.hash,
        "bucket_index": trade.bucket,
        "maker_orders": [maker_entry(leg, market) for leg in trade.makers],
        "trader_side": "TAKER" if mine else "MAKER",
        "timestamp": str(now_ms),
    }
