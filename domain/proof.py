"""Proof: when the venue has shown that an order can no longer fill, and when it has not.

Absence of an answer is never an answer. A terminal verdict needs positive evidence (facts 13):
an explicit kill or refusal of the first post, fills that add up, a cancel that was
acknowledged, or a long silence together with a cancel that knows no such order.
"""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum

from domain.money import DUST, ZERO, Shares
from domain.orders import Landing, OrderStatus, TimeInForce, VenueOrder
from domain.record import Record

LAG = timedelta(seconds=10)  # trades and orders show up to 8 s late (facts 2.6)
# Most that the time between two looks counts: clocks jump (C1), and one jump must satisfy no rule.
STEP = timedelta(seconds=8)
STRANGE_STEP = timedelta(seconds=30)  # of a stranger's order: reconciliation looks once a minute
ABSENCE = timedelta(seconds=60)  # accepted orders stayed unseen for 40 to 50 s (anchors 5.6)


class CancelAnswer(StrEnum):
    """What the venue said to a cancel by id."""

    NOT_ASKED = "not asked"
    CANCELLED = "cancelled"
    OVER = "already cancelled or matched"
    NOT_FOUND = "no such order"
    NO_ANSWER = "no answer"


class Evidence(Record):
    """All that is known of one order at one moment, read in this order: book, then trades."""

    tif: TimeInForce
    landing: Landing | None  # None: no post has been answered or classified
    posts: int  # posts that may have left this machine
    may_post: bool = False  # a post may still follow
    original: Shares
    filled: Shares  # sum of trades that did not fail
    failed: Shares = Shares(ZERO)  # sum of trades that did: seen, but nothing moved
    matched: Shares | None = None  # what the answer to the post said was matched at once
    on_book: VenueOrder | None = None  # None: the venue's lists do not hold it
    stranger: bool = False  # placed by somebody else: never ours to cancel
    cancel: CancelAnswer = CancelAnswer.NOT_ASKED
    quiet: timedelta = timedelta(0)  # watched since the last post
    since_cancel: timedelta = timedelta(0)  # watched since a cancel was first answered
    absent: timedelta = timedelta(0)  # of a stranger: watched since it was first missing


class Proof(Record):
    """A verdict; `terminal` only with positive evidence, which is named."""

    status: OrderStatus
    terminal: bool
    evidence: str


def judge(e: Evidence) -> Proof:
    """Return what the evidence proves about the order."""
    if e.posts == 0:
        return _unposted(e)
    if e.filled >= e.original - DUST and _all_here(e) and _settled_size(e):
        return Proof(status=OrderStatus.FILLED, terminal=True, evidence="trades add up")
    if e.on_book is not None:
        return _listed(e, e.on_book)
    if e.landing is Landing.REFUSED and not e.filled:
        return Proof(status=OrderStatus.REFUSED, terminal=True, evidence="the venue refused it")
    if e.landing is Landing.NOT_READY and not e.may_post:
        return Proof(status=OrderStatus.EXPIRED, terminal=True, evidence="the venue took no post")
    if e.landing is Landing.KILLED:
        return _ended(e, OrderStatus.KILLED, "found nothing to match and was killed")
    return _unlisted(e)


def _unposted(e: Evidence) -> Proof:
    if e.may_post:
        return Proof(status=OrderStatus.PREPARED, terminal=False, evidence="not posted yet")
    return Proof(status=OrderStatus.EXPIRED, terminal=True, evidence="never posted")


def _listed(e: Evidence, order: VenueOrder) -> Proof:
    """The venue still knows the order: its word counts once its trades are all here."""
    known = order.matched is not None and order.matched <= e.filled + e.failed + DUST
    if order.status.terminal and known and _all_here(e):
        return _ended(e, order.status, f"the venue says {order.status.value}")
    status = OrderStatus.PARTIAL if e.filled else OrderStatus.LIVE
    return Proof(status=status, terminal=False, evidence="on the venue's book")


def _unlisted(e: Evidence) -> Proof:
    """The lists do not hold the order: that alone proves nothing."""
    immediate = e.tif in (TimeInForce.FAK, TimeInForce.FOK)
    if immediate and e.landing is Landing.LANDED and e.matched and _all_here(e):
        return _ended(e, OrderStatus.CANCELLED, "matched at once, the rest was killed")
    if e.stranger and e.absent >= ABSENCE:  # its trades may show later than its absence
        return _ended(e, OrderStatus.CANCELLED, "no longer on the venue's lists")
    here = _all_here(e) and e.since_cancel >= LAG  # fills that raced the cancel show late
    if e.cancel is CancelAnswer.CANCELLED and here:
        return _ended(e, OrderStatus.CANCELLED, "the cancel was acknowledged")
    if e.cancel is CancelAnswer.OVER and here and _long_over(e):
        return _ended(e, OrderStatus.CANCELLED, "the venue calls it cancelled or matched")
    if e.cancel is CancelAnswer.NOT_FOUND and here and e.quiet >= ABSENCE:
        return _ended(
            e, OrderStatus.EXPIRED, "in no list for a minute, and a cancel finds no such order"
        )
    known = e.landing is Landing.LANDED or e.filled > 0
    status = OrderStatus.LIVE if known else OrderStatus.UNKNOWN
    return Proof(status=status, terminal=False, evidence="no list holds it: not proven over")


def _settled_size(e: Evidence) -> bool:
    """Return whether `original` bounds the shares: a FAK BUY spends dollars and may get more."""
    immediate = e.tif in (TimeInForce.FAK, TimeInForce.FOK)
    return not immediate or e.matched is not None or e.quiet >= LAG


def _all_here(e: Evidence) -> bool:
    """Return whether the trades reach what the post's answer said was matched."""
    return e.matched is None or e.filled + e.failed >= e.matched - DUST


def _long_over(e: Evidence) -> bool:
    """ "Cancelled or matched" without a trade may mean matched: its trades get a minute."""
    return e.quiet >= ABSENCE and (e.filled > 0 or e.since_cancel >= ABSENCE)


def _ended(e: Evidence, status: OrderStatus, evidence: str) -> Proof:
    """A filled part turns killed or expired into cancelled: its shares are kept."""
    if e.filled and status is not OrderStatus.FILLED:
        status = OrderStatus.CANCELLED
    return Proof(status=status, terminal=True, evidence=evidence)
