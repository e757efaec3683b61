"""What goes into and comes out of TradeWorkflow: one frozen model each way."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from pydantic import Field

from domain.money import Price, Shares, Usd
from domain.record import Id, Record, Utc
from domain.trade import Stage
from domain.trigger import Trigger

WORKFLOW = "TradeWorkflow"


class Adoption(Record):
    """Shares or an order found without a living trade; the trade then starts in HOLDING.

    `cost` None means the cost basis is unknown; `age_source` says how `held_since` is known
    (`actual` from the trade history, `unknown` otherwise: spec 13, G10).
    """

    cause: str
    held_since: Utc
    age_source: str = "unknown"
    cost: Usd | None = None


class TradeStart(Record):
    """Start a trade from its trigger; `carried` is set by continue-as-new alone."""

    trigger: Trigger
    adoption: Adoption | None = None
    carried: dict[str, object] | None = None  # a TradeState, see workflows/state.py


class VenueEvent(Record):
    """The user stream said something about one of our orders. A hint to look, never a fact."""

    order_id: Id
    kind: str  # the venue's event: placement, update, cancellation, matched, confirmed, failed …
    trade_id: str | None = None


class LevelReached(Record):
    """The price of the token stands at or beyond a watched level. A hint to look."""

    token_id: Id
    price: Price
    at: Utc


class Approve(Record):
    """A person says yes. Price, book, funds and limits are checked again afterwards."""

    who: Id
    why: str = ""


class Reject(Record):
    """A person says no: the trade is declined for good."""

    who: Id
    why: str = ""


class ExitNow(Record):
    """Sell what is held, through the exit gate, at `min_price` or better where given."""

    who: Id
    why: str = ""
    min_price: Price | None = Field(default=None, ge=0, lt=1)


class SetLevels(Record):
    """Replace the target and the stop of this trade; None removes the level."""

    who: Id
    target: Price | None = Field(default=None, gt=0, lt=1)
    stop: Price | None = Field(default=None, gt=0, lt=1)


class Abandon(Record):
    """Stop looking after the trade: working orders are cancelled, shares stay, unmanaged."""

    who: Id
    why: str = ""


class Answer(Record):
    """What an update did, in plain words for the person who sent it."""

    text: str
    stage: Stage


class TradeStatus(Record):
    """The answer of the query `status`."""

    stage: Stage
    question: str
    outcome: str
    shares: Shares
    cost: Usd
    order_id: str | None
    note: str
    approval_ends: Utc | None = None
    target: Price | None = None
    stop: Price | None = None


class TradeResult(Record):
    """How a completed trade ended. Money in dollars, six places."""

    ending: Stage  # settled, declined or abandoned
    reason: str
    shares: Shares = Shares(Decimal(0))
    cost: Usd = Usd(Decimal(0))
    proceeds: Usd = Usd(Decimal(0))
    fees: Usd = Usd(Decimal(0))
    profit: Usd | None = None


NOT_ENTERED = "NotEntered"  # type of the failure that leaves the id free for a later touch
HISTORY_LIMIT = 2_000  # events after which a trade continues as new
STOP_WAIT = timedelta(seconds=60)  # an abandoned trade waits this long for its order's fate
