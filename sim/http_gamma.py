"""Gamma: the catalogue of markets and events, with its traps (facts 5.1)."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from typing import Any

from starlette.routing import Route

from sim.engine import Engine
from sim.gate import Call, Handler, endpoint
from sim.http_public import iso
from sim.market import SimMarket
from sim.refusals import Refusal
from sim.units import ONE, text

EVENT_OFFSET = 900_000  # event ids, so that nobody mixes them up with market ids


def routes(engine: Engine) -> list[Route]:
    """Return the Gamma routes."""
    gets: dict[str, Handler] = {
        "/markets/keyset": lambda call: _page(call, "markets", market_row),
        "/events/keyset": lambda call: _page(call, "events", event_row),
        "/markets": lambda call: _plain(call, market_row),
        "/events": lambda call: _plain(call, event_row),
        "/markets/slug/{slug}": lambda call: market_row(call, _by_slug(call)),
        "/events/slug/{slug}": lambda call: event_row(call, _by_slug(call)),
        "/markets/{id}": lambda call: market_row(call, _by_id(call, 0)),
        "/events/{id}": lambda call: event_row(call, _by_id(call, EVENT_OFFSET)),
    }
    return [Route(path, endpoint(engine, h), methods=["GET"]) for path, h in gets.items()]


def _page(call: Call, name: str, row: Any) -> dict[str, Any]:
    if "offset" in call.query:
        raise Refusal(422, "offset is not supported on keyset endpoints")
    limit = min(max(int(call.query.get("limit", 20)), 1), 100)
    after = _after(call.query.get("after_cursor", ""))
    chosen = [m for m in _chosen(call) if m.number > after]
    body: dict[str, Any] = {name: [row(call, m) for m in chosen[:limit]]}
    if len(chosen) > limit:
        cursor = json.dumps({"id": str(chosen[limit - 1].number)}, separators=(",", ":"))
        body["next_cursor"] = base64.b64encode(cursor.encode()).decode()
    return body


def _plain(call: Call, row: Any) -> list[Any]:
    limit, start = int(call.query.get("limit", 20)), int(call.query.get("offset", 0))
    return [row(call, m) for m in _chosen(call)[start : start + limit]]


def _after(cursor: str) -> int:
    if not cursor:
        return 0
    try:
        return int(json.loads(base64.b64decode(cursor))["id"])
    except (ValueError, KeyError, TypeError) as cause:
        raise Refusal(400, "invalid after_cursor") from cause


def _chosen(call: Call) -> list[SimMarket]:
    """Return the markets of the filters; `closed` defaults to false (facts 5.1)."""
    query = call.request.query_params
    closed = query.get("closed", "false").lower() == "true"
    conditions = [c.lower() for v in query.getlist("condition_ids") for c in v.split(",")]
    tokens = [t for v in query.getlist("clob_token_ids") for t in v.split(",")]
    ids = [i for v in query.getlist("id") for i in v.split(",")]
    slugs = [s for v in query.getlist("slug") for s in v.split(",")]
    return [
        market
        for market in sorted(call.engine.exchange.markets.values(), key=lambda m: m.number)
        if not market.gamma_hidden
        and closed == _closed(call, market)
        and (not conditions or market.condition_id in conditions)
        and (not tokens or not set(tokens).isdisjoint(market.tokens))
        and (not ids or str(market.number) in ids)
        and (not slugs or market.slug in slugs)
        and _within(query.get("end_date_min"), query.get("end_date_max"), market.end_ms)
    ]


def _within(low: str | None, high: str | None, ms: int) -> bool:
    at = datetime.fromtimestamp(ms / 1000, UTC)
    return (low is None or at >= _time(low)) and (high is None or at <= _time(high))


def _time(value: str) -> datetime:
    try:
        found = datetime.fromisoformat(value)
    except ValueError as cause:
        raise Refusal(422, f"invalid date {value}") from cause
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _closed(call: Call, market: SimMarket) -> bool:
    late = call.engine.faults.hit("gamma_late", call.now_ms, condition_id=market.condition_id)
    return market.closed and late is None


def _by_slug(call: Call) -> SimMarket:
    for market in call.engine.exchange.markets.values():
        if market.slug == call.path["slug"] and not market.gamma_hidden:
            return market
    raise Refusal(404, "slug not found")


def _by_id(call: Call, offset: int) -> SimMarket:
    for market in call.engine.exchange.markets.values():
        if str(market.number + offset) == call.path["id"] and not market.gamma_hidden:
            return market
    raise Refusal(404, "id not found")


def market_row(call: Call, market: SimMarket, *, nested: bool = False) -> dict[str, Any]:
    """Return one market as Gamma shows it."""
    book = call.engine.exchange.books[market.condition_id]
    bid, ask = book.best("B"), book.best("A")
    closed = _closed(call, market)
    row: dict[str, Any] = {
        "id": str(market.number),
        "question": market.question,
        "conditionId": market.condition_id,
        "slug": market.slug,
        "resolutionSource": "",
        "image": "",
        "icon": "",
        "description": "A market of the simulator.",
        "outcomes": json.dumps(list(market.outcomes)),
        "outcomePrices": json.dumps(_prices(market, bid, ask)),
        "active": True,
        "closed": closed,
        "acceptingOrders": market.accepting or (market.closed and not closed),
        "umaResolutionStatuses": json.dumps(_history(market)),
        "questionID": market.question_id,
        "version": market.protocol,
    }
    row.update(_UNCHANGING, **_dates(market), **_trading(market, bid, ask), **_fees(market))
    row.update(_identifiers(market))
    if market.oracle:
        row["umaResolutionStatus"] = market.oracle if closed or not market.closed else "proposed"
    if closed:
        row["closedTime"] = _closed_time(market.resolved_ms)
    if not nested:
        row["events"] = [event_row(call, market, nested=True)]
    return row


_UNCHANGING: dict[str, Any] = {
    "marketMakerAddress": "",
    "new": False,
    "featured": False,
    "archived": False,
    "restricted": True,
    "enableOrderBook": True,
    "negRiskRequestID": "",
}


def _dates(market: SimMarket) -> dict[str, Any]:
    start, end = iso(market.start_ms), iso(market.end_ms)
    return {
        "endDate": end,
        "startDate": start,
        "endDateIso": end[:10],
        "startDateIso": start[:10],
    }


def _trading(market: SimMarket, bid: int | None, ask: int | None) -> dict[str, Any]:
    """Gamma shows an empty side as 0 and 1, in JSON numbers."""
    low, high = bid or 0, ask if ask is not None else ONE
    return {
        "orderPriceMinTickSize": market.tick / ONE,
        "orderMinSize": market.min_size // ONE,
        "volume": text(market.volume),
        "volumeNum": market.volume / ONE,
        "negRisk": market.neg_risk,
        "bestBid": low / ONE,
        "bestAsk": high / ONE,
        "spread": (high - low) / ONE,
        "lastTradePrice": market.last_price[0] / ONE,
    }


def _fees(market: SimMarket) -> dict[str, Any]:
    return {
        "makerBaseFee": 1000,
        "takerBaseFee": 1000,
        "feesEnabled": market.fee_rate > 0,
        "feeType": "crypto_fees_v2" if market.category == "crypto" else None,
        "feeSchedule": {
            "exponent": market.fee_exponent,
            "rate": float(market.fee_rate),
            "takerOnly": True,
            "rebateRate": 0.2,
        },
    }


def event_row(call: Call, market: SimMarket, *, nested: bool = False) -> dict[str, Any]:
    """Return the event of a market; here every market has its own."""
    row: dict[str, Any] = {
        "id": str(market.number + EVENT_OFFSET),
        "ticker": market.slug,
        "slug": market.slug,
        "title": market.question,
        "active": True,
        "closed": _closed(call, market),
        "archived": False,
        "negRisk": market.neg_risk,
        "enableNegRisk": market.neg_risk,
        "endDate": iso(market.end_ms),
        "startDate": iso(market.start_ms),
    }
    if not nested:
        row["markets"] = [market_row(call, market, nested=True)]
        row["tags"] = [
            {"id": str(i + 1), "label": tag, "slug": tag.lower().replace(" ", "-")}
            for i, tag in enumerate(market.tags)
        ]
    return row


def _identifiers(market: SimMarket) -> dict[str, Any]:
    if market.protocol == "v2":
        return {"clobTokenIds": None, "positionIds": list(market.tokens)}
    return {"clobTokenIds": json.dumps(list(market.tokens))}


def _prices(market: SimMarket, bid: int | None, ask: int | None) -> list[str]:
    if market.payouts is not None:
        return [text(payout) for payout in market.payouts]
    middle = ((bid or 0) + (ask if ask is not None else ONE)) // 2
    return [text(middle), text(ONE - middle)]


def _history(market: SimMarket) -> list[str]:
    seen = ["proposed"] if market.oracle else []
    return [*seen, "disputed", "proposed"] if market.was_disputed else seen


def _closed_time(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S+00")
