"""How a market ended: believed only when two independent sources say the same (facts 6.2)."""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from domain.market import Resolution
from domain.money import Price
from venue.errors import Drift, VenueError
from venue.wire import catalogue, fields, indexer
from venue.wire.fields import Row

Payouts = dict[str, Price]


@dataclass(frozen=True, slots=True)
class Sources:
    """The raw answers about one condition: CLOB market, Data API resolutions, Gamma row."""

    condition_id: str
    clob: Any
    reported: Any
    gamma: Row | None = None

    @property
    def needs_third(self) -> bool:
        """Return whether Gamma must be asked: the first two do not both speak."""
        return sum(p is not None for p in _payouts(self).values()) < 2

    def with_third(self, row: Row | None) -> Sources:
        """Return the sources with Gamma's row."""
        return replace(self, gamma=row)


@dataclass(frozen=True, slots=True)
class Heard:
    """What one of several sources said, or why it said nothing."""

    value: Any = None
    error: VenueError | None = None


async def heard(asked: Awaitable[Any]) -> Heard:
    """Ask one source. Its silence is kept, for the others may do; Drift alone is raised."""
    try:
        return Heard(await asked)
    except Drift:
        raise
    except VenueError as error:
        return Heard(error=error)


def agree(sources: Sources) -> Resolution | None:
    """Return the resolution two sources agree on, a disputed one, or None while undecided.

    Raises:
        Drift: a source answers outside its contract.
    """
    said = {name: p for name, p in _payouts(sources).items() if p is not None}
    row = _reported_row(sources)
    answers = list(said.values())
    contradict = any(p != answers[0] for p in answers[1:])
    if contradict or (row is not None and indexer.contested(row)):
        return Resolution(
            condition_id=sources.condition_id, payouts={}, sources=tuple(said), disputed=True
        )
    if len(said) < 2:
        return None
    return Resolution(
        condition_id=sources.condition_id,
        payouts=answers[0],
        resolved_at=_resolved_at(row),
        sources=tuple(said),
    )


def _payouts(sources: Sources) -> dict[str, Payouts | None]:
    tokens = _tokens(sources)
    row = _reported_row(sources)
    return {
        "clob": catalogue.clob_payouts(sources.clob) if sources.clob else None,
        "data": indexer.payouts(row, tokens) if row is not None and tokens else None,
        "gamma": catalogue.gamma_payouts(sources.gamma) if sources.gamma else None,
    }


def _tokens(sources: Sources) -> tuple[str, ...]:
    """Token ids by outcome index, which is how the Data API orders its payouts."""
    if sources.clob:
        market = fields.row(sources.clob, "a market")
        return tuple(
            fields.text(t, "token_id") for t in fields.rows(market.get("tokens"), "tokens")
        )
    if sources.gamma:
        return tuple(t.token_id for t in catalogue.gamma_market(sources.gamma).tokens)
    return ()


def _reported_row(sources: Sources) -> Row | None:
    """The Data API's row about this condition; an answer about another one is not ours."""
    if sources.reported is None:
        return None
    wanted = sources.condition_id.lower()
    rows = fields.rows(fields.row(sources.reported, "resolutions").get("data"), "resolutions")
    return next((r for r in rows if str(r.get("condition_id", "")).lower() == wanted), None)


def _resolved_at(row: Row | None) -> datetime | None:
    return None if row is None else fields.instant(row, "resolved_at", "last_update_timestamp")
