"""Data API v2: positions, trades, activity, resolutions; an indexer that lags (facts 5.2)."""

from __future__ import annotations

import base64
import json
from typing import Any

from starlette.routing import Route

from sim.engine import Engine
from sim.gate import Call, Handler, endpoint
from sim.http_approvals import approvals
from sim.http_positions import positions
from sim.http_public import iso
from sim.market import Print, SimMarket
from sim.refusals import Refusal
from sim.state import STRANGER, STRANGER_ADDRESS, Leg, Trade
from sim.units import ONE


def routes(engine: Engine) -> list[Route]:
    """Return the Data routes."""
    gets: dict[str, Handler] = {
        "/v2/positions": lambda call: envelope(
            call, positions(call, asked(call), conditions(call))
        ),
        "/v2/trades": lambda call: envelope(call, _all_trades(call)),
        "/v2/activity": lambda call: envelope(call, _activity(call)),
        "/v2/resolutions": resolutions,
        "/v2/value": value,
        "/v2/approvals": approvals,
    }
    return [Route(path, endpoint(engine, h), methods=["GET"]) for path, h in gets.items()]


def envelope(call: Call, rows: list[Any]) -> dict[str, Any]:
    query = asked(call)
    limit = min(max(int(query.get("limit", 100)), 1), 500)
    start = int(query.get("start", 0))
    more = start + limit < len(rows)
    # the following pages are asked for by cursor alone, so it carries the first page's filters
    following = json.dumps(query | {"start": str(start + limit)})
    cursor = base64.urlsafe_b64encode(following.encode()).decode()
    return {
        "data": rows[start : start + limit],
        "pagination": {
            "limit": limit,
            "offset": start,
            "has_more": more,
            "next_cursor": cursor if more else None,
        },
    }


def asked(call: Call) -> dict[str, str]:
    """Return the query, from the cursor where there is one."""
    cursor = call.query.get("cursor", "")
    if not cursor:
        params = call.request.query_params
        return {name: ",".join(params.getlist(name)) for name in params}
    try:
        return {str(k): str(v) for k, v in json.loads(base64.urlsafe_b64decode(cursor)).items()}
    except (ValueError, AttributeError) as cause:
        raise Refusal(
            400, "invalid cursor", None, code="INVALID_PARAMETER", retryable=False
        ) from cause


def conditions(call: Call) -> set[str]:
    ids = {item.lower() for item in asked(call).get("condition_id", "").split(",") if item}
    if any(len(item) not in (64, 66) for item in ids):
        raise Refusal(
            400,
            "invalid condition_id",
            None,
            code="INVALID_PARAMETER",
            retryable=False,
            trace_id="sim",
            parameter="condition_id",
        )
    return ids


def _positions(call: Call) -> dict[str, Any]:
    return envelope(call, positions(call, asked(call), conditions(call)))


def _all_trades(call: Call) -> list[dict[str, Any]]:
    """Return trades newest first: one user's, or the whole tape of the asked markets."""
    if asked(call).get("user"):
        return _trades(call)
    wanted = conditions(call)
    limit_ms = call.now_ms - call.engine.config.data_lag_ms
    found = [
        (seen.at_ms, _print(market, seen))
        for market in call.engine.exchange.markets.values()
        if not wanted or market.condition_id in wanted
        for seen in market.prints
        if seen.at_ms <= limit_ms
    ]
    return [row for _, row in sorted(found, key=lambda item: -item[0])]


def _print(market: SimMarket, seen: Print) -> dict[str, Any]:
    return {
        "proxy_wallet": STRANGER_ADDRESS,
        "side": seen.side,
        "token_id": market.tokens[seen.outcome],
        "condition_id": market.condition_id,
        "size": seen.size / ONE,
        "price": seen.price / ONE,
        "timestamp": seen.at_ms // 1000,
        "transaction_hash": seen.hash,
        **_described(market, seen.outcome),
    }


