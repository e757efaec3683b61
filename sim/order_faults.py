"""Faults of the matching engine around one order."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

from sim.intake import parse
from sim.refusals import Refusal, invalid
from sim.state import ApiKey, Order
from venue.wire import eip712

if TYPE_CHECKING:
    from sim.engine import Engine


def place(engine: Engine, body: Any, key: ApiKey, now_ms: int) -> dict[str, Any]:
    """Place an order through the exchange, with the engine's faults.

    Raises:
        Refusal: as the venue refuses.
    """
    exchange = engine.exchange
    _duplicated_first(engine, body, now_ms)
    try:
        answer = exchange.place(body, key, now_ms)
    except Refusal as refusal:
        raise _remembered(engine, body, refusal, now_ms) from refusal
    order = exchange.memory.orders[answer["orderID"]]
    context = {"side": order.side, "order_type": order.tif, "token_id": order.token_id}
    if fault := engine.faults.hit("order_hidden", now_ms, **context):
        longest = fault.seconds(random.Random(f"{fault.seed}:{order.id}").uniform(0, 8))  # noqa: S311  # a seed decides, no secret
        order.visible_ms = now_ms + int(longest * 1000)
        exchange.keep(order)
    if engine.faults.hit("hashes_null", now_ms, **context):
        answer = {**answer, "transactionsHashes": None}
    if engine.faults.hit("legacy_hashes", now_ms, **context):
        ids = answer.pop("tradeIDs", ())  # a resting order has none
        hashes = [f"0x{trade_id.replace('-', ''):0>64}" for trade_id in ids]
        answer = {**answer, "transactionsHashes": hashes}
    return answer


def _duplicated_first(engine: Engine, body: Any, now_ms: int) -> None:
    """Call an order duplicated that was never seen, when the fault says so."""
    if not engine.faults.planned:
        return
    _, fields = parse(body)
    context = {"side": fields.side, "token_id": str(fields.token_id)}
    if engine.faults.hit("duplicated_first", now_ms, **context):
        market = engine.exchange.by_token.get(str(fields.token_id))
        domain = eip712.domain_of(fields.token_id, neg_risk=bool(market and market.neg_risk))
        raise invalid(eip712.order_id(fields, domain), "Duplicated.")


def before_cancel(engine: Engine, order_id: str, now_ms: int) -> None:
    """Let an order fill just before its cancel, when the fault says so."""
    order = engine.memory.orders.get(order_id)
    if order is None or not order.open_shares:
        return
    if fault := engine.faults.hit("cancel_race", now_ms, order_id=order_id):
        part = float(fault.args.get("part", 1))
        shares = min(int(order.open_shares * part), order.open_shares)
        if shares:
            engine.exchange.fills.hit(order, shares, now_ms)


def divert(engine: Engine, order: Order, now_ms: int) -> dict[str, Any] | None:
    """Return the answer of a fault that delays matching; None for the ordinary course."""
    context = {"side": order.side, "order_type": order.tif, "token_id": order.token_id}
    exchange = engine.exchange
    if fault := engine.faults.hit("delayed", now_ms, **context):
        return exchange.delay(order, int(fault.seconds(1) * 1000), now_ms)
    if order.tif == "FAK" and (fault := engine.faults.hit("fak_live", now_ms, **context)):
        answer = exchange.delay(order, int(fault.seconds(2) * 1000), now_ms)
        return {**answer, "status": "live", "takingAmount": "", "makingAmount": ""}
    if fault := engine.faults.hit("match_delayed", now_ms, **context):
        exchange.delay(order, int(fault.seconds(2) * 1000), now_ms)
        raise Refusal(400, "order match delayed due to market conditions")
    if engine.faults.hit("unmatched_resting", now_ms, **context):
        return exchange.rest_unmatched(order, now_ms)
    return None


def _remembered(engine: Engine, body: Any, refusal: Refusal, now_ms: int) -> Refusal:
    """Return the refusal, or Duplicated when refused ids are remembered by fault."""
    rejected = engine.exchange.rejected
    try:
        _, fields = parse(body)
    except Refusal:
        return refusal
    ident = f"{fields.salt}:{fields.maker}:{fields.timestamp}"
    if ident in rejected and engine.faults.hit("duplicate_rejected", now_ms):
        return invalid(rejected[ident], "Duplicated.")
    parts = refusal.error.split(" ")
    named = parts[1] if refusal.error.startswith("order 0x") else "0x" + "0" * 64
    rejected[ident] = named
    return refusal
