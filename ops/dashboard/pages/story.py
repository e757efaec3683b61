"""Story: one trade in the order it happened, from the touch to the last cent."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from domain.decision import Verdict
from domain.record import Record, Utc
from ops.dashboard.desk import Desk
from ops.dashboard.pages.page import Context, NoSuchThing, Page, Params
from ops.dashboard.wording import dollars, number, word
from store.decisions import DecisionRow
from store.desk_trades import DeskTrades, TouchFact
from store.levels import Levels
from store.views import TradeLine, Views

Row = dict[str, Any]
SECOND = timedelta(seconds=1)
DECIDED = {
    Verdict.ENTER: "Decided to buy",
    Verdict.WATCH: "Put on the watchlist",
    Verdict.HOLD: "Not bought for now",
    Verdict.IGNORE: "Not bought, for good",
}


class Event(Record):
    """One thing that happened. `book` holds the sides a decision saw, best first."""

    at: Utc
    kind: str
    title: str
    text: str = ""
    figures: dict[str, str] = {}
    book: dict[str, Any] | None = None
    mono: str = ""  # an id, for copying


async def read(desk: Desk, params: Params) -> Context:
    """Return the story of one trade.

    Raises:
        NoSuchThing: no trade has this id in this mode.
    """
    workflow_id, trades = params["id"], DeskTrades(desk.pool)
    trade = await trades.one(desk.mode, workflow_id)
    touch = await trades.touch(desk.mode, workflow_id)
    if trade is None or touch is None:
        raise NoSuchThing(f"no trade {workflow_id} in mode {desk.mode.value}")
    details = await Views(desk.pool).details(desk.mode, workflow_id)
    over = trade.state in ("settled", "declined", "not_entered")
    return {
        "trade": trade,
        "touch": touch,
        "events": tell(trade, touch, await trades.decisions(workflow_id), details),
        "status": None if over else await desk.status(workflow_id),
        "level": await Levels(desk.pool).get(workflow_id, desk.mode),
        "over": over,
        "workflow_url": desk.workflow_url(workflow_id, trade.run_id),
    }


def tell(
    trade: TradeLine, touch: TouchFact, decisions: list[DecisionRow], details: dict[str, list[Row]]
) -> list[Event]:
    """Return the events of a trade, oldest first."""
    events = [_touched(trade, touch)]
    events += [_decided(row) for row in decisions]
    for order in details["orders"]:
        events += _ordered(order)
    posted = {order["order_id"]: order["first_posted_at"] for order in details["orders"]}
    events += [_filled(fill, posted.get(fill["order_id"])) for fill in details["fills"]]
    events += [_exited(exit_) for exit_ in details["exits"]]
    return sorted(events, key=lambda event: event.at)


def _touched(trade: TradeLine, touch: TouchFact) -> Event:
    size = "unknown size" if touch.size is None else f"{number(touch.size)} shares"
    lag = (touch.seen_at - touch.venue_time).total_seconds()
    return Event(
        at=touch.seen_at,
        kind="touch",
        title=f"{trade.outcome} touched {number(touch.price)}",
        text=f"First touch of {number(trade.threshold)}, by {touch.source}, {size},"
        f" seen {lag:.1f} s after the venue's own time.",
    )


def _decided(row: DecisionRow) -> Event:
    decision = row.decision
    plan = ""
    if decision.limit is not None and decision.stake is not None:
        plan = f" Buy for {dollars(decision.stake)} at {number(decision.limit)} or better."
    version = f" {decision.strategy_version}" if decision.strategy_version else ""
    by = f" of {decision.strategy}{version}" if decision.strategy else ""
    rule = f"{word(row.stage).capitalize()}, rule {word(decision.filter)}"
    return Event(
        at=row.at,
        kind="decision",
        title=DECIDED[decision.verdict],
        text=f"{decision.reason}.{plan} {rule}{by}.",
        figures={name: _figure(value) for name, value in decision.values.items()},
        book=row.book,
    )


def _figure(value: str) -> str:
    """Return a figure as people read it: a time without its date, a hash by its two ends."""
    if len(value) >= 19 and value[4:5] == value[7:8] == "-" and value[10] == "T":
        return value[11:23]
    is_hash = len(value) > 24 and all(c in "0123456789abcdefx" for c in value)
    return f"{value[:8]}…{value[-4:]}" if is_hash else value


def _ordered(order: Row) -> list[Event]:
    verb = "Buy" if order["side"] == "BUY" else "Sell"
    events = [
        Event(
            at=order["created_at"],
            kind="order",
            title=f"{verb} order signed",
            text=f"{number(order['shares'])} shares at {number(order['limit'])} or better,"
            f" {order['tif']}. Posted {order['posts']} time{'s' * (order['posts'] != 1)}"
            f"{_said(order)}.",
            mono=order["order_id"],
        )
    ]
    if order["closed_at"] is not None:
        events.append(
            Event(
                at=order["closed_at"],
                kind="order",
                title=f"{verb} order {word(order['status'])}",
                text=f"{_of(order['filled'], order['shares'])}."
                f" Proof: {order['evidence'] or 'none given'}.",
            )
        )
    return events


def _of(filled: Decimal, asked: Decimal) -> str:
    if filled > asked:  # the same money buys more where the price is better than the limit
        return f"{number(filled)} shares; {number(asked)} were asked for, the price was better"
    return f"{number(filled)} of {number(asked)} shares"


def _said(order: Row) -> str:
    landing = f", the venue's answer: {word(order['landing'])}" if order["landing"] else ""
    return f"{landing} ({order['venue_text'][:200]})" if order["venue_text"] else landing


def _filled(fill: Row, posted: datetime | None) -> Event:
    verb = "Bought" if fill["side"] == "BUY" else "Sold"
    at = fill["matched_at"]
    if posted is not None and posted - SECOND < at < posted:
        at = posted  # the venue tells whole seconds; no fill comes before its order
    return Event(
        at=at,
        kind="fill",
        title=f"{verb} {number(fill['shares'])} at {number(fill['price'])}",
        text=f"{dollars(fill['shares'] * fill['price'])}, fee {dollars(fill['fee'])},"
        f" settlement: {word(fill['status'])}.",
        mono=fill["trade_id"],
    )


def _exited(exit_: Row) -> Event:
    profit = "unknown" if exit_["profit"] is None else dollars(exit_["profit"], signed=True)
    return Event(
        at=exit_["at"],
        kind="exit",
        title=f"{word(exit_['kind']).capitalize()}: profit {profit}",
        text=f"{number(exit_['shares'])} shares, cost {dollars(exit_['cost'])},"
        f" proceeds {dollars(exit_['proceeds'])}, fees {dollars(exit_['fees'])}."
        f" {_sentence(word(exit_['reason']))}".rstrip(),
    )


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}." if text and not text.endswith(".") else text


def marks_of(events: list[Event]) -> list[tuple[datetime, str, str]]:
    """Return what the price chart marks: time, kind, title."""
    return [(e.at, e.kind, e.title) for e in events if e.kind in ("touch", "fill", "exit")]


PAGE = Page(
    "story", "/trades/{id}", "Trade", ("story_head", "story_actions", "story_events"), read, False
)
