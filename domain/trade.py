"""Trade: the stages a trade passes through and the endings it can have (design section 5)."""

from __future__ import annotations

from enum import StrEnum


class Stage(StrEnum):
    """Where a trade is; shown in the Web UI as the search attribute `stage`."""

    SCREENING = "screening"
    WATCHING = "watching"
    AWAITING_APPROVAL = "awaiting_approval"
    ENTERING = "entering"
    HOLDING = "holding"
    EXITING = "exiting"
    RESOLVED = "resolved"
    REDEEMING = "redeeming"
    SETTLED = "settled"
    DECLINED = "declined"
    NOT_ENTERED = "not_entered"
    ABANDONED = "abandoned"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"  # an order's fate is not known; asked for until it is


class ClaimState(StrEnum):
    """The row that makes a trigger ours. A released claim can be taken again, an entered never."""

    CLAIMED = "claimed"
    ENTERED = "entered"
    DECLINED = "declined"
    RELEASED = "released"


class HaltState(StrEnum):
    """active: all; reducing: exits only; halted: no new post at all, looking after goes on."""

    ACTIVE = "active"
    REDUCING = "reducing"
    HALTED = "halted"
