"""First touch: the trigger as a fold over observed prices, in integer micro-dollars.

`Touch` is the hot path of ingest: one small object per token, changed in place, nothing
allocated per observation. What may fire, and what may not (design section 8):

- a price at or above the threshold fires if the one before it, in the same epoch, was below;
- what opens an epoch only sets the baseline: nobody saw it move (XD-1: nor do snapshots fire);
- prints read back after a gap fire if they, or the last price before the gap, show the move;
- above after a gap and below before it, without such a print: `UNSEEN`, to be looked up;
- between `begin_gap` and `end_gap` further cuts belong to the same gap: what was known before the
  first of them stays the measure;
- once fired, never again, until the claim was released and `rearm` says so. The first crossing
  has been seen by then, so that the next print above is an entry chance (spec Q3).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum, StrEnum


class Seen(IntEnum):
    """What one observation meant."""

    QUIET = 0
    TOUCH = 1
    UNSEEN = 2  # the move happened while we were not looking


NOTHING = -1  # no price yet: real ones are 0 to 1,000,000


class Touch:
    """What is remembered of one token. Prices in micro-dollars, times in venue milliseconds."""

    __slots__ = (
        "threshold",
        "last",
        "last_ms",
        "epoch",
        "opened_ms",
        "gap_last",
        "gap_ms",
        "in_gap",
        "missed",
        "crossed",
        "fired",
    )

    def __init__(self, threshold: int) -> None:
        """Watch for this threshold.

        Raises:
            ValueError: the threshold is outside (0, 1_000_000).
        """
        if not 0 < threshold < 1_000_000:
            raise ValueError(f"expected a threshold in (0, 1_000_000), was {threshold}")
        self.threshold = threshold
        self.last = NOTHING
        self.last_ms = 0
        self.epoch = -1
        self.opened_ms = 0
        self.gap_last = NOTHING  # as of before the current epoch
        self.gap_ms = 0
        self.in_gap = False  # somebody reads the gap back, and says when that is done
        self.missed = NOTHING  # the first price above at which an epoch of the gap opened
        self.crossed = False  # an upward move has been observed at least once
        self.fired = False

    def observe(self, price: int, venue_ms: int, epoch: int) -> Seen:
        """Fold in one live observation: a print, or the best bid where quotes trigger.

        Observations may be a little out of order (the venue's clocks differ): a late one may
        fire but never becomes the baseline, and one from before the epoch says nothing.
        """
        if epoch != self.epoch:
            return self.baseline(price, venue_ms, epoch)
        was = self.last
        if venue_ms >= self.last_ms:
            self.last = price
            self.last_ms = venue_ms
        elif venue_ms < self.opened_ms:
            return Seen.QUIET
        if price < self.threshold or self.fired or not (self.crossed or was < self.threshold):
            return Seen.QUIET
        return self._fire()

    def baseline(self, price: int, venue_ms: int, epoch: int) -> Seen:
        """Set where an epoch starts: a snapshot, or its first observation. Never fires.

        Within a running epoch this does nothing: a snapshot repeats what the prints said.
        """
        if epoch == self.epoch:
            return Seen.QUIET
        if self.last != NOTHING and not self.in_gap:
            self.gap_last, self.gap_ms = self.last, self.last_ms
        self.epoch = epoch
        self.last, self.last_ms, self.opened_ms = price, venue_ms, venue_ms
        if self.fired or not NOTHING < self.gap_last < self.threshold <= price:
            return Seen.QUIET
        if self.missed == NOTHING:
            self.missed = price
        return Seen.UNSEEN

    def begin_gap(self) -> None:
        """Keep what is known now until `end_gap`, through further cuts: the gap is read back."""
        if not self.in_gap:
            self.gap_last, self.gap_ms = self.last, self.last_ms
            self.in_gap, self.missed = True, NOTHING

    def end_gap(self) -> int:
        """Forget the gap; return the price of a move in it that nobody saw, or NOTHING."""
        missed = NOTHING if self.fired else self.missed
        self.in_gap, self.missed = False, NOTHING
        return missed

    def read_back(self, price: int, venue_ms: int) -> Seen:
        """Fold in one print of the gap, fetched by REST; give them in order of time.

        Prints from before the gap are ignored. The first of them fires only if the price
        before the gap is known to have been below.
        """
        if venue_ms <= self.gap_ms or venue_ms > self.opened_ms:
            return Seen.QUIET  # the live fold has seen these
        was = self.gap_last
        self.gap_last, self.gap_ms = price, venue_ms
        if price < self.threshold or self.fired:
            return Seen.QUIET
        if not (self.crossed or NOTHING < was < self.threshold):
            return Seen.QUIET
        return self._fire()

    def rearm(self) -> None:
        """Allow one more touch, if this token fired or was retired: its claim was released.

        The first crossing has been seen by then, here or by the process that held the claim.
        """
        if self.fired:
            self.crossed = True
            self.fired = False

    def retire(self) -> None:
        """Never fire (again): the claim is taken or spent."""
        self.fired = True

    def _fire(self) -> Seen:
        self.crossed = True
        self.fired = True
        return Seen.TOUCH


class Kind(StrEnum):
    """How a price became known; for `fold`."""

    LIVE = "live"
    SNAPSHOT = "snapshot"
    READ_BACK = "read_back"


@dataclass(frozen=True, slots=True)
class Observation:
    """One price of one token; `epoch` is not looked at for read-back prints."""

    price: int
    venue_ms: int
    epoch: int = 0
    kind: Kind = Kind.LIVE


def fold(observations: Iterable[Observation], threshold: int) -> list[Seen]:
    """Return what each observation meant, starting from nothing: the pure form of `Touch`."""
    touch = Touch(threshold)
    return [_step(touch, seen) for seen in observations]


def _step(touch: Touch, seen: Observation) -> Seen:
    if seen.kind is Kind.READ_BACK:
        return touch.read_back(seen.price, seen.venue_ms)
    if seen.kind is Kind.SNAPSHOT:
        return touch.baseline(seen.price, seen.venue_ms, seen.epoch)
    return touch.observe(seen.price, seen.venue_ms, seen.epoch)
