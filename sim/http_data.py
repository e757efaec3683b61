"""Data API v2: positions, trades, activity, resolutions; an indexer that lags (facts 5.2)."""

from __future__ import annotations

import base64
import json
from typing import Any

from starlette.routing import Route

from sim.engine import Engine
from sim.gate import Call, Handler, endpoint
from sim.http_approvals import approvals
from sim.http_public import iso
from sim.market import SimMarket
from sim.refusals import Refusal
from sim.state import STRANGER, Leg, Trade
from sim.units import ONE

DUST = ONE // 10  # positions under 0.1 share are hidden by default


def routes(engine: Engine) -> list[Route]:
    """Return the Data routes."""
    gets: dict[str, Handler] = {
        "/v2/positions": positions,
        "/v2/trades": lambda call: _envelope(call, _trades(call)),
        "/v2/activity": lambda call: _envelope(call, _activity(call)),
        "/v2/resolutions": resolutions,
        "/v2/value": value,
        "/v2/approvals": approvals,
    }
    return [Route(path, endpoint(engine, h), methods=["GET"]) for path, h in gets.items()]


def _envelope(call: Call, rows: list[Any]) -> dict[str, Any]:
    asked = _asked(call)
    limit = min(max(int(asked.get("limit", 100)), 1), 500)
    start = int(asked.get("start", 0))
    more = start + limit < len(rows)
    # the following pages are asked for by cursor alone, so it carries the first page's filters
    following = json.dumps(asked | {"start": str(start + limit)})
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


def _asked(call: Call) -> dict[str, str]:
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


def _conditions(call: Call) -> set[str]:
    ids = {item.lower() for item in _asked(call).get("condition_id", "").split(",") if item}
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


def positions(call: Call) -> dict[str, Any]:
    """Return the shares a wallet holds on chain, as the indexer knows them."""
    user, status = _asked(call).get("user", "").lower(), _asked(call).get("status", "OPEN")
    account = call.engine.memory.accounts.get(user)
    wanted = _conditions(call)
    rows = []
    for token, shares in (account.tokens if account else {}).items():
        market = call.engine.exchange.by_token.get(token)
        if market is None or shares <= 0 or (wanted and market.condition_id not in wanted):
            continue
        if _has_status(market, token, status, shares, call):
            rows.append(_position(call, user, market, token, shares))
    return _envelope(call, rows)


def _has_status(market: SimMarket, token: str, status: str, shares: int, call: Call) -> bool:
    floor = float(_asked(call).get("filter_amount", DUST / ONE)) * ONE
    payout = market.payouts[market.outcome_of(token)] if market.payouts else 0
    checks = {
        "OPEN": not market.closed and shares >= floor,
        "REDEEMABLE": market.closed,
        "REDEEMABLE_LOST": market.closed and payout == 0,
        "MERGEABLE": False,
        "CLOSED": False,
    }
    return checks.get(status, False)


def _position(call: Call, user: str, market: SimMarket, token: str, shares: int) -> dict[str, Any]:
    outcome = market.outcome_of(token)
    bought, cost = _bought(call, user, token)
    average = cost / bought if bought else 0.0
    if market.payouts:
        price = market.payouts[outcome] / ONE
    else:
        price = (market.last_price[outcome] or ONE // 2) / ONE
    size = shares / ONE
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
        "total_size": bought / ONE,
        "realized_pnl": 0.0,
        "unrealized_pnl": (price - average) * size,
        "total_pnl": (price - average) * size,
        "percent_pnl": 0.0,
        "percent_realized_pnl": 0.0,
        "status": "REDEEMABLE" if market.closed else "OPEN",
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
        "last_event_at": call.now_ms // 1000,
        "name": "",
        "profile_image": "",
        "verified": False,
    }


def _bought(call: Call, user: str, token: str) -> tuple[int, int]:
    bought = cost = 0
    for trade in call.engine.memory.trades.values():
        for leg in trade.legs():
            mine = leg.account.lower() == user and leg.token_id == token
            if mine and leg.side == "BUY" and trade.status != "FAILED":
                bought, cost = bought + leg.size, cost + leg.usd
    return bought, cost


def _trades(call: Call) -> list[dict[str, Any]]:
    user = _asked(call).get("user", "").lower()
    wanted = _conditions(call)
    limit_ms = call.now_ms - call.engine.config.data_lag_ms
    rows = []
    for trade in reversed(list(call.engine.memory.trades.values())):
        if not trade.hash or trade.updated_ms > limit_ms:
            continue
        if trade.condition_id not in (wanted or call.engine.exchange.markets):
            continue
        for leg in trade.legs():
            if leg.owner != STRANGER and user in ("", leg.account.lower()):
                rows.append(_trade(call, trade, leg))
    return rows


def _trade(call: Call, trade: Trade, leg: Leg) -> dict[str, Any]:
    market = call.engine.exchange.markets[trade.condition_id]
    return {
        "proxy_wallet": leg.account.lower(),
        "side": leg.side,
        "token_id": leg.token_id,
        "condition_id": trade.condition_id,
        "size": leg.size / ONE,
        "price": leg.price / ONE,
        "timestamp": trade.matched_ms // 1000,
        "title": market.question,
        "slug": market.slug,
        "icon": "",
        "event_slug": market.slug,
        "outcome": market.outcomes[leg.outcome],
        "outcome_index": leg.outcome,
        "name": "",
        "pseudonym": "",
        "bio": "",
        "profile_image": "",
        "profile_image_optimized": "",
        "transaction_hash": trade.hash,
    }


def _activity(call: Call) -> list[dict[str, Any]]:
    rows = [
        {**row, "type": "TRADE", "usdc_size": row["size"] * row["price"]} for row in _trades(call)
    ]
    user = _asked(call).get("user", "").lower()
    for record in reversed(list(call.engine.memory.redemptions.values())):
        market = call.engine.exchange.markets.get(record.condition_id)
        if record.account.lower() != user or market is None or market.payouts is None:
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
                    "usdc_size": shares * market.payouts[outcome] / ONE / ONE,
                    "transaction_hash": record.hash,
                    "price": 0,
                    "token_id": token,
                    "side": "",
                    "outcome_index": outcome,
                    "title": market.question,
                    "slug": market.slug,
                    "icon": "",
                    "event_slug": market.slug,
                    "outcome": market.outcomes[outcome],
                    "name": "",
                    "pseudonym": "",
                    "bio": "",
                    "profile_image": "",
                    "profile_image_optimized": "",
                }
            )
    wanted = _asked(call).get("type", "")
    return [row for row in rows if not wanted or row["type"] in wanted.split(",")]


def resolutions(call: Call) -> dict[str, Any]:
    """Return the oracle's state of the asked conditions."""
    wanted = _conditions(call)
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
    user = _asked(call).get("user", "").lower()
    return {"data": [{"proxy_wallet": user, "value": 0}]}
