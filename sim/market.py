"""One market of the sim and what it trades by."""

from __future__ import annotations

import hashlib
from collections import deque
from dataclasses import dataclass, field
from decimal import Decimal

from sim.units import ONE


@dataclass(frozen=True, slots=True)
class Print:
    """A trade as the public sees it; price in its own outcome, side the taker's."""

    at_ms: int
    outcome: int
    price: int
    size: int
    side: str
    hash: str


@dataclass(slots=True)
class SimMarket:
    """A market. Times are real epoch milliseconds; prices and sizes millionths."""

    number: int  # Gamma's id
    condition_id: str
    tokens: tuple[str, str]
    outcomes: tuple[str, str]
    question: str
    slug: str
    start_ms: int
    end_ms: int
    tick: int = 10_000
    min_size: int = 5 * ONE
    fee_rate: Decimal = Decimal(0)
    fee_exponent: int = 1
    category: str = ""
    tags: tuple[str, ...] = ()
    neg_risk: bool = False
    protocol: str = "v1"
    seconds_delay: int = 0
    accepting: bool = True
    oracle: str = ""  # proposed, disputed, resolved
    was_disputed: bool = False
    payouts: tuple[int, int] | None = None
    resolved_ms: int = 0
    gamma_hidden: bool = False  # Gamma and CLOB may disagree about a new or ended market
    clob_hidden: bool = False
    last_price: list[int] = field(default_factory=lambda: [0, 0])
    last_side: list[str] = field(default_factory=lambda: ["", ""])
    changed_ms: int = 0
    volume: int = 0
    prints: deque[Print] = field(default_factory=lambda: deque(maxlen=500))

    def printed(self, seen: Print) -> None:
        """Note a trade."""
        self.prints.append(seen)
        self.last_price[seen.outcome] = seen.price
        self.last_price[1 - seen.outcome] = ONE - seen.price
        self.last_side[seen.outcome] = seen.side
        self.volume += seen.price * seen.size // ONE

    @property
    def closed(self) -> bool:
        """Return whether the market has its result."""
        return self.payouts is not None

    @property
    def question_id(self) -> str:
        """Return an invented id of the oracle's question."""
        return "0x" + hashlib.sha256(f"question:{self.condition_id}".encode()).hexdigest()

    def outcome_of(self, token_id: str) -> int:
        """Return 0 or 1."""
        return self.tokens.index(token_id)
