"""Orders: what we want, what we signed, what one post proved, and what the venue says now."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum

from domain.market import Mode
from domain.money import Price, Shares, Usd
from domain.record import Id, Record, Utc


class Side(StrEnum):
    """Direction of an order. We are long only: BUY enters, SELL exits (EXE-M2)."""

    BUY = "BUY"
    SELL = "SELL"


class Leg(StrEnum):
    """Which part of the trade an order serves."""

    ENTRY = "entry"
    EXIT = "exit"


class TimeInForce(StrEnum):
    """FAK fills what it can now; FOK all or nothing; GTC rests; GTD rests until its end."""

    FAK = "FAK"
    FOK = "FOK"
    GTC = "GTC"
    GTD = "GTD"


class Intent(Record):
    """One order we decided to place. Key: (workflow_id, leg, attempt); never random.

    `shares` is what we ask for; `limit` the worst price per share; `funds` the dollars that
    must be promised for a BUY, fees included (0 for a SELL).
    """

    mode: Mode
    workflow_id: Id
    run_id: Id
    leg: Leg
    attempt: int
    condition_id: Id
    token_id: Id
    event_id: str | None = None
    side: Side
    tif: TimeInForce
    limit: Price
    shares: Shares
    funds: Usd
    tick: Price
    neg_risk: bool = False
    expires_at: Utc | None = None  # GTD only
    post_before: Utc  # past this the intent is stale: no first post, no repeat
    settings_hash: str = ""


class SignedOrder(Record):
    """Bytes ready to post. `order_id` is the EIP-712 hash, hence the venue's order id.

    `body` is the exact request body; posting it twice is the same order (facts 1.5, 2.6).
    """

    order_id: Id
    body: str
    maker_amount: Decimal  # what we give, dollars (BUY) or shares (SELL)
    taker_amount: Decimal  # what we get at least, shares (BUY) or dollars (SELL)
    signed_at: Utc


class Landing(StrEnum):
    """What one post proved about the order; nothing here speaks of settled fills."""

    LANDED = "landed"  # the venue knows the id: live, matched or delayed
    KILLED = "killed"  # FAK/FOK found nothing to match: it is over, no fill
    REFUSED = "refused"  # it did not happen and will not
    NOT_READY = "not_ready"  # it did not happen; the same bytes may be posted later
    UNKNOWN = "unknown"  # it may have happened


class OrderStatus(StrEnum):
    """Life of an order in our store. Terminal: filled, cancelled, killed, refused, expired."""

    PREPARED = "prepared"  # signed and stored, perhaps posted
    UNKNOWN = "unknown"  # posted, fate not known
    LIVE = "live"
    PARTIAL = "partial"  # live with fills
    FILLED = "filled"
    CANCELLED = "cancelled"  # any filled part is kept
    KILLED = "killed"
    REFUSED = "refused"
    EXPIRED = "expired"

    @property
    def terminal(self) -> bool:
        """Return whether the venue can no longer fill this order."""
        return self in _TERMINAL


_TERMINAL = frozenset(
    {
        OrderStatus.FILLED,
        OrderStatus.CANCELLED,
        OrderStatus.KILLED,
        OrderStatus.REFUSED,
        OrderStatus.EXPIRED,
    }
)


class FillStatus(StrEnum):
    """Settlement of one fill: provisional until CONFIRMED; FAILED reverses it once (3.7)."""

    MATCHED = "matched"
    MINED = "mined"
    RETRYING = "retrying"
    CONFIRMED = "confirmed"
    FAILED = "failed"


class Fill(Record):
    """One match of one of our orders. Key: (trade_id, order_id); applied once (XD-10)."""

    trade_id: Id  # the venue's trade id; a split trade adds its bucket, see venue/
    order_id: Id
    token_id: Id
    side: Side
    price: Price
    shares: Shares
    fee: Usd = Usd(Decimal(0))
    status: FillStatus
    matched_at: Utc
    maker: bool = False


class VenueOrder(Record):
    """An order as the venue reports it; the venue forgets terminal ones (facts 0.1 item 3)."""

    order_id: Id
    condition_id: str
    token_id: Id
    side: Side
    status: OrderStatus
    original: Shares
    matched: Shares | None  # None when the venue sent an empty string
    price: Price
    created_at: Utc | None = None
