"""CLOB endpoints that need no key (facts 2.3)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from starlette.routing import Route

from sim.cursor import page
from sim.engine import Engine
from sim.frames import rest_book
from sim.gate import Call, Handler, endpoint
from sim.http_history import prices_history
from sim.market import SimMarket
from sim.refusals import Refusal
from sim.units import ONE, text

NO_BOOK = "No orderbook exists for the requested token id"


def routes(engine: Engine) -> list[Route]:
    """Return the public routes."""
    gets: dict[str, Handler] = {
        "/": lambda call: {"version": 2},
        "/version": lambda call: {"version": 2},
        "/ok": lambda call: "OK",
        "/time": lambda call: call.now_ms // 1000,
        "/book": lambda call: book(call, token_of(call)),
        "/price": lambda call: {"price": price(call, token_of(call), call.query.get("side", ""))},
        "/midpoint": lambda call: {"mid": midpoint(call, token_of(call))},
        "/spread": lambda call: {"spread": spread(call, token_of(call))},
        "/last-trade-price": lambda call: last_trade(call, token_of(call)),
        "/prices-history": prices_history,
        "/tick-size": lambda call: tick_size(call, token_of(call)),
        "/tick-size/{token}": lambda call: tick_size(call, call.path["token"]),
        "/neg-risk": lambda call: {"neg_risk": open_market(call, token_of(call)).neg_risk},
        "/neg-risk/{token}": lambda call: {
            "neg_risk": open_market(call, call.path["token"]).neg_risk
        },
        "/fee-rate": lambda call: {"base_fee": 1000},
        "/fee-rate/{token}": lambda call: {"base_fee": 1000},
        "/markets-by-token/{token}": market_by_token,
        "/clob-markets/{condition}": clob_market,
        "/markets/{condition}": lambda call: legacy_market(by_condition(call)),
        "/markets": lambda call: page(call.query, [legacy_market(m) for m in shown(call)], 1000),
        "/simplified-markets": lambda call: page(
            call.query, [legacy_market(m) for m in shown(call)], 1000
        ),
        "/sampling-markets": lambda call: page(
            call.query, [legacy_market(m) for m in shown(call) if m.accepting], 1000
        ),
    }
    posts: dict[str, Handler] = {
        "/books": lambda call: [
            book(call, t) for t in many(call) if t in call.engine.exchange.by_token
        ],
        "/midpoints": lambda call: {t: midpoint(call, t) for t in many(call)},
        "/spreads": lambda call: {t: spread(call, t) for t in many(call)},
        "/prices": prices,
        "/last-trades-prices": lambda call: [
            {"token_id": t, **last_trade(call, t)} for t in many(call)
        ],
    }
    found = [Route(path, endpoint(engine, h), methods=["GET"]) for path, h in gets.items()]
    return found + [Route(path, endpoint(engine, h), methods=["POST"]) for path, h in posts.items()]


def token_of(call: Call) -> str:
    """Return the token_id of the query."""
    return call.query.get("token_id", "")


def many(call: Call) -> list[str]:
    """Return the token ids of a list body.

    Raises:
        Refusal: more than 500, or no list.
    """
    body = call.json()
    if not isinstance(body, list):
        raise Refusal(400, "Invalid payload")
    if len(body) > 500:
        raise Refusal(400, "Payload exceeds the limit")
    return [str(item.get("token_id", "")) for item in body if isinstance(item, dict)]


def open_market(call: Call, token: str) -> SimMarket:
    """Return the market whose book this token has.

    Raises:
        Refusal: 404 when there is no such book, or the market ended.
    """
    market = call.engine.exchange.by_token.get(token)
    if market is None or market.closed or market.clob_hidden:
        raise Refusal(404, NO_BOOK)
    return market


def by_condition(call: Call) -> SimMarket:
    """Return the market of the path.

    Raises:
        Refusal: 404.
    """
    market = call.engine.exchange.markets.get(call.path["condition"].lower())
    if market is None or market.clob_hidden:
        raise Refusal(404, "market not found")
    return market


def shown(call: Call) -> list[SimMarket]:
    """Return the markets the CLOB knows."""
    return [m for m in call.engine.exchange.markets.values() if not m.clob_hidden]


def book(call: Call, token: str) -> dict[str, Any]:
    """Return the book of a token."""
    market = open_market(call, token)
    return rest_book(
        market, call.engine.exchange.books[market.condition_id], market.outcome_of(token)
    )


def known(call: Call, token: str) -> bool:
    """Return whether the token has a book."""
    return token in call.engine.exchange.by_token


def neg_risk(call: Call, token: str) -> dict[str, bool]:
    """Return whether the token's market trades on the neg-risk exchange."""
    return {"neg_risk": open_market(call, token).neg_risk}


