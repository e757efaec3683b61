"""The report of a replay: what was decided, why, what it earned, and how sure one may be."""

from __future__ import annotations

from collections import Counter
from math import sqrt

from domain.money import ZERO, Usd
from domain.record import Record
from ops.replay.engine import Replay
from ops.replay.events import Recording
from ops.replay.trades import Decided, TradeRow

Z = 1.959964  # 95 %


class Counted(Record):
    """How often one rule decided."""

    verdict: str
    filter: str
    times: int
    example: str


class WinRate(Record):
    """Won trades of all that ended, with Wilson's 95 % interval, and what was needed."""

    won: int
    ended: int
    rate: str | None
    low: str | None
    high: str | None
    break_even: str | None  # mean cost of a share, with fees: what must be won to lose nothing


class ReplayReport(Record):
    """Everything one replay showed. Dollars with six places."""

    source: str
    attribution: str
    strategy: str
    strategy_version: str
    delay_ms: int
    markets: int
    events: int
    prints: int
    touches: int
    reasons: tuple[Counted, ...]
    trades: tuple[TradeRow, ...]
    decisions: tuple[Decided, ...]
    paid_usd: Usd
    fees_usd: Usd
    profit_usd: Usd  # of ended trades, after fees
    open_usd: Usd  # what the open ones would add at their best bid, before fees
    balance_usd: Usd
    wins: WinRate


def build(
    recording: Recording, replay: Replay, name: str, version: str, delay_ms: int, balance: Usd
) -> ReplayReport:
    """Return the report of a finished replay."""
    rows = tuple(trade.row(replay.bid(trade)) for trade in replay.trades.values())
    return ReplayReport(
        source=recording.source,
        attribution=recording.attribution,
        strategy=name,
        strategy_version=version,
        delay_ms=delay_ms,
        markets=len(recording.markets),
        events=replay.events,
        prints=replay.prints,
        touches=replay.touches,
        reasons=_reasons(replay.decisions),
        trades=rows,
        decisions=tuple(replay.decisions),
        paid_usd=_add([row.paid for row in rows]),
        fees_usd=_add([row.fees for row in rows]),
        profit_usd=_add([row.profit for row in rows if row.profit is not None]),
        open_usd=_add([row.unrealised for row in rows if row.unrealised is not None]),
        balance_usd=balance,
        wins=win_rate(rows),
    )


def win_rate(rows: tuple[TradeRow, ...]) -> WinRate:
    """Return the rate of ended trades with a profit, and how far off it may be."""
    ended = [row for row in rows if row.profit is not None]
    won = sum(row.profit is not None and row.profit > 0 for row in ended)
    bought = sum((row.shares for row in ended), ZERO)
    spent = sum((row.paid + row.fees for row in ended), ZERO)
    low, high = wilson(won, len(ended))
    return WinRate(
        won=won,
        ended=len(ended),
        rate=f"{won / len(ended):.4f}" if ended else None,
        low=low,
        high=high,
        break_even=f"{spent / bought:.4f}" if bought else None,
    )


def wilson(won: int, ended: int) -> tuple[str | None, str | None]:
    """Return Wilson's 95 % interval of a proportion, or nothing without trades."""
    if not ended:
        return None, None
    share, weight = won / ended, Z * Z / ended
    middle = share + weight / 2
    reach = Z * sqrt(share * (1 - share) / ended + weight / (4 * ended))
    bounds = ((middle - reach) / (1 + weight), (middle + reach) / (1 + weight))
    return f"{bounds[0]:.4f}", f"{bounds[1]:.4f}"


def _reasons(decisions: list[Decided]) -> tuple[Counted, ...]:
    times = Counter((d.decision.verdict.value, d.decision.filter) for d in decisions)
    examples = {
        (d.decision.verdict.value, d.decision.filter): d.decision.reason
        for d in reversed(decisions)
    }
    return tuple(
        Counted(verdict=key[0], filter=key[1], times=count, example=examples[key])
        for key, count in times.most_common()
    )


def _add(amounts: list[Usd]) -> Usd:
    return Usd(sum(amounts, ZERO))
