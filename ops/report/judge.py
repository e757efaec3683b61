"""Judge: our books against the venue's, after everything has come to rest."""

from __future__ import annotations

from decimal import Decimal

from domain.money import DUST, ZERO, Usd, usd
from domain.record import Record
from ops.report.ledger import Ledger
from store.books import Books


class Judgement(Record):
    """Every figure must be zero."""

    duplicate_orders: int  # at the venue and not in our books, or a second filled entry of a trade
    lost_positions: int  # tokens of which the venue holds more for us than we know
    invented_positions: int  # tokens of which we believe to hold more than the venue does
    reservations_left_usd: Usd  # promised to buys although nothing is open
    profit_difference_usd: Usd  # ours minus the venue's

    @property
    def clean(self) -> bool:
        """Return whether every figure is zero."""
        return not any(self.model_dump().values())


def judge(books: Books, ledger: Ledger) -> Judgement:
    """Compare token by token and dollar by dollar.

    The venue's profit is what its wallets have beyond the deposits, with what we still hold
    valued at our cost, entry fees included: so open positions do not count as a loss.
    """
    tokens = ledger.shares.keys() | books.shares.keys()
    gaps = [_gap(books, ledger, token) for token in tokens]
    venue_profit = ledger.cash - ledger.deposited + books.invested
    return Judgement(
        duplicate_orders=len(set(ledger.orders) - set(books.orders)) + books.second_entries,
        lost_positions=sum(gap > 0 for gap in gaps),
        invented_positions=sum(gap < 0 for gap in gaps),
        reservations_left_usd=books.reserved,
        profit_difference_usd=usd(books.profit - venue_profit),
    )


def _gap(books: Books, ledger: Ledger, token: str) -> Decimal:
    """Return the shares the venue has beyond ours; what is worthless, or dust, was written off."""
    theirs, ours = ledger.shares.get(token, ZERO), books.shares.get(token, ZERO)
    written_off = not ours and (token in ledger.worthless or theirs < DUST)
    return ZERO if written_off else theirs - ours