def best(call: Call, token: str) -> tuple[int | None, int | None]:
    """Return (best bid, best ask)."""
    market = open_market(call, token)
    books = call.engine.exchange.books[market.condition_id]
    bids, asks = books.of_outcome(market.outcome_of(token))
    return (bids[0][0] if bids else None), (asks[0][0] if asks else None)


def price(call: Call, token: str, side: str) -> str:
    """Return the best price on a side of the book."""
    bid, ask = best(call, token)
    found = bid if side.upper() == "BUY" else ask
    return text(found) if found is not None else "0"


def prices(call: Call) -> dict[str, dict[str, str]]:
    """Return the best price for each asked token and side."""
    answer: dict[str, dict[str, str]] = {}
    for item in call.json() or []:
        token, side = str(item.get("token_id", "")), str(item.get("side", "BUY"))
        answer.setdefault(token, {})[side] = price(call, token, side)
    return answer


def midpoint(call: Call, token: str) -> str:
    """Return the middle of the book; a missing bid counts 0, a missing ask 1."""
    bid, ask = best(call, token)
    return text(((bid or 0) + (ask if ask is not None else ONE)) // 2)


def spread(call: Call, token: str) -> str:
    """Return ask less bid."""
    bid, ask = best(call, token)
    return text((ask if ask is not None else ONE) - (bid or 0))


def last_trade(call: Call, token: str) -> dict[str, str]:
    """Return the last print; a token never traded says 0.5."""
    market = open_market(call, token)
    outcome = market.outcome_of(token)
    last = market.last_price[outcome]
    return {"price": text(last) if last else "0.5", "side": market.last_side[outcome]}


def tick_size(call: Call, token: str) -> dict[str, float]:
    """Return the tick as a number, as the venue does."""
    return {"minimum_tick_size": open_market(call, token).tick / ONE}


def market_by_token(call: Call) -> dict[str, str]:
    """Return condition and both tokens."""
    market = call.engine.exchange.by_token.get(call.path["token"])
    if market is None or market.clob_hidden:
        raise Refusal(404, "market not found")
    return {
        "condition_id": market.condition_id,
        "primary_token_id": market.tokens[0],
        "secondary_token_id": market.tokens[1],
    }


def clob_market(call: Call) -> dict[str, Any]:
    """Return the compact market (facts 2.3, `/clob-markets` keys)."""
    market = by_condition(call)
    body: dict[str, Any] = {
        "r": {"mi": 50, "ma": 4.5, "moas": 30},
        "t": [{"t": t, "o": o} for t, o in zip(market.tokens, market.outcomes, strict=True)],
        "c": market.condition_id,
        "mos": market.min_size // ONE,
        "mts": market.tick / ONE,
        "mbf": 1000,
        "tbf": 1000,
        "ao": market.accepting,
        "aot": iso(market.start_ms),
        "itode": call.engine.config.taker_delay_ms > 0,
        "fd": {"r": float(market.fee_rate), "e": market.fee_exponent, "to": True},
        "v": market.protocol,
    }
    if market.neg_risk:
        body["nr"] = True
    return body


def legacy_market(market: SimMarket) -> dict[str, Any]:
    """Return the long market with `winner` flags."""
    payouts = market.payouts
    even = payouts is not None and payouts[0] == payouts[1]
    return {
        "accepting_order_timestamp": iso(market.start_ms),
        "accepting_orders": market.accepting,
        "active": True,
        "archived": False,
        "closed": market.closed,
        "condition_id": market.condition_id,
        "description": "",
        "enable_order_book": not market.closed,
        "end_date_iso": iso(market.end_ms),
        "fpmm": "",
        "game_start_time": None,
        "icon": "",
        "image": "",
        "is_50_50_outcome": even,
        "maker_base_fee": 0,
        "market_slug": market.slug,
        "minimum_order_size": market.min_size // ONE,
        "minimum_tick_size": market.tick / ONE,
        "neg_risk": market.neg_risk,
        "neg_risk_market_id": "",
        "neg_risk_request_id": "",
        "notifications_enabled": True,
        "question": market.question,
        "question_id": market.question_id,
        "rewards": {"max_spread": 4.5, "min_size": 50, "rates": None},
        "seconds_delay": market.seconds_delay,
        "tags": list(market.tags),
        "taker_base_fee": 0,
        "tokens": [
            {
                "outcome": market.outcomes[i],
                "price": _price_of(market, i),
                "token_id": market.tokens[i],
                "winner": payouts is not None and not even and payouts[i] > payouts[1 - i],
            }
            for i in (0, 1)
        ],
    }


def _price_of(market: SimMarket, outcome: int) -> float:
    if market.payouts is not None:
        return market.payouts[outcome] / ONE
    return (market.last_price[outcome] or ONE // 2) / ONE


def iso(ms: int) -> str:
    """Return a time as the venue prints it; milliseconds only when there are any."""
    seconds, rest = divmod(ms, 1000)
    fraction = f".{rest:03d}" if rest else ""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S") + fraction + "Z"
