"""The story of a market in plain words: touches, decisions, orders, fills, the end. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from domain.decision import Decision, Verdict
from domain.record import Record, Utc
from store.decisions import DecisionRow
from store.touches import LostTouch
from store.views import TradeLine

ANSWER = {
    Verdict.ENTER: "enter: buy",
    Verdict.WATCH: "watch: not now, look again every hour",
    Verdict.HOLD: "hold: not now",
    Verdict.IGNORE: "ignore: nothing for us",
}
NEAR = timedelta(minutes=10)
Rows = Sequence[Mapping[str, object]]


class Line(Record):
    """One thing that happened."""

    at: Utc
    text: str


def of_trade(trade: TradeLine, details: Mapping[str, Rows]) -> list[Line]:
    """Tell one trade: its touch, its orders, its fills, how shares left it, how it ended."""
    said = f"{trade.outcome} touched {_plain(trade.touched)} (threshold {_plain(trade.threshold)})"
    lines = [Line(at=trade.seen_at, text=said)]
    lines += [Line(at=_time(o, "created_at"), text=_order(o)) for o in details.get("orders", ())]
    lines += [Line(at=_time(f, "matched_at"), text=_fill(f)) for f in details.get("fills", ())]
    lines += [Line(at=_time(e, "at"), text=_exit(e)) for e in details.get("exits", ())]
    if trade.closed_at is not None:
        paid = "" if trade.payout is None else f", each share paid {_plain(trade.payout)}"
        text = f"over ({trade.state}{paid}): profit {_plain(trade.profit)} USD after fees"
        lines.append(Line(at=trade.closed_at, text=text))
    return lines


def of_decision(row: DecisionRow) -> Line:
    """Tell one decision with its rule, its figures and who decided."""
    decision = row.decision
    parts = [f"{row.stage}: {ANSWER[decision.verdict]}, because {decision.reason}"]
    parts.append(f"rule {decision.filter}")
    if decision.limit is not None:
        parts.append(f"at most {_plain(decision.limit)} a share for {_plain(decision.stake)} USD")
    if decision.values:
        parts.append(", ".join(f"{name} {value}" for name, value in decision.values.items()))
    if decision.strategy:
        parts.append(f"strategy {decision.strategy} {decision.strategy_version}{_score(decision)}")
    return Line(at=row.at, text="; ".join(parts))


def of_lost(touch: LostTouch) -> Line:
    """Tell a touch that started no trade."""
    return Line(at=touch.seen_at, text=f"touch {touch.kind}: {touch.reason}")


def tell(lines: Iterable[Line], at: datetime | None = None) -> list[Line]:
    """Return the lines in order; around `at` only, or the nearest one when none is near."""
    ordered = sorted(lines, key=lambda line: line.at)
    if at is None or not ordered:
        return ordered
    near = [line for line in ordered if abs(line.at - at) <= NEAR]
    return near or [min(ordered, key=lambda line: abs(line.at - at))]


def _score(decision: Decision) -> str:
    return "" if decision.score is None else f", score {decision.score}"


def _order(row: Mapping[str, object]) -> str:
    said = f": {row['venue_text']}" if row["venue_text"] else ""
    proof = f" ({row['evidence']})" if row["evidence"] else ""
    return (
        f"{row['leg']} order {str(row['order_id'])[:12]}…: {row['side']} {_plain(row['shares'])}"
        f" at {_plain(row['limit'])} or better, {row['status']}{said}{proof}"
    )


def _fill(row: Mapping[str, object]) -> str:
    return (
        f"{row['side']} of {_plain(row['shares'])} filled at {_plain(row['price'])},"
        f" fee {_plain(row['fee'])}, {row['status']}"
    )


def _exit(row: Mapping[str, object]) -> str:
    profit = "unknown" if row["profit"] is None else f"{_plain(row['profit'])} USD"
    return f"{_plain(row['shares'])} shares left by {row['kind']}: profit {profit} {row['reason']}"


def _time(row: Mapping[str, object], name: str) -> datetime:
    at = row[name]
    assert isinstance(at, datetime)  # noqa: S101 - the column's type
    return at


def _plain(value: object) -> str:
    """Return a number without needless zeros."""
    return f"{value.normalize():f}" if isinstance(value, Decimal) else str(value)
