"""Answers of the venue port that have no place in the domain."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Literal

from domain.market import Market
from domain.money import Price, Shares, Usd
from domain.orders import Landing, OrderStatus
from domain.record import Id, Record, Utc
from venue.errors import RefusalKind


class Post(Record):
    """What posting the stored bytes proved.

    `landing` is the verdict over all attempts; `attempt` what this attempt alone proved: a
    refusal of a repeat says nothing of an earlier post that was never answered (facts 2.6).
    `status` is set only when the answer settles it; None means look the order up.
    """

    landing: Landing
    attempt: Landing
    status: OrderStatus | None = None
    text: str = ""  # the venue's words, for people
    kind: RefusalKind | None = None
    matched: Shares | None = None  # executed at once by the answer; None: it does not say
    trade_ids: tuple[str, ...] = ()
    retry_after: timedelta | None = None
    duplicated: bool = False


class CancelState(StrEnum):
    """done: it was open and is not now; ended: over before; absent: the venue has no such order."""

    DONE = "done"
    ENDED = "ended"
    ABSENT = "absent"
    KEPT = "kept"  # not cancelled for another reason, e.g. delayed


class Cancel(Record):
    """Answer to one cancel. It does not undo matches: read the fills afterwards (facts 2.8)."""

    order_id: Id
    cancelled: bool
    state: CancelState
    reason: str = ""


class VenuePosition(Record):
    """Shares of one token our wallet holds, as the indexer sees them (seconds late)."""

    token_id: Id
    condition_id: Id
    shares: Shares
    outcome: str = ""
    redeemable: bool = False
    opened_at: Utc | None = None  # first entry, where the venue says it


class Redemption(Record):
    """Answer to one redeem. `pending` holds the transaction to ask about again."""

    state: Literal["done", "nothing", "pending"]
    tx: str = ""


class PaidOut(Record):
    """What redemptions of one token burnt and brought, by the indexer: doubles, cut to six."""

    token_id: Id
    shares: Shares
    usd: Usd


class Print(Record):
    """One public trade, read back after a gap in the stream."""

    condition_id: Id
    token_id: Id
    price: Price
    size: Shares | None
    venue_time: Utc
    outcome: str = ""
    outcome_index: int = 0
    tx: str = ""


class CataloguePage(Record):
    """One keyset page of markets; `skipped` counts rows left out, by reason."""

    markets: tuple[Market, ...]
    skipped: dict[str, int] = {}
    next_cursor: str | None = None


class Geoblock(Record):
    """Whether the venue blocks the address we call from."""

    blocked: bool
    country: str = ""
    region: str = ""


class Allowance(Record):
    """The venue's cached view of our collateral and what each exchange may spend, in dollars."""

    balance: Decimal
    allowances: dict[str, Decimal] = {}


class TradingFacts(Record):
    """What signing and fees need of one market; cached, see `facts`."""

    condition_id: Id
    tick: Price
    min_size: Shares
    accepting: bool
    neg_risk: bool
    taker_delay: bool
    fee_rate: Decimal
    fee_exponent: int
    fee_taker_only: bool
    token_ids: tuple[str, ...]
    protocol: str
    read_at: datetime
