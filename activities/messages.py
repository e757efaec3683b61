"""What activities take and return: one frozen model each way, no bytes of signed orders."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum

from domain.decision import Decision, DecisionStage
from domain.market import Fee, Mode, Resolution
from domain.money import Price, Shares, Usd
from domain.orders import Landing, Leg, OrderStatus, Side, TimeInForce
from domain.record import Id, Record, Utc
from domain.rules import ExitRules, PaceRules, WatchRules
from domain.trade import Stage
from domain.trigger import Trigger

ZERO_SHARES = Shares(Decimal(0))
ZERO_USD = Usd(Decimal(0))


class TradeKey(Record):
    """Which trade: `owner` is the first run of the chain, so that a reset keeps its claim."""

    mode: Mode
    workflow_id: Id
    owner: Id
    condition_id: Id
    token_id: Id
    threshold: Price


class TradePlan(Record):
    """The settings one trade is run by, taken once and kept; the market's facts beside them."""

    pace: PaceRules = PaceRules()
    exits: ExitRules = ExitRules()
    watch: WatchRules = WatchRules()
    entry_attempts: int = 1
    retry_after_s: int = 300
    end_time: Utc | None = None
    fee: Fee = Fee()
    strategy: str = ""
    settings_hash: str = ""


class OrderRef(Record):
    """A stored, signed order by its id; the bytes stay in the database."""

    order_id: Id
    leg: Leg
    attempt: int
    side: Side
    tif: TimeInForce
    limit: Price
    shares: Shares
    post_before: Utc
    expires_at: Utc | None = None


class OpenRequest(Record):
    """Claim, screen and, if the answer is ENTER, prepare the entry: one step."""

    key: TradeKey
    trigger: Trigger
    stage: DecisionStage
    seq: int  # which screening of this run, so that a repeat writes the same row
    attempt: int  # which entry of this run, from 1
    approved: bool = False


class Opened(Record):
    """What screening decided. Exactly one of `order` and `refusal` is set after ENTER."""

    won: bool  # False: the claim belongs to another run
    decision: Decision
    plan: TradePlan
    order: OrderRef | None = None
    refusal: str | None = None  # the limit or gate that was hit
    ask_person: bool = False
    ask_until: Utc | None = None
    stake: Usd = ZERO_USD


class OrderRequest(Record):
    """Do something with one stored order."""

    order_id: Id
    known_filled: Shares | None = None  # waiters return when the truth differs from this,
    known_status: OrderStatus | None = None  # or when an order comes into sight or out of it
    stop: bool = False  # cancel first


class Posted(Record):
    """What posting proved so far."""

    order_id: Id
    landing: Landing
    text: str = ""
    closed: bool = False  # the store already knows the end of this order


class OrderTruth(Record):
    """What is known of an order now; `terminal` only with positive evidence."""

    order_id: Id
    status: OrderStatus
    filled: Shares = ZERO_SHARES
    average: Price | None = None
    terminal: bool = False
    evidence: str = ""


class ExitRequest(Record):
    """Prepare the sale of what the venue says we hold."""

    key: TradeKey
    attempt: int
    reason: str
    seq: int = 0  # which try, so that a repeat writes the same decision row
    min_price: Price | None = None
    reference: Price | None = None  # last good midpoint, to judge slippage by (Q11)
    rules: ExitRules = ExitRules()
    settings_hash: str = ""


class ExitPrepared(Record):
    """An exit order, or the gate that blocks it (G13), or nothing left to sell."""

    order: OrderRef | None = None
    blocked: str | None = None
    nothing_left: bool = False


class HoldRequest(Record):
    """Look at an open position; the levels are the trade's own where a person set them."""

    key: TradeKey
    plan: TradePlan
    target: Price | None
    stop: Price | None
    high: Price | None = None  # best bid seen so far, for the trailing stop
    below_stop: int = 0  # consecutive readings at or below the stop (Q16)
    held_since: Utc | None = None
    age_known: bool = True


class News(StrEnum):
    """What a look at a position found."""

    NOTHING = "nothing"
    EXIT = "exit"
    RESOLVED = "resolved"
    GONE = "gone"  # nothing is held any more: reversed, sold elsewhere or dust
    LOST = "lost"  # the books do not know the position; that is no answer


class HoldView(Record):
    """A position as it stands. Prices per share in dollars, None where unknown."""

    news: News
    reason: str = ""
    shares: Shares = ZERO_SHARES
    confirmed: Shares = ZERO_SHARES
    cost: Usd = ZERO_USD
    bid: Price | None = None
    ask: Price | None = None
    high: Price | None = None
    below_stop: int = 0
    resolution: Resolution | None = None


class RedeemRequest(Record):
    """Turn winning shares into money; safe to repeat."""

    key: TradeKey
    resolution: Resolution


class Redeemed(Record):
    """What redemption brought. Proceeds in dollars; `transaction` of the chain if any."""

    proceeds: Usd = ZERO_USD
    transaction: str = ""
    text: str = ""


class SettleRequest(Record):
    """Book the end of a trade: exactly one exit event with its profit (XD-3)."""

    key: TradeKey
    resolution: Resolution | None = None
    proceeds: Usd = ZERO_USD
    reason: str = ""


class Booked(Record):
    """The books of one trade, closed. Dollars."""

    shares: Shares = ZERO_SHARES
    cost: Usd = ZERO_USD
    proceeds: Usd = ZERO_USD
    fees: Usd = ZERO_USD
    profit: Usd | None = None


class EndRequest(Record):
    """End a trade that holds nothing, or leave it unmanaged: the claim follows the ending."""

    key: TradeKey
    ending: Stage
    reason: str
    retry_after_s: int = 0


class AskRequest(Record):
    """Ask a person; the row and the alert are keyed by the trade and the screening."""

    key: TradeKey
    question: str
    outcome: str
    limit: Price
    stake: Usd
    reason: str
    until: Utc
    seq: int


class AnswerRequest(Record):
    """How a question ended: approved, rejected or expired."""

    key: TradeKey
    state: str
    who: str = ""
    why: str = ""


class AlertRequest(Record):
    """Put one alert into the outbox; the same key inside its cool-down is one alert."""

    mode: Mode
    key: Id
    priority: str  # low, normal or high
    title: str
    text: str
    cooldown_s: int = 300


class LevelsRequest(Record):
    """Store the watched levels of a trade for ingest to compare; None removes a level."""

    key: TradeKey
    target: Price | None
    stop: Price | None


class ReconcileRequest(Record):
    """Compare venue and store once. `run_key` names the run, so that a retry is the same row."""

    mode: Mode
    run_key: Id
    dry_run: bool = False


class Adoptee(Record):
    """A trade to start in HOLDING."""

    trigger: Trigger
    cause: str
    held_since: Utc
    age_known: bool
    cost: Usd | None


class ReconcileReport(Record):
    """What one reconciliation found and did; `adopt` and `wake` are for the workflow to do."""

    differences: tuple[str, ...] = ()
    repaired: tuple[str, ...] = ()
    fills: int = 0
    adopt: tuple[Adoptee, ...] = ()
    wake: tuple[str, ...] = ()
    refused: str | None = None
