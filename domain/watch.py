"""Watch: what one hourly look at a watched market leads to (spec 9, XD-7).

Price, hours and score are fresh each time. Promotion is no entry: it leads back through the
whole of screening, with the fresh price as the touch.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from domain.money import ONE, ZERO, Price
from domain.record import Record, Utc
from domain.rules import WatchRules
from domain.trigger import TouchSource, Trigger

_UPLIFT_HOURS = Decimal(720)


class WatchVerdict(StrEnum):
    """keep looks again in an hour; promote screens again; expire ends the watch."""

    KEEP = "keep"
    PROMOTE = "promote"
    EXPIRE = "expire"


class Look(Record):
    """What the hourly look found. None is unknown."""

    previous_score: Decimal  # of the look before
    fresh_score: Decimal | None  # usable or None
    price: Price | None
    end_time: Utc | None
    watching_since: Utc
    now: Utc


class WatchCall(Record):
    """The verdict, its reason, and the score to remember as `previous_score`."""

    verdict: WatchVerdict
    reason: str
    score: Decimal


def rescore(score: Decimal, left: timedelta | None, uplift: Decimal) -> Decimal:
    """Return min(1, score + share of the last 720 hours that is over x uplift).

    With an unknown end nothing is added. The old bot used 0.07; the default is 0, since time
    alone is no evidence (Q2).
    """
    if left is None:
        return score
    hours = Decimal(str(left.total_seconds())) / 3600
    over = max(ZERO, (_UPLIFT_HOURS - hours) / _UPLIFT_HOURS)
    return min(ONE, score + over * uplift)


def look(
    seen: Look, rules: WatchRules, *, threshold: Price, entry_score: Decimal, watch_score: Decimal
) -> WatchCall:
    """Return what this look leads to.

    Without a fresh score the market stays on the list: missing is no verdict.
    """
    left = None if seen.end_time is None else seen.end_time - seen.now
    if seen.now - seen.watching_since >= rules.window:
        return _call(WatchVerdict.EXPIRE, "the watch window is over", seen.previous_score)
    if left is not None and left < rules.min_time_to_end:
        return _call(WatchVerdict.EXPIRE, "the market ends too soon", seen.previous_score)
    if seen.fresh_score is None:
        return _call(WatchVerdict.KEEP, "no fresh score", seen.previous_score)
    score = rescore(seen.fresh_score, left, rules.time_uplift)
    if score < watch_score:
        return _call(WatchVerdict.EXPIRE, f"score {score} fell below {watch_score}", score)
    if score < entry_score:
        return _call(WatchVerdict.KEEP, f"score {score} is below {entry_score}", score)
    if seen.price is None or seen.price < threshold:
        return _call(WatchVerdict.KEEP, f"price {seen.price} is below {threshold}", score)
    return _call(WatchVerdict.PROMOTE, f"score {score} reaches {entry_score}", score)


def refreshed(trigger: Trigger, price: Price, at: datetime) -> Trigger:
    """Return the touch as it is now, for the screening that a promotion leads to.

    Its size stays that of the print that started the watch.
    """
    update = {"price": price, "venue_time": at, "seen_at": at, "source": TouchSource.QUOTE}
    return trigger.model_copy(update=update)


def _call(verdict: WatchVerdict, reason: str, score: Decimal) -> WatchCall:
    return WatchCall(verdict=verdict, reason=reason, score=score)
