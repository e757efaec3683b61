"""Gates: what the book must look like before money moves. Unverifiable means no (XD-12).

Each gate returns None to let pass, or the HOLD that says why not.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from domain.book import Book
from domain.decision import Decision, hold
from domain.money import ZERO, Price, plain
from domain.orders import Side
from domain.rules import EntryRules, ExitRules, FilterRules, TradeRules
from domain.trigger import TouchSource


def figures(book: Book) -> dict[str, object]:
    """Return what a decision remembers of the book it saw."""
    return {
        "best_bid": book.best_bid,
        "best_ask": book.best_ask,
        "book_seen_at": book.seen_at.isoformat(),
        "book_hash": book.hash or None,
    }


def price_now(book: Book, source: TouchSource, filters: FilterRules) -> Price:
    """Return what the watchlist judges in place of the touch, which is hours old (XD-7).

    A touch by print is a price that a buyer paid, so the best ask takes its place; but no more
    than the gap that `_confirmed` allows above the best bid: nobody has paid a lone offer yet. A
    touch by quote is a bid, and the best bid takes its place. Nobody bids: zero.
    """
    bid, ask, gap = book.best_bid, book.best_ask, filters.max_bid_gap
    if bid is None:
        return Price(ZERO)
    if source is TouchSource.QUOTE or ask is None or gap is None:
        return bid
    return Price(min(ask, bid + gap))


def fresh_book(book: Book | None, rules: EntryRules, now: datetime) -> Decision | None:
    """Refuse without a book, with an old one (COR-M2), and with one that cannot be real."""
    if book is None:
        return hold("book", "the book could not be read")
    if book.stale(now, rules.max_book_age):
        age, most = book.age(now).total_seconds(), rules.max_book_age.total_seconds()
        reason = f"the book is {age:g} s old, at most {most:g} s"
        return hold("book_age", reason, **figures(book))
    if book.crossed:
        return hold("book", "the book is crossed", **figures(book))
    return None


def entry_gate(
    book: Book | None,
    limit: Price,
    touched: Price,
    rules: TradeRules,
    now: datetime,
    *,
    resting: bool = False,
) -> Decision | None:
    """Refuse a BUY at `limit` unless the book shows the touch and an ask worth taking.

    In this order: a fresh book; asks and bids (G14); best ask within 0.10 of the limit that
    will be sent (G5, COR-M2, ING-M3); a bid near the touch; an ask at or below the limit (Q1);
    spread within 30 % (G14). A resting order may wait below the ask.
    """
    unreal = fresh_book(book, rules.entry, now)
    if unreal is not None or book is None:
        return unreal
    bid, ask, ratio = book.best_bid, book.best_ask, book.spread_ratio
    seen = figures(book)
    if bid is None or ask is None or ratio is None:
        missing = "empty" if book.empty else "without bids" if bid is None else "without asks"
        return hold("entry_liquidity", f"G14: the book is {missing}", **seen)
    apart, most = abs(ask - limit), rules.filters.max_divergence
    if apart > most:
        reason = f"G5: best ask {plain(ask)} is {plain(apart)} from the limit {plain(limit)}"
        return hold("divergence", reason, max_divergence=most, **seen)
    return (
        _confirmed(bid, touched, rules, seen)
        or (None if resting else _within_cap(ask, limit, seen))
        or _tight(ratio, rules.entry, seen)
    )


def _confirmed(
    bid: Price, touched: Price, rules: TradeRules, seen: dict[str, object]
) -> Decision | None:
    """A print that swept the ask is no touch while nobody bids near it."""
    gap = rules.filters.max_bid_gap
    if gap is None or touched - bid <= gap:
        return None
    reason = f"the book does not confirm the touch at {plain(touched)}: best bid {plain(bid)}"
    return hold("confirmation", reason, touched=touched, max_bid_gap=gap, **seen)


def _within_cap(ask: Price, limit: Price, seen: dict[str, object]) -> Decision | None:
    if ask <= limit:
        return None
    reason = f"above cap: best ask {plain(ask)}, limit {plain(limit)}"
    return hold("above_cap", reason, limit=limit, **seen)


def _tight(ratio: Decimal, rules: EntryRules, seen: dict[str, object]) -> Decision | None:
    if ratio <= rules.max_spread:
        return None
    reason = f"G14: spread of {_percent(ratio)} of the ask, at most {_percent(rules.max_spread)}"
    return hold("entry_liquidity", reason, **seen)


def exit_gate(
    book: Book | None, average: Price, reference: Price | None, rules: ExitRules
) -> Decision | None:
    """Refuse a SELL into a book that gives the shares away (G13, all bounds inclusive).

    `average` is what the shares cost, None-free; `reference` the last good midpoint (Q11):
    without one there is nothing to compare with and that check alone is left out.
    """
    if book is None:
        return hold("exit_liquidity", "G13: the book could not be read")
    bid, ask, ratio = book.best_bid, book.best_ask, book.spread_ratio
    seen = figures(book)
    if bid is None:
        return hold("exit_liquidity", "G13: nobody bids", **seen)
    if book.crossed:
        return hold("exit_liquidity", "G13: the book is crossed", **seen)
    if ask is None or ratio is None:
        return hold("exit_liquidity", "G13: no asks, the spread cannot be checked", **seen)
    if ratio > rules.max_spread:
        reason = f"G13: spread of {_percent(ratio)} of the ask"
        return hold("exit_liquidity", reason, max_spread=rules.max_spread, **seen)
    floor = average * rules.floor_of_entry
    if bid < floor:
        share = _percent(rules.floor_of_entry)
        reason = f"G13: best bid {plain(bid)} is below {plain(floor)}, {share} of entry"
        return hold("exit_floor", reason, average=average, **seen)
    return _slippage(bid, reference, rules, seen)


def _slippage(
    bid: Price, reference: Price | None, rules: ExitRules, seen: dict[str, object]
) -> Decision | None:
    if not reference:
        return None
    lost = (reference - bid) / reference
    if lost <= rules.max_slippage:
        return None
    below = f"{_percent(lost)} below the last good midpoint {plain(reference)}"
    reason = f"G13: best bid {plain(bid)} is {below}"
    return hold("exit_slippage", reason, max_slippage=rules.max_slippage, **seen)


class Stale(StrEnum):
    """What to do with a resting entry order (G14)."""

    KEEP = "keep"
    TOO_OLD = "too_old"
    WIDE = "wide"
    UNFILLABLE = "unfillable"


def stale_order(age: timedelta, limit: Price, book: Book | None, rules: EntryRules) -> Stale:
    """Return whether a resting BUY should be cancelled: G14, between one and four hours.

    Unfillable: there is no ask at all, or none within G5's reach of our limit. A book that
    could not be read proves nothing: only the age counts then.
    """
    if age > rules.stale_max_age:
        return Stale.TOO_OLD
    if age < rules.stale_min_age or book is None:
        return Stale.KEEP
    ask, ratio = book.best_ask, book.spread_ratio
    if ask is None or not book.depth(Side.BUY, Price(limit * (1 + rules.stale_spread))):
        return Stale.UNFILLABLE
    return Stale.WIDE if ratio is None or ratio > rules.stale_spread else Stale.KEEP


def _percent(ratio: Decimal) -> str:
    return f"{ratio * 100:.1f} %"
