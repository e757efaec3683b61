"""The report of a run: what came in, what was decided, what was earned, and the judgement."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import asyncpg

from domain.market import Mode
from domain.money import Usd
from domain.record import Record
from ops.report.judge import Judgement, judge
from ops.report.ledger import read_ledger
from store.books import BookKeeping
from store.views import TradeLine, Views

BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)  # older than any row


class TradeCounts(Record):
    """Trades by ending. `open` and `unknown` are zero after a tape that was played out."""

    settled: int = 0
    not_entered: int = 0
    declined: int = 0
    open: int = 0
    unknown: int = 0
    abandoned: int = 0


class Percentiles(Record):
    """Milliseconds; None when nothing was posted."""

    p50: Decimal | None
    p95: Decimal | None
    p99: Decimal | None


class Latency(Record):
    """How long the steps of a trade took."""

    touch_to_post: Percentiles


class Report(Record):
    """The report that `up --report FILE` writes."""

    source: str
    markets: int
    frames: int
    triggers: int
    decisions: dict[str, int]
    trades: TradeCounts
    orders: int
    fills: int
    profit_usd: Usd
    fees_usd: Usd
    latency_ms: Latency
    judge: Judgement


_ENDINGS = {"screening": "open", "entering": "open", "holding": "open"}


def count(trades: list[TradeLine]) -> TradeCounts:
    """Return trades by ending; whatever still goes on is open."""
    counts: dict[str, int] = {}
    for trade in trades:
        ending = _ENDINGS.get(trade.state, trade.state)
        counts[ending] = counts.get(ending, 0) + 1
    return TradeCounts(**counts)


async def build_report(
    pool: asyncpg.Pool[Any], mode: Mode, status: dict[str, Any], ledger: dict[str, Any]
) -> Report:
    """Return the report from our store and the sim's `/status` and `/ledger`."""
    views = Views(pool)
    totals = await views.totals(mode, BEGINNING)
    p50, p95, p99 = await views.touch_to_post(mode, BEGINNING)
    return Report(
        source=str(status.get("source", "")),
        markets=int(status.get("markets", 0)),
        frames=int(status.get("frames_sent", 0)),
        triggers=totals.triggers,
        decisions=await views.reasons(mode, BEGINNING),
        trades=count(await views.trades(mode, limit=1_000_000)),
        orders=totals.orders,
        fills=totals.fills,
        profit_usd=totals.profit,
        fees_usd=totals.fees,
        latency_ms=Latency(touch_to_post=Percentiles(p50=p50, p95=p95, p99=p99)),
        judge=judge(await BookKeeping(pool).read(mode), read_ledger(ledger)),
    )
