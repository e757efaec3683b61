"""Market: a question, its outcome tokens and the rules it trades by."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum

from domain.money import ZERO, Price, Shares, Usd, fee
from domain.record import Id, Record, Utc


class Mode(StrEnum):
    """Whose money: play money (sim or paper) or real money. Part of every money key."""

    PAPER = "paper"
    LIVE = "live"


class Token(Record):
    """One outcome of a market. `token_id` is the venue's token or position id, decimal digits."""

    token_id: Id
    outcome: Id
    index: int


class Fee(Record):
    """Taker fee curve: fee = shares * rate * (p * (1 - p)) ** exponent (facts 3.5)."""

    rate: Decimal = Decimal(0)
    exponent: int = 1
    taker_only: bool = True

    def charge(self, shares: Decimal, at: Decimal, *, maker: bool = False) -> Usd:
        """Return what one fill costs in dollars; makers pay only where the curve says so."""
        return Usd(ZERO) if maker and self.taker_only else fee(shares, at, self.rate, self.exponent)


class Market(Record):
    """What the catalogue knows of one market; `end_time` None means unknown (XD-4)."""

    condition_id: Id
    question: str
    slug: str = ""
    group_title: str = ""  # name of this question within its event, e.g. "Person B" (facts 5.1)
    category: str | None = None
    tags: tuple[str, ...] = ()
    event_id: str | None = None
    end_time: Utc | None = None
    tokens: tuple[Token, ...]
    tick: Price = Price(Decimal("0.01"))
    min_size: Shares = Shares(Decimal(5))
    fee: Fee = Fee()
    neg_risk: bool = False
    augmented_neg_risk: bool = False  # placeholder outcomes exist: never buy them (facts 5.1)
    protocol: str = "v1"  # "v2" markets trade position ids on ExchangeV3
    active: bool = True
    closed: bool = False
    accepting_orders: bool = True
    resolution_status: str | None = None  # the oracle's word: proposed, disputed, resolved …

    def token(self, token_id: str) -> Token | None:
        """Return the outcome token with this id, or None when it is not of this market."""
        return next((t for t in self.tokens if t.token_id == token_id), None)


class Resolution(Record):
    """How a market ended: what one share of each token pays, by token id, 0 to 1."""

    condition_id: Id
    payouts: dict[str, Price]
    resolved_at: Utc | None = None
    sources: tuple[str, ...]  # independent places that agree, e.g. ("clob", "data")
    disputed: bool = False
