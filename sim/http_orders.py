"""CLOB endpoints of orders and trades, signed with L2 headers (facts 2.4 to 2.8)."""

from __future__ import annotations

from typing import Any

from starlette.routing import Route

from sim import order_faults
from sim.cursor import page
from sim.engine import Engine
from sim.frames import maker_entry, outcome_name
from sim.gate import Call, Handler, endpoint
from sim.refusals import BAD_PAYLOAD, Refusal
from sim.state import Order, Trade
from sim.units import text

MAX_BATCH = 15
MAX_CANCELS = 1000


def routes(engine: Engine) -> list[Route]:
    """Return the private order routes."""
    table: list[tuple[str, str, Handler]] = [
        ("POST", "/order", post_order),
        ("POST", "/orders", post_orders),
        ("DELETE", "/order", cancel_order),
        ("DELETE", "/orders", cancel_orders),
        ("DELETE", "/cancel-all", lambda call: _cancel(call, _mine(call))),
        ("DELETE", "/cancel-market-orders", cancel_market),
        ("GET", "/data/order/{id}", get_order),
        ("GET", "/data/orders", list_orders),
        ("GET", "/data/trades", list_trades),
        ("GET", "/order-scoring", lambda call: {"scoring": False}),
        ("POST", "/orders-scoring", lambda call: {}),
    ]
    return [Route(p, endpoint(engine, h, private=True), methods=[m]) for m, p, h in table]


def post_order(call: Call) -> dict[str, Any]:
    """Place one order."""
    body = call.json()
    call.engine.modes.check_order(body, call.now_ms)
    return order_faults.place(call.engine, body, call.owner, call.now_ms)


def post_orders(call: Call) -> list[dict[str, Any]]:
    """Place up to 15 orders, each for itself; a refused leg is 200 with success true (2.5)."""
    body = call.json()
    if not isinstance(body, list):
        raise Refusal(400, BAD_PAYLOAD)
    if len(body) > MAX_BATCH:
        raise Refusal(400, f"Too many orders in payload: {len(body)}, max allowed: {MAX_BATCH}")
    answers = []
    for leg in body:
        try:
            call.engine.modes.check_order(leg, call.now_ms)
            answers.append(order_faults.place(call.engine, leg, call.owner, call.now_ms))
        except Refusal as refusal:
            if refusal.status == 425:
                raise
            answers.append(
                {
                    "errorMsg": refusal.error,
                    "orderID": "",
                    "takingAmount": "",
                    "makingAmount": "",
                    "status": "",
                    "success": True,
                }
            )
    return answers


def cancel_order(call: Call) -> dict[str, Any]:
    """Cancel one order by id."""
    body = call.json()
    if not isinstance(body, dict) or not isinstance(body.get("orderID"), str):
        raise Refusal(400, "Invalid orderID")
    return _cancel(call, [body["orderID"]])


def cancel_orders(call: Call) -> dict[str, Any]:
    """Cancel many orders by id."""
    body = call.json()
    if not isinstance(body, list) or len(body) > MAX_CANCELS:
        raise Refusal(400, "Invalid payload")
    return _cancel(call, [str(item) for item in body])


def cancel_market(call: Call) -> dict[str, Any]:
    """Cancel my orders of a market or token."""
    body = call.json() or {}
    wanted = [
        order_id
        for order_id in _mine(call)
        if body.get("market", "") in ("", call.engine.memory.orders[order_id].condition_id)
        and body.get("asset_id", "") in ("", call.engine.memory.orders[order_id].token_id)
    ]
    return _cancel(call, wanted)


def get_order(call: Call) -> Any:
    """Return a live order; the venue forgets terminal ones (facts 0.1)."""
    order = call.engine.memory.orders.get(call.path["id"])
    if order is None or order.owner != call.owner.key or not _visible(call, order):
        raise Refusal(404, "Order not found")
    return order_row(call.engine, order)


