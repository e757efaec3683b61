"""Price histories of the CLOB: the last print of each stretch of time (facts 2.3)."""

from __future__ import annotations

from typing import Any

from sim.gate import Call
from sim.refusals import Refusal
from sim.units import ONE

DAY_S = 86_400
INTERVALS = {
    "1h": 3_600,
    "6h": 21_600,
    "1d": DAY_S,
    "1w": 7 * DAY_S,
    "1m": 30 * DAY_S,
    "max": 0,
    "all": 0,
}


def prices_history(call: Call) -> dict[str, list[dict[str, Any]]]:
    """Return one point (epoch seconds, price as a number) for every stretch that had a print.

    Raises:
        Refusal: no market, neither interval nor times, or an interval that does not exist. The
            texts are ours: the venue's are not known.
    """
    query = call.query
    if not (token := query.get("market", "")):
        raise Refusal(400, "market is required")
    first, last = _window(query, call.now_ms // 1000)
    stretch = max(int(query.get("fidelity", 1)), 1) * 60
    market = call.engine.exchange.by_token.get(token)
    if market is None:
        return {"history": []}
    outcome, points = market.outcome_of(token), {}
    for seen in market.prints:
        at = seen.at_ms // 1000
        if first <= at <= last:
            own = seen.price if seen.outcome == outcome else ONE - seen.price
            points[at // stretch] = {"t": at, "p": own / ONE}
    return {"history": list(points.values())}


def _window(query: dict[str, str], now_s: int) -> tuple[int, int]:
    interval = query.get("interval", "")
    if interval:
        if interval not in INTERVALS:
            raise Refusal(400, f"invalid interval: {interval}")
        back = INTERVALS[interval]
        return (now_s - back if back else 0), now_s
    if "startTs" not in query:
        raise Refusal(400, "interval or startTs is required")
    return int(query["startTs"]), int(query.get("endTs", now_s))
