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
from domain.money import ONE, Price, Shares
from domain.orders import Side
from domain.record import Record, Utc
from domain.rules import ExitRules

YEAR = timedelta(days=365)


class ExitReason(StrEnum):
    """Why a position is sold."""

    TARGET = "profit_target"
    STOP = "stop_loss"
    TRAILING = "trailing_stop"
    TIME = "time_limit"
    OPERATOR = "operator"


class Held(Record):
    """What an exit decision needs to know of a position."""

    average: Price  # cost of a share, fees not included
    held_since: Utc | None  # None: age unknown (G10)
    peak_bid: Price | None = None  # highest best bid seen while held
    low_readings: int = 0  # consecutive earlier readings at or below the active stop level
    win_probability: Decimal | None = None  # a usable score, else None
    end_time: Utc | None = None
    fee: Fee = Fee()


class ExitCall(Record):
    """`reason` None is hold. `low` tells the caller to count this reading (Q16)."""

    reason: ExitReason | None = None
    text: str
    bid: Price | None = None  # the verified bid to sell at
    low: bool = False


def decide_exit(held: Held, book: Book, rules: ExitRules, now: datetime) -> ExitCall:
    """Return whether to sell now, and why (or why not).

    Without a bid there is nothing to decide: the position stays and is looked at again.
    """
    bid = book.best_bid
    if bid is None:
        return ExitCall(text="nobody bids")
    age = None if held.held_since is None else now - held.held_since
    if age is not None and age < rules.min_hold:
        return ExitCall(text=f"held {_days(age)} of {_days(rules.min_hold)} days", bid=bid)
    if age is not None and rules.max_hold is not None and age >= rules.max_hold:
        return ExitCall(reason=ExitReason.TIME, text=f"held {_days(age)} days", bid=bid)
    if rules.target is not None and bid >= rules.target:
        return _at_target(held, bid, rules, now)
    if age is None and rules.stop_needs_known_age:
        return ExitCall(text="age unknown: profit target only", bid=bid)
    return _stopped(held, book, bid, rules)


def conditional_from(held_since: datetime | None, rules: ExitRules) -> datetime | None:
    """Return when conditional exits begin; None is "now", for an unknown age (Q9)."""
    return None if held_since is None else held_since + rules.min_hold


def holding_value(held: Held, rules: ExitRules, now: datetime) -> Price | None:
    """Return what a share held to resolution is worth now, or None when the end is unknown."""
    if held.end_time is None:
        return None
    wait = max(held.end_time - now, timedelta(0))
    win = ONE if held.win_probability is None else held.win_probability
    return Price(win - rules.capital_cost * Decimal(wait / timedelta(seconds=1)) / _SECONDS)


def stop_level(held: Held, rules: ExitRules) -> tuple[Price, ExitReason] | None:
    """Return the price at or below which the position is sold: fixed or trailing, the higher.

    None where neither is set.
    """
    levels = []
    if rules.stop is not None:
        levels.append((rules.stop, ExitReason.STOP))
    if rules.trailing is not None and held.peak_bid is not None:
        levels.append((Price(held.peak_bid - rules.trailing), ExitReason.TRAILING))
    return max(levels, key=lambda level: level[0], default=None)


def _at_target(held: Held, bid: Price, rules: ExitRules, now: datetime) -> ExitCall:
    """Sell if the bid less its fee beats holding; with an unknown end, if it is a profit."""
    net = bid - held.fee.charge(Shares(Decimal(1)), bid)
    worth = holding_value(held, rules, now)
    if worth is None:
        worth = held.average
        compared = f"entry at {worth}"
    else:
        compared = f"holding at {worth:.6f}"
    if net > worth:
        return ExitCall(reason=ExitReason.TARGET, text=f"{net} beats {compared}", bid=bid)
    return ExitCall(text=f"{net} does not beat {compared}", bid=bid)


def _stopped(held: Held, book: Book, bid: Price, rules: ExitRules) -> ExitCall:
    """Below the stop: believe two readings in a row, or one with depth (Q16)."""
    active = stop_level(held, rules)
    if active is None:
        return ExitCall(text="no stop is set", bid=bid)
    level, reason = active
    if bid > level:
        return ExitCall(text=f"bid {bid} is above {level}", bid=bid)
    readings, depth = held.low_readings + 1, book.depth(Side.SELL, bid)
    if readings >= rules.stop_readings or depth >= rules.stop_depth:
        text = f"bid {bid} is at or below {level} ({readings} readings, {depth} shares)"
        return ExitCall(reason=reason, text=text, bid=bid, low=True)
    return ExitCall(text=f"first reading of {bid} with {depth} shares", bid=bid, low=True)


_SECONDS = Decimal(int(YEAR.total_seconds()))


def _days(span: timedelta) -> str:
    return f"{span / timedelta(days=1):.2f}"
