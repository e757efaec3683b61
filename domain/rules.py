"""Rules: every threshold the domain decides by, with its default and where it comes from.

The settings tree nests these models unchanged, so a setting and a rule share one name.
"""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Literal

from pydantic import ConfigDict, Field

from domain.money import Price, Shares, Usd
from domain.record import Record
from domain.trigger import TouchSource


class Rules(Record):
    """A group of settings; a misspelt key is an error, also when nested."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class TriggerRules(Rules):
    """When an observation is a touch (spec 6, G1)."""

    threshold: Price = Field(default=Price(Decimal("0.95")), gt=0, lt=1)
    source: TouchSource = TouchSource.TRADE
    max_age: timedelta = timedelta(seconds=300)  # G1: 300 s passes, 301 s fails
    retry_after: timedelta = timedelta(minutes=5)  # rest of an id after "not entered"


class FilterRules(Rules):
    """Hard filters before the strategy, in the order of spec 7."""

    weather: bool = True
    min_time_to_end: timedelta = timedelta(hours=6)
    excluded_categories: tuple[str, ...] = ("Weather", "Adult")  # exact case; tags count too
    blocked_conditions: tuple[str, ...] = ()
    oracle_hold: tuple[str, ...] = ("proposed", "disputed", "challenged", "resolved")
    max_divergence: Price = Price(Decimal("0.10"))  # G5: best ask against limit, inclusive
    max_bid_gap: Price | None = Price(Decimal("0.02"))  # touch minus best bid, inclusive: a lone
    # print that swept the ask is no touch while nobody bids near it (docs/strategies.md)


class StrategyRules(Rules):
    """The decision table of spec 6.2."""

    name: str = "high_prob_yes"
    entry_score: Decimal = Field(default=Decimal("0.97"), ge=0, le=1)
    watch_score: Decimal = Field(default=Decimal("0.90"), ge=0, le=1)
    min_trade_size: Shares = Shares(Decimal(50))
    size_filter: bool = True
    outcome_indexes: tuple[int, ...] = (0,)  # 0 is Yes (spec Q5)


class ScoreRules(Rules):
    """Where the model score comes from, and how old it may be (spec 8, Q2)."""

    provider: Literal["http", "table", "calibrated", "market", "heuristic", "none"] = "none"
    url: str = ""
    table: str = ""
    max_age: timedelta = timedelta(hours=1)
    versions: tuple[str, ...] = ()  # accepted model versions; empty accepts any that is named
    floor: Decimal | None = None  # demo: replaces entry_score where the provider is `market`


class EntryStyle(StrEnum):
    """take: FAK at the limit, nothing rests. rest: GTD with the stale-order rules of G14."""

    TAKE = "take"
    REST = "rest"


class EntryRules(Rules):
    """How a decided entry is placed (spec 11.1, Q1, Q4)."""

    stake: Usd = Field(default=Usd(Decimal(20)), gt=0)  # dollars, not shares (Q4)
    max_price: Price = Field(default=Price(Decimal("0.95")), gt=0, lt=1)
    pay_up_to: Literal["touch", "cap"] = "touch"  # Q1; `cap` for quotes: a bid is no offer
    style: EntryStyle = EntryStyle.TAKE
    post_within: timedelta = timedelta(seconds=20)  # past this the intent is stale
    rest_for: timedelta = timedelta(minutes=5)  # rest style only
    max_spread: Decimal = Decimal("0.30")  # G14: (ask - bid) / ask, inclusive
    max_book_age: timedelta = timedelta(seconds=2)  # COR-M2
    attempts: int = Field(default=1, ge=1, le=5)
    stale_min_age: timedelta = timedelta(hours=1)  # G14, resting orders: younger ones stay
    stale_max_age: timedelta = timedelta(hours=4)  # older ones go, whatever the book
    stale_spread: Decimal = Decimal("0.50")  # between the two: wider books make them go


class ApprovalRules(Rules):
    """When a person is asked first (spec 10, Q14)."""

    required: Literal["never", "above", "always"] = "never"
    above: Usd = Usd(Decimal(100))
    deadline: timedelta = timedelta(minutes=5)
    max_price: Price = Price(Decimal("0.98"))  # with entry.max_price: the lower of the two


class RiskRules(Rules):
    """Caps checked inside the reserving transaction (spec 14; design section 7)."""

    max_positions: int = Field(default=50, ge=0)
    max_per_market: Usd = Usd(Decimal(20))
    max_per_event: Usd = Usd(Decimal(60))
    max_total: Usd = Usd(Decimal(1000))
    max_daily_loss: Usd = Usd(Decimal(100))
    reserve_floor: Usd = Usd(Decimal(100))
    max_balance_age: timedelta = timedelta(seconds=60)
    max_error_ratio: Decimal = Decimal("0.25")  # breaker: order errors over attempts
    min_error_attempts: int = 20
    warn_below: Usd = Usd(Decimal(100))  # Q10, total balance: a warning
    alert_below: Usd = Usd(Decimal(50))  # an alert
    stop_below: Usd = Usd(Decimal(10))  # no entries, and a person is paged
    max_reversal_ratio: Decimal = Decimal("0.10")  # breaker: settlements that failed
    min_reversal_fills: int = 20


class ExitRules(Rules):
    """When and how a position is sold before resolution (spec 12, Q9, Q16, G13)."""

    target: Price | None = Price(Decimal("0.99"))  # None: no such level
    stop: Price | None = Price(Decimal("0.90"))
    min_hold: timedelta = timedelta(days=7)  # conditional exits begin here
    capital_cost: Decimal = Field(default=Decimal("0.20"), ge=0)  # a year; Q16, see domain/exits
    stop_needs_known_age: bool = True  # Q9
    trailing: Price | None = None  # distance below the best bid seen
    max_hold: timedelta | None = None  # time exit
    max_spread: Decimal = Decimal("0.20")  # G13, of the ask, inclusive
    floor_of_entry: Decimal = Decimal("0.50")  # G13: best bid at least this share of entry
    max_slippage: Decimal = Decimal("0.10")  # G13, against the last good mid, inclusive
    stop_readings: int = 2  # Q16: two consecutive readings …
    stop_depth: Shares = Shares(Decimal(50))  # … or this much depth at the bid
    fill_wait: timedelta = timedelta(seconds=30)
    retry_every: timedelta = timedelta(minutes=1)


class WatchRules(Rules):
    """The watchlist (spec 9)."""

    every: timedelta = timedelta(hours=1)
    window: timedelta = timedelta(days=30)
    min_time_to_end: timedelta = timedelta(hours=6)


class PaceRules(Rules):
    """How often a trade looks by itself; signals only make it faster."""

    fill_poll: timedelta = timedelta(seconds=2)
    hold_poll: timedelta = timedelta(minutes=5)
    resolution_poll: timedelta = timedelta(minutes=1)
    redeem_retry: timedelta = timedelta(seconds=30)
    escalate_after: timedelta = timedelta(seconds=50)  # told within a minute (design 5): 10 to tell


class ReconcileRules(Rules):
    """How the venue's truth is brought into the books (spec 13; findings G10, XD-2)."""

    hold_policy: Literal["new", "mature", "actual"] = "actual"  # how adopted shares are aged
    mature_age: timedelta = timedelta(days=8)  # what `mature` takes for granted
    misses: int = Field(default=2, ge=2)  # readings in a row before anything is closed
    grace: timedelta = timedelta(minutes=1)  # a younger claim or order is left to its trade
    overlap: timedelta = timedelta(minutes=10)  # trades are read back over the last run


class TradeRules(Rules):
    """All rules one trade is run by; stored with its decisions as a hash."""

    trigger: TriggerRules = TriggerRules()
    filters: FilterRules = FilterRules()
    strategy: StrategyRules = StrategyRules()
    score: ScoreRules = ScoreRules()
    entry: EntryRules = EntryRules()
    approval: ApprovalRules = ApprovalRules()
    risk: RiskRules = RiskRules()
    exits: ExitRules = ExitRules()
    watch: WatchRules = WatchRules()
    pace: PaceRules = PaceRules()
    reconcile: ReconcileRules = ReconcileRules()
