"""TradeState: everything of a trade that survives continue-as-new, in one model."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from pydantic import BaseModel, ConfigDict

from activities.messages import OrderRef, TradeKey, TradePlan
from domain.market import Resolution
from domain.money import Price, Shares, Usd
from domain.record import Utc
from domain.trade import Stage
from domain.trigger import Trigger


class ExitWish(BaseModel):
    """Why the position is to be sold, and the least price accepted; kept until it is sold."""

    reason: str
    by_person: bool = False
    min_price: Price | None = None


class TradeState(BaseModel):
    """The memory of one trade. Changed in place by the stages, saved whole."""

    model_config = ConfigDict(validate_assignment=False)

    trigger: Trigger
    key: TradeKey
    stage: Stage = Stage.SCREENING
    plan: TradePlan = TradePlan()
    note: str = ""
    screenings: int = 0
    entries: int = 0
    exits: int = 0
    tries: int = 0  # exits prepared or blocked
    reference: Price | None = None  # last good midpoint of the book
    watching_until: Utc | None = None
    order: OrderRef | None = None  # the order being worked, either leg
    adopted: bool = False  # the claim is still another run's
    entered: bool = False  # the entry order was posted at least once
    shares: Shares = Shares(Decimal(0))
    cost: Usd = Usd(Decimal(0))
    held_since: Utc | None = None
    age_known: bool = True
    target: Price | None = None
    stop: Price | None = None
    high: Price | None = None
    below_stop: int = 0
    levels_stored: bool = False
    wish: ExitWish | None = None
    blocks: int = 0  # exits blocked in a row
    resolution: Resolution | None = None
    proceeds: Usd = Usd(Decimal(0))

    @property
    def retry_after(self) -> timedelta:
        """Return how long the id rests after "not entered"."""
        return timedelta(seconds=self.plan.retry_after_s)