def list_orders(call: Call) -> dict[str, Any]:
    """Return my open orders."""
    query = call.query
    orders = [call.engine.memory.orders[order_id] for order_id in _mine(call)]
    rows = [
        order_row(call.engine, order)
        for order in sorted(orders, key=lambda order: order.sequence)
        if _visible(call, order)
        and query.get("id", order.id) == order.id
        and query.get("market", order.condition_id) == order.condition_id
        and query.get("asset_id", order.token_id) == order.token_id
    ]
    return page(query, rows, 500)


def list_trades(call: Call) -> dict[str, Any]:
    """Return my trades, newest first."""
    if call.engine.faults.hit("trades_hidden", call.now_ms):
        return page({}, [], 100)
    owner = call.owner.key
    rows = [
        trade_row(call.engine, trade, owner)
        for trade in reversed(list(call.engine.memory.trades.values()))
        if any(leg.owner == owner for leg in trade.legs()) and _wanted(call.query, trade)
    ]
    return page(call.query, rows, 100)


def order_row(engine: Engine, order: Order) -> dict[str, Any]:
    """Return an open order as REST shows it: human decimals (facts 2.7)."""
    market = engine.exchange.markets.get(order.condition_id)
    return {
        "id": order.id,
        "status": "DELAYED" if order.status == "delayed" else "LIVE",
        "owner": order.owner,
        "maker_address": order.account,
        "market": order.condition_id,
        "asset_id": order.token_id,
        "side": order.side,
        "original_size": text(order.size),
        "size_matched": text(order.matched),
        "price": text(order.price),
        "outcome": outcome_name(market, order.outcome),
        "expiration": str(order.expiration),
        "order_type": order.tif,
        "associate_trades": order.trades,
        "created_at": order.created_ms // 1000,
    }


def trade_row(engine: Engine, trade: Trade, owner: str) -> dict[str, Any]:
    """Return a trade as REST shows it: prefixed status, epoch seconds."""
    market = engine.exchange.markets.get(trade.condition_id)
    taker = trade.taker
    return {
        "id": trade.id,
        "taker_order_id": taker.order_id,
        "market": trade.condition_id,
        "asset_id": taker.token_id,
        "side": taker.side,
        "size": text(taker.size),
        "fee_rate_bps": "0",
        "price": text(taker.price),
        "status": f"TRADE_STATUS_{trade.status}",
        "match_time": str(trade.matched_ms // 1000),
        "last_update": str(trade.updated_ms // 1000),
        "outcome": outcome_name(market, taker.outcome),
        "bucket_index": trade.bucket,
        "owner": owner,
        "maker_address": taker.account,
        "transaction_hash": trade.hash,
        "trader_side": "TAKER" if taker.owner == owner else "MAKER",
        "maker_orders": [maker_entry(leg, market) for leg in trade.makers],
    }


def _wanted(query: dict[str, str], trade: Trade) -> bool:
    tokens = {leg.token_id for leg in trade.legs()}
    accounts = {leg.account.lower() for leg in trade.legs()}
    seconds = trade.matched_ms // 1000
    return (
        query.get("id", trade.id) == trade.id
        and query.get("market", trade.condition_id) == trade.condition_id
        and ("asset_id" not in query or query["asset_id"] in tokens)
        and ("maker_address" not in query or query["maker_address"].lower() in accounts)
        and seconds >= int(query.get("after", 0))
        and seconds <= int(query.get("before", seconds))
    )


def _mine(call: Call) -> list[str]:
    orders = call.engine.exchange.funds.open_orders()
    return [order.id for order in orders if order.owner == call.owner.key]


def _visible(call: Call, order: Order) -> bool:
    return order.status in ("live", "delayed", "unmatched") and call.now_ms >= order.visible_ms


def _cancel(call: Call, ids: list[str]) -> dict[str, Any]:
    call.engine.modes.check_cancel(call.now_ms)
    canceled: list[str] = []
    refused: dict[str, str] = {}
    for order_id in ids:
        order_faults.before_cancel(call.engine, order_id, call.now_ms)
        reason = call.engine.exchange.cancel(order_id, call.owner.key, call.now_ms)
        if reason is None:
            canceled.append(order_id)
        else:
            refused[order_id] = reason
    return {"canceled": canceled, "not_canceled": refused}
