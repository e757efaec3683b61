"""Exits: when a position is sold before resolution (spec 12, Q9, Q11, Q16).

A young position is held to resolution whatever the price. Selling at the target must beat
holding: a share held pays its win probability later, and money tied up costs `capital_cost`
a year. Without a score the share is taken to win for sure, which is the hardest test.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from domain.book import Book
from domain.market import Fee
from domain.money import ONE, Price, Shares, plain
from domain.orders import Side
from domain.positions import Position
from domain.record import Record, Utc
from domain.rules import ExitRules

_YEAR = Decimal(365 * 24 * 3600)


class ExitCause(StrEnum):
    """Why a position is sold."""

    TARGET = "profit_target"
    STOP = "stop_loss"
    TRAILING = "trailing_stop"
    TIME = "time_limit"


class ExitReading(Record):
    """What is remembered from look to look."""

    high: Price | None = None  # highest best bid seen while held
    below_stop: int = 0  # consecutive readings at or below the stop


class ExitContext(Record):
    """What an exit decision looks at; None is unknown."""

    position: Position
    book: Book
    now: Utc
    held_since: Utc | None
    age_known: bool = True  # False: adopted, nobody can say how old (G10, Q9)
    reading: ExitReading = ExitReading()
    win_probability: Decimal | None = None  # a usable score
    end_time: Utc | None = None
    fee: Fee = Fee()

    @property
    def age(self) -> timedelta | None:
        """Return how long the position has been held, or None when that is not known."""
        if self.held_since is None or not self.age_known:
            return None
        return self.now - self.held_since


class ExitSignal(Record):
    """Whether to sell now, at the best bid, and why or why not; what to remember."""

    exit: bool = False
    cause: ExitCause | None = None
    reason: str
    reading: ExitReading


def check_exit(context: ExitContext, rules: ExitRules) -> ExitSignal:
    """Return whether to sell now. Without a bid there is nothing to decide: look again."""
    bid = context.book.best_bid
    if bid is None:
        return ExitSignal(reason="nobody bids", reading=context.reading)
    high = bid if context.reading.high is None else Price(max(context.reading.high, bid))
    seen = context.model_copy(update={"reading": context.reading.model_copy(update={"high": high})})
    return _by_age(seen, rules) or _by_price(seen, bid, rules)


def conditional_from(held_since: datetime | None, rules: ExitRules) -> datetime | None:
    """Return when conditional exits begin; None is "now", for an unknown age (Q9)."""
    return None if held_since is None else held_since + rules.min_hold


def holding_value(context: ExitContext, rules: ExitRules) -> Price | None:
    """Return what a share held to resolution is worth now, or None when the end is unknown."""
    if context.end_time is None:
        return None
    wait = max(context.end_time - context.now, timedelta(0))
    win = ONE if context.win_probability is None else context.win_probability
    return Price(win - rules.capital_cost * Decimal(str(wait.total_seconds())) / _YEAR)


def stop_level(high: Price | None, rules: ExitRules) -> tuple[Price, ExitCause] | None:
    """Return the price at or below which the position is sold: fixed or trailing, the higher.

    None where neither is set.
    """
    levels = []
    if rules.stop is not None:
        levels.append((rules.stop, ExitCause.STOP))
    if rules.trailing is not None and high is not None:
        levels.append((Price(high - rules.trailing), ExitCause.TRAILING))
    return max(levels, key=lambda level: level[0], default=None)


def _by_age(context: ExitContext, rules: ExitRules) -> ExitSignal | None:
    """Too young for any price, or old enough to go at any."""
    age = context.age
    if age is None:
        return None
    if age < rules.min_hold:
        return _stay(context, f"held {_days(age)} of {_days(rules.min_hold)} days")
    if rules.max_hold is not None and age >= rules.max_hold:
        return _sell(context, ExitCause.TIME, f"held {_days(age)} days")
    return None


def _by_price(context: ExitContext, bid: Price, rules: ExitRules) -> ExitSignal:
    if rules.target is not None and bid >= rules.target:
        return _at_target(context, bid, rules)
    if context.age is None and rules.stop_needs_known_age:
        return _stay(context, "age unknown: profit target only")
    return _at_stop(context, bid, rules)


def _at_target(context: ExitContext, bid: Price, rules: ExitRules) -> ExitSignal:
    """Sell if the bid less its fee beats holding; with an unknown end, if it is a profit."""
    net = bid - context.fee.charge(Shares(ONE), bid)
    worth = holding_value(context, rules)
    if worth is None:
        worth = context.position.average or Price(ONE)
        compared = f"entry at {plain(worth)}"
    else:
        compared = f"holding at {worth:.6f}"
    if net > worth:
        return _sell(context, ExitCause.TARGET, f"{plain(net)} beats {compared}")
    return _stay(context, f"{plain(net)} does not beat {compared}")


def _at_stop(context: ExitContext, bid: Price, rules: ExitRules) -> ExitSignal:
    """Below the stop: believe two readings in a row, or one with depth (Q16)."""
    active = stop_level(context.reading.high, rules)
    if active is None:
        return _stay(context, "no stop is set")
    level, cause = active
    if bid > level:
        return _stay(context, f"bid {plain(bid)} is above {plain(level)}")
    low, depth = context.reading.below_stop + 1, context.book.depth(Side.SELL, bid)
    if low >= rules.stop_readings or depth >= rules.stop_depth:
        said = f"bid {plain(bid)} is at or below {plain(level)}"
        seen = f"({low} readings, {plain(depth)} shares)"
        return _sell(context, cause, f"{said} {seen}", low=low)
    return _stay(context, f"first reading of {plain(bid)}, {plain(depth)} shares", low=low)


def _sell(context: ExitContext, cause: ExitCause, reason: str, *, low: int = 0) -> ExitSignal:
    reading = context.reading.model_copy(update={"below_stop": low})
    return ExitSignal(exit=True, cause=cause, reason=f"{cause}: {reason}", reading=reading)


def _stay(context: ExitContext, reason: str, *, low: int = 0) -> ExitSignal:
    reading = context.reading.model_copy(update={"below_stop": low})
    return ExitSignal(reason=reason, reading=reading)


def _days(span: timedelta) -> str:
    return f"{span / timedelta(days=1):.2f}"
