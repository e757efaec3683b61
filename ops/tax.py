"""Tax: what was disposed of in a year, lot by lot, first in first out."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from domain.lots import fifo
from store.exports import TokenMove


def year_end(year: int) -> datetime:
    """Return the first moment after a calendar year, UTC."""
    return datetime(year + 1, 1, 1, tzinfo=UTC)


def disposals(moves: Iterable[TokenMove], year: int) -> list[dict[str, object]]:
    """Return one row for each part of a lot that went in a calendar year (UTC), oldest first.

    Lots are kept by token over all trades; dollars, an unknown amount is None and makes the
    gain unknown. The gains of all years add up to the profit of the books.
    """
    tokens: dict[str, list[TokenMove]] = {}
    for move in moves:
        tokens.setdefault(move.token_id, []).append(move)
    rows: list[dict[str, object]] = [
        {
            "disposed_at": part.disposed_at,
            "acquired_at": part.acquired_at,
            "days_held": (part.disposed_at - part.acquired_at).days,
            "how": part.how,
            "shares": part.shares,
            "proceeds": part.proceeds,
            "cost": part.cost,
            "fees": part.fees,
            "gain": part.gain,
            "condition_id": of_token[0].condition_id,
            "token_id": token_id,
        }
        for token_id, of_token in tokens.items()
        for part in fifo(of_token).disposals
        if part.disposed_at.year == year
    ]
    return sorted(rows, key=lambda row: (str(row["disposed_at"]), str(row["token_id"])))
