"""Risk: caps, breakers and the balance ladder, as ordered data with names.

The caps are asked inside the reserving transaction, under the account row's lock; these
functions only compare. Unknown refuses: a balance that could not be read is not zero, it is
no balance (G4, XD-15).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from domain.money import ZERO, Usd, plain
from domain.orders import Side
from domain.record import Record, Utc
from domain.rules import RiskRules
from domain.trade import HaltState


class Exposure(Record):
    """The account as the reserving transaction sees it, this intent not included.

    `positions` counts open positions, open buys and claims that may still buy (XD-11), each
    trade once. The exposures are the cost of shares held plus limit x unfilled of open buys,
    without fees: so that a stake of 20 fits a cap of 20.
    """

    halt: HaltState
    balance: Usd | None
    balance_at: Utc | None
    reserved: Usd
    positions: int
    market: Usd
    event: Usd
    total: Usd
    daily_loss: Usd  # since 00:00 UTC, realised and net of fees; positive is a loss


class Wish(Record):
    """What one intent would add: its cost at the limit, and the funds to promise, with fees."""

    side: Side
    cost: Usd
    funds: Usd


class Breach(Record):
    """A limit that was hit: its name, the value it would take, and what is allowed."""

    limit: str
    value: str
    maximum: str
    text: str


class Cap(NamedTuple):
    """One limit: the value with the wish added may reach the maximum, not pass it."""

    name: str
    text: str
    value: Callable[[Exposure, Wish], Decimal]
    maximum: Callable[[RiskRules], Decimal]


CAPS: tuple[Cap, ...] = (
    Cap(
        name="max_positions",
        text="trades with money in them",
        value=lambda exposure, _: Decimal(exposure.positions + 1),
        maximum=lambda rules: Decimal(rules.max_positions),
    ),
    Cap(
        name="max_per_market",
        text="dollars in one market",
        value=lambda exposure, wish: exposure.market + wish.cost,
        maximum=lambda rules: rules.max_per_market,
    ),
    Cap(
        name="max_per_event",
        text="dollars in one event",
        value=lambda exposure, wish: exposure.event + wish.cost,
        maximum=lambda rules: rules.max_per_event,
    ),
    Cap(
        name="max_total",
        text="dollars in all trades",
        value=lambda exposure, wish: exposure.total + wish.cost,
        maximum=lambda rules: rules.max_total,
    ),
)


def refuse(exposure: Exposure, wish: Wish, rules: RiskRules, now: datetime) -> Breach | None:
    """Return the first limit that forbids this order, or None.

    A SELL takes risk away: only a full halt stops it.
    """
    halted = _halted(exposure.halt, wish.side)
    if halted is not None or wish.side is Side.SELL:
        return halted
    for cap in CAPS:
        value, maximum = cap.value(exposure, wish), cap.maximum(rules)
        if value > maximum:
            text = f"{cap.text}: {plain(value)}, at most {plain(maximum)}"
            return Breach(limit=cap.name, value=plain(value), maximum=plain(maximum), text=text)
    return _loss(exposure.daily_loss, rules.max_daily_loss) or _funds(exposure, wish, rules, now)


def tradeable(balance: Usd, reserved: Usd, floor: Usd) -> Usd:
    """Return what may still be promised: balance less reservations less the reserve floor."""
    return Usd(max(balance - reserved - floor, ZERO))


def _halted(halt: HaltState, side: Side) -> Breach | None:
    if halt is HaltState.ACTIVE or (halt is HaltState.REDUCING and side is Side.SELL):
        return None
    text = f"{side} while {halt}"
    return Breach(limit="halt", value=str(halt), maximum=str(HaltState.ACTIVE), text=text)


def _funds(exposure: Exposure, wish: Wish, rules: RiskRules, now: datetime) -> Breach | None:
    """The balance must be known, young, above the last rung, and cover the funds."""
    balance, at, oldest = exposure.balance, exposure.balance_at, rules.max_balance_age
    most = f"{oldest.total_seconds():g} s"
    if balance is None or at is None:
        text = "the balance is unknown"
        return Breach(limit="balance_known", value="unknown", maximum=most, text=text)
    if now - at > oldest:
        age = f"{(now - at).total_seconds():g} s"
        text = f"the balance is {age} old, at most {most}"
        return Breach(limit="max_balance_age", value=age, maximum=most, text=text)
    if balance < rules.stop_below:
        text = f"balance {plain(balance)} is below {plain(rules.stop_below)}: no entries"
        least = plain(rules.stop_below)
        return Breach(limit="stop_below", value=plain(balance), maximum=least, text=text)
    free = tradeable(balance, exposure.reserved, rules.reserve_floor)
    if wish.funds <= free:
        return None
    wanted, floor = plain(wish.funds), plain(rules.reserve_floor)
    text = f"{wanted} wanted, {plain(free)} free above the reserve of {floor}"
    return Breach(limit="reserve_floor", value=wanted, maximum=plain(free), text=text)


class Record24h(Record):
    """What the breakers look at, over the last 24 hours."""

    order_attempts: int
    order_errors: int
    fills_final: int  # CONFIRMED or FAILED
    fills_failed: int
    daily_loss: Usd


def tripped(seen: Record24h, rules: RiskRules) -> list[Breach]:
    """Return every breaker condition that holds: each one halts entries (`reducing`)."""
    return [
        breach
        for breach in (
            _ratio(
                "max_error_ratio",
                "orders that failed",
                seen.order_errors,
                seen.order_attempts,
                rules.min_error_attempts,
                rules.max_error_ratio,
            ),
            _ratio(
                "max_reversal_ratio",
                "settlements that failed",
                seen.fills_failed,
                seen.fills_final,
                rules.min_reversal_fills,
                rules.max_reversal_ratio,
            ),
            _loss(seen.daily_loss, rules.max_daily_loss),
        )
        if breach is not None
    ]


def _ratio(
    limit: str, text: str, bad: int, all_of: int, least: int, most: Decimal
) -> Breach | None:
    """Too few events say nothing; above the ratio trips, exactly at it does not."""
    if all_of < max(least, 1) or Decimal(bad) / all_of <= most:
        return None
    said = f"{text}: {bad} of {all_of}, at most {most * 100:.1f} %"
    return Breach(limit=limit, value=f"{bad}/{all_of}", maximum=str(most), text=said)


def _loss(loss: Usd, most: Usd) -> Breach | None:
    """A loss that reaches the limit is enough."""
    if loss < most:
        return None
    text = f"dollars lost today: {plain(loss)}, entries stop at {plain(most)}"
    return Breach(limit="max_daily_loss", value=plain(loss), maximum=plain(most), text=text)


class Rung(StrEnum):
    """The balance ladder (Q10), from good to bad. `stop` and `unknown` forbid entries."""

    OK = "ok"
    NO_ENTRIES = "no_entries"  # nothing tradeable, balance itself fine
    WARNING = "warning"
    ALERT = "alert"
    STOP = "stop"
    UNKNOWN = "unknown"


def rung(balance: Usd | None, reserved: Usd, rules: RiskRules) -> Rung:
    """Return where the account stands; a bound itself still belongs to the better rung."""
    if balance is None:
        return Rung.UNKNOWN
    if balance < rules.stop_below:
        return Rung.STOP
    if balance < rules.alert_below:
        return Rung.ALERT
    if balance < rules.warn_below:
        return Rung.WARNING
    free = tradeable(balance, reserved, rules.reserve_floor)
    return Rung.OK if free > 0 else Rung.NO_ENTRIES
