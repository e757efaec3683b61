"""State machines as data: what may follow what. Anything else is refused, not guessed.

The venue's own words are translated in venue/; an unknown word means "look it up" and changes
no state here.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple, TypeVar

from domain.orders import FillStatus, OrderStatus
from domain.trade import ClaimState, Stage

S = TypeVar("S", bound=StrEnum)


class IllegalTransition(ValueError):
    """A state was asked to become one that cannot follow it."""


class Money(StrEnum):
    """What a state means for the dollars promised to an open BUY."""

    KEEP = "keep"  # limit x unfilled stays promised
    RELEASE = "release"  # the order cannot fill any more: the rest is free


class Meaning(NamedTuple):
    """What one order status means inside the house."""

    money: Money
    evidence: str  # what must have been seen


MEANING: dict[OrderStatus, Meaning] = {
    OrderStatus.PREPARED: Meaning(Money.KEEP, "signed and stored by us"),
    OrderStatus.UNKNOWN: Meaning(Money.KEEP, "posted, no answer that proves anything"),
    OrderStatus.LIVE: Meaning(Money.KEEP, "the venue knows the id"),
    OrderStatus.PARTIAL: Meaning(Money.KEEP, "live, with fills"),
    OrderStatus.FILLED: Meaning(Money.RELEASE, "trades add up to the size, within dust"),
    OrderStatus.CANCELLED: Meaning(Money.RELEASE, "the venue says so and fills were read after"),
    OrderStatus.KILLED: Meaning(Money.RELEASE, "FAK or FOK answered: nothing to match"),
    OrderStatus.REFUSED: Meaning(Money.RELEASE, "refused, and no earlier attempt went unanswered"),
    OrderStatus.EXPIRED: Meaning(Money.RELEASE, "past its end, and the venue no longer lists it"),
}

_ENDS = frozenset(status for status in OrderStatus if status.terminal)
_VENUE = frozenset({OrderStatus.LIVE, OrderStatus.PARTIAL, OrderStatus.UNKNOWN})

ORDER: dict[OrderStatus, frozenset[OrderStatus]] = {
    OrderStatus.PREPARED: _VENUE | _ENDS,
    OrderStatus.UNKNOWN: (_VENUE | _ENDS) - {OrderStatus.UNKNOWN},
    OrderStatus.LIVE: (_VENUE | _ENDS) - {OrderStatus.LIVE, OrderStatus.REFUSED},
    OrderStatus.PARTIAL: frozenset(
        {OrderStatus.UNKNOWN, OrderStatus.FILLED, OrderStatus.CANCELLED, OrderStatus.EXPIRED}
    ),
    **dict.fromkeys(_ENDS, frozenset()),
}

FILL: dict[FillStatus, frozenset[FillStatus]] = {
    FillStatus.MATCHED: frozenset(
        {FillStatus.MINED, FillStatus.RETRYING, FillStatus.CONFIRMED, FillStatus.FAILED}
    ),
    FillStatus.MINED: frozenset({FillStatus.RETRYING, FillStatus.CONFIRMED, FillStatus.FAILED}),
    FillStatus.RETRYING: frozenset({FillStatus.MINED, FillStatus.CONFIRMED, FillStatus.FAILED}),
    FillStatus.CONFIRMED: frozenset(),
    FillStatus.FAILED: frozenset(),
}

CLAIM: dict[ClaimState, frozenset[ClaimState]] = {
    ClaimState.CLAIMED: frozenset({ClaimState.ENTERED, ClaimState.DECLINED, ClaimState.RELEASED}),
    ClaimState.RELEASED: frozenset({ClaimState.CLAIMED}),
    ClaimState.DECLINED: frozenset({ClaimState.RELEASED}),  # `touchline allow`, by the operator
    ClaimState.ENTERED: frozenset(),
}

_BEFORE_MONEY = frozenset({Stage.DECLINED, Stage.NOT_ENTERED, Stage.CANCELLED})

TRADE: dict[Stage, frozenset[Stage]] = {
    Stage.SCREENING: _BEFORE_MONEY | {Stage.WATCHING, Stage.AWAITING_APPROVAL, Stage.ENTERING},
    Stage.WATCHING: _BEFORE_MONEY | {Stage.SCREENING},
    Stage.AWAITING_APPROVAL: _BEFORE_MONEY | {Stage.SCREENING, Stage.ENTERING},
    Stage.ENTERING: frozenset(
        {Stage.HOLDING, Stage.NOT_ENTERED, Stage.CANCELLED, Stage.ABANDONED, Stage.UNKNOWN}
    ),
    Stage.HOLDING: frozenset(
        {Stage.EXITING, Stage.RESOLVED, Stage.ABANDONED, Stage.NOT_ENTERED, Stage.SETTLED}
    ),
    Stage.EXITING: frozenset(
        {Stage.HOLDING, Stage.SETTLED, Stage.RESOLVED, Stage.ABANDONED, Stage.UNKNOWN}
    ),
    Stage.UNKNOWN: frozenset(
        {Stage.HOLDING, Stage.NOT_ENTERED, Stage.SETTLED, Stage.RESOLVED, Stage.ABANDONED}
        | {Stage.ENTERING, Stage.EXITING, Stage.CANCELLED}
    ),
    Stage.RESOLVED: frozenset({Stage.REDEEMING, Stage.SETTLED, Stage.ABANDONED}),
    Stage.REDEEMING: frozenset({Stage.SETTLED, Stage.ABANDONED}),
    Stage.SETTLED: frozenset(),
    Stage.DECLINED: frozenset(),
    Stage.NOT_ENTERED: frozenset(),
    Stage.ABANDONED: frozenset(),
    Stage.CANCELLED: frozenset(),
}


def advance(table: dict[S, frozenset[S]], was: S, now: S) -> S:
    """Return the new state; the same state again is no change.

    Raises:
        IllegalTransition: `now` cannot follow `was`.
    """
    if now == was or now in table[was]:
        return now
    allowed = ", ".join(sorted(table[was])) or "nothing, it is final"
    raise IllegalTransition(f"expected {allowed} after {was}, was {now}")


def forward(table: dict[S, frozenset[S]], was: S, now: S) -> S:
    """Return the later of two states, for reports that come late or twice: never goes back."""
    return now if now in table[was] else was