def _trades(call: Call) -> list[dict[str, Any]]:
    user = asked(call).get("user", "").lower()
    wanted = conditions(call)
    limit_ms = call.now_ms - call.engine.config.data_lag_ms
    rows = []
    for trade in reversed(list(call.engine.memory.trades.values())):
        if not 0 < trade.settled_ms <= limit_ms:
            continue
        if trade.condition_id not in (wanted or call.engine.exchange.markets):
            continue
        for leg in trade.legs():
            if leg.owner != STRANGER and user in ("", leg.account.lower()):
                rows.append(_trade(call, trade, leg))
    return rows


def _trade(call: Call, trade: Trade, leg: Leg) -> dict[str, Any]:
    return {
        "proxy_wallet": leg.account.lower(),
        "side": leg.side,
        "token_id": leg.token_id,
        "condition_id": trade.condition_id,
        "size": leg.size / ONE,
        "price": leg.price / ONE,
        "timestamp": trade.matched_ms // 1000,
        "transaction_hash": trade.hash,
        **_described(call.engine.exchange.markets[trade.condition_id], leg.outcome),
    }


def _described(market: SimMarket, outcome: int) -> dict[str, Any]:
    """Return what every row repeats of its market, and the empty profile."""
    return {
        "title": market.question,
        "slug": market.slug,
        "icon": "",
        "event_slug": market.slug,
        "outcome": market.outcomes[outcome],
        "outcome_index": outcome,
        "name": "",
        "pseudonym": "",
        "bio": "",
        "profile_image": "",
        "profile_image_optimized": "",
    }


def _activity(call: Call) -> list[dict[str, Any]]:
    rows = [
        {**row, "type": "TRADE", "usdc_size": row["size"] * row["price"]} for row in _trades(call)
    ]
    user = asked(call).get("user", "").lower()
    limit_ms, only = call.now_ms - call.engine.config.data_lag_ms, conditions(call)
    for record in reversed(list(call.engine.memory.redemptions.values())):
        market = call.engine.exchange.markets.get(record.condition_id)
        if record.account.lower() != user or market is None or market.payouts is None:
            continue
        if record.at_ms > limit_ms or (only and record.condition_id not in only):
            continue
        for token, shares in record.burnt.items():
            outcome = market.outcome_of(token)
            rows.append(
                {
                    "proxy_wallet": user,
                    "timestamp": record.at_ms // 1000,
                    "condition_id": record.condition_id,
                    "type": "REDEEM",
                    "size": shares / ONE,
                    "usdc_size": shares * market.payouts[outcome] / ONE / ONE if record.usd else 0,
                    "transaction_hash": record.hash,
                    "price": 0,
                    "token_id": token,
                    "side": "",
                    **_described(market, outcome),
                }
            )
    wanted = asked(call).get("type", "")
    return [row for row in rows if not wanted or row["type"] in wanted.split(",")]


def resolutions(call: Call) -> dict[str, Any]:
    """Return the oracle's state of the asked conditions."""
    wanted = conditions(call)
    limit_ms = call.now_ms - call.engine.config.data_lag_ms
    rows = []
    for condition in wanted or call.engine.exchange.markets:
        market = call.engine.exchange.markets.get(condition)
        if market is not None:
            rows.append(_resolution(market, known=market.resolved_ms <= limit_ms))
    return {"data": rows}


def _resolution(market: SimMarket, *, known: bool) -> dict[str, Any]:
    at = iso(market.resolved_ms or market.start_ms)
    row: dict[str, Any] = {
        "condition_id": market.condition_id,
        "question_id": market.question_id,
        "status": "resolved" if market.closed and known else (market.oracle or "posed"),
        "extended_review": False,
        "was_disputed": market.was_disputed,
        "new_version_q": False,
        "transaction_hash": market.question_id,
        "log_index": "0",
        "last_update_timestamp": at,
    }
    if market.closed and not known:
        row["status"] = "proposed"
    if market.payouts is not None and known:
        row |= {
            "payouts": list(market.payouts),
            "resolution_source": "reported",
            "resolved_block": 1,
            "resolved_at": at,
        }
    return row


def value(call: Call) -> dict[str, Any]:
    """Return the worth of a wallet's positions."""
    user = asked(call).get("user", "").lower()
    return {"data": [{"proxy_wallet": user, "value": 0}]}
