"""Stored order: an order as the store knows it, its row, and the refusals it may meet."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any

from domain.money import ZERO, Shares, shares
from domain.orders import Intent, Landing, OrderStatus, SignedOrder
from domain.record import Record, Utc
from domain.trade import HaltState
from store.audit import Connection
from store.errors import UnknownOrder

_INTENT = (
    "mode workflow_id run_id leg attempt condition_id token_id event_id side tif shares funds "
    "tick neg_risk expires_at post_before settings_hash"
).split()
_SIGNED = "order_id body maker_amount taker_amount signed_at".split()
_STATE = (
    "status filled first_posted_at last_posted_at posts answers matched landing venue_text "
    "evidence created_at closed_at adopted cancel_answered_at absent_at "
    "lived cancel_lived absent_lived"
).split()

ORDER_COLUMNS = ", ".join(["limit_price", *_INTENT, *_SIGNED, *_STATE])
ORDER_SELECT = f"SELECT {ORDER_COLUMNS} FROM orders"  # noqa: S608 - column names above


class Limit(StrEnum):
    """What refused an order."""

    CLAIM = "claim"  # the trade does not hold its claim
    HALTED = "halted"
    REDUCING = "reducing"
    BALANCE_UNKNOWN = "balance_unknown"
    BALANCE_STALE = "balance_stale"
    STOP_BELOW = "stop_below"  # the last rung of the ladder (Q10)
    MAX_POSITIONS = "max_positions"
    MAX_PER_MARKET = "max_per_market"
    MAX_PER_EVENT = "max_per_event"
    MAX_TOTAL = "max_total"
    MAX_DAILY_LOSS = "max_daily_loss"
    FUNDS = "funds"  # tradeable = balance - unsettled - reservations - reserve floor
    CONTENDED = "contended"  # the limit was freed while we looked: ask again
    HELD = "held"  # a SELL of more than the trade holds and does not already offer


_TEXTS = {
    Limit.CLAIM: "expected this run to hold the claim of the trade, was not so",
    Limit.HALTED: "expected an active account, was halted",
    Limit.REDUCING: "expected an active account, was reducing: exits only",
    Limit.BALANCE_UNKNOWN: "expected a known balance, was unknown",
    Limit.BALANCE_STALE: "expected a balance of at most {maximum} s, was {value} s old",
    Limit.STOP_BELOW: "expected a balance of at least {maximum} USD, was {value}",
    Limit.MAX_POSITIONS: "expected at most {maximum} open trades, was {value}",
    Limit.MAX_PER_MARKET: "expected at most {maximum} USD in the market, was {value}",
    Limit.MAX_PER_EVENT: "expected at most {maximum} USD in the event, was {value}",
    Limit.MAX_TOTAL: "expected at most {maximum} USD at work, was {value}",
    Limit.MAX_DAILY_LOSS: "expected less than {maximum} USD lost today, was {value}",
    Limit.FUNDS: "expected at most {maximum} USD, all that is free above the floor, was {value}",
    Limit.CONTENDED: "expected a free account, was changing at that moment: ask again",
    Limit.HELD: "expected at most {maximum} shares, all that is held and not offered, was {value}",
}


class Refusal(Record):
    """The limit that an order would break; nothing of the order was kept."""

    limit: Limit
    value: Decimal | None
    maximum: Decimal | None
    text: str


class StoredOrder(Record):
    """An order as the store knows it. `filled` counts every fill that did not fail."""

    intent: Intent
    signed: SignedOrder
    status: OrderStatus
    filled: Shares
    first_posted_at: Utc | None
    last_posted_at: Utc | None = None
    posts: int
    answers: int = 0  # posts that were answered; fewer than posts: one may still be under way
    matched: Shares | None = None  # executed at once, as the post's answer said
    landing: Landing | None
    venue_text: str
    evidence: str = ""
    created_at: Utc
    closed_at: Utc | None
    adopted: bool = False
    cancel_answered_at: Utc | None = None  # when the venue first answered a cancel
    absent_at: Utc | None = None  # since when the venue's lists do not hold it; adopted ones only
    lived: timedelta | None = None  # time since the last post in which it was really watched
    cancel_lived: timedelta | None = None  # of that, when a cancel was first answered
    absent_lived: timedelta | None = None  # of that, when an adopted one was first missing

    def watched_since(self, mark: timedelta | None) -> timedelta:
        """Return how long the order was watched since a mark of `lived`; zero without one."""
        return timedelta(0) if mark is None or self.lived is None else self.lived - mark

    @property
    def unfilled(self) -> Shares:
        """Return the shares that may still come; 0 once the order is closed."""
        if self.closed_at is not None:
            return Shares(ZERO)
        return Shares(max(ZERO, self.intent.shares - self.filled))


class PostPermit(Record):
    """Whether the bytes may leave now. `posts` counts this one when allowed."""

    allowed: bool
    halt: HaltState
    posts: int
    status: OrderStatus


async def read_order(connection: Connection, order_id: str) -> StoredOrder:
    """Return one order in the caller's transaction.

    Raises:
        UnknownOrder: nothing with this id was prepared.
    """
    row = await connection.fetchrow(ORDER_SELECT + " WHERE order_id = $1", order_id)
    return to_order(known_row(row, order_id))


def to_order(row: Any) -> StoredOrder:
    """Return the order of a row with the columns of this module."""
    data = dict(row)
    intent = Intent(limit=data["limit_price"], **{k: data[k] for k in _INTENT})
    signed = SignedOrder(**{k: data[k] for k in _SIGNED})
    return StoredOrder(intent=intent, signed=signed, **{k: data[k] for k in _STATE})


def known_row(row: Any, order_id: str) -> Any:
    if row is None:
        raise UnknownOrder(f"expected a prepared order, was {order_id!r}")
    return row


def new_row(intent: Intent, signed: SignedOrder | None, at: datetime) -> dict[str, object]:
    data = intent.model_dump(mode="json")
    data["limit_price"] = data.pop("limit")
    given = signed.model_dump(mode="json") if signed else {"body": "", **_NO_AMOUNTS}
    return {**data, **given, **_NEW, "created_at": at}


_NO_AMOUNTS = {"maker_amount": "0", "taker_amount": "0"}
_NEW = {
    "status": "prepared",
    "filled": "0",
    "posts": 0,
    "answers": 0,
    "venue_text": "",
    "evidence": "",
    "adopted": False,
    "unexplained": "0",
    "reason": "",
}


def fresh_order(intent: Intent, signed: SignedOrder, at: datetime) -> StoredOrder:
    return StoredOrder(
        intent=intent,
        signed=signed,
        status=OrderStatus.PREPARED,
        filled=shares(0),
        first_posted_at=None,
        posts=0,
        landing=None,
        venue_text="",
        created_at=at,
        closed_at=None,
    )


def to_refusal(row: Any) -> Refusal:
    limit = Limit(row["refused_by"])
    value, maximum = row["value"], row["maximum"]
    text = _TEXTS[limit].format(value=_short(value), maximum=_short(maximum))
    return Refusal(limit=limit, value=value, maximum=maximum, text=text)


def _short(value: Decimal | None) -> str:
    return "unknown" if value is None else f"{value.normalize():f}"
