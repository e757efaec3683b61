"""What a replay reads: books, prints and resolutions of markets, as integers in millionths.

Any recording can be replayed that can be told in these words; `tape_events` tells our own
format, an adapter for another one is a generator of these events.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from domain.market import Fee, Market, Token
from domain.money import Price, Shares, from_micros
from ops.replay.errors import NotATape
from sim import tape

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Levels:
    """New sizes of levels of the first outcome's book; 0 removes one, `whole` replaces all."""

    at_ms: int
    condition_id: str
    bids: tuple[tuple[int, int], ...]
    asks: tuple[tuple[int, int], ...]
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Traded:
    """A print; `size` None is unknown."""

    at_ms: int
    condition_id: str
    token_id: str
    price: int
    size: int | None


@dataclass(frozen=True, slots=True)
class Ticked:
    """A new tick size."""

    at_ms: int
    condition_id: str
    tick: int


@dataclass(frozen=True, slots=True)
class Oracle:
    """The resolution is proposed or disputed."""

    at_ms: int
    condition_id: str
    status: str


@dataclass(frozen=True, slots=True)
class Resolved:
    """What one share of each outcome pays, by index."""

    at_ms: int
    condition_id: str
    payouts: tuple[int, ...]


Event = Levels | Traded | Ticked | Oracle | Resolved


@dataclass(frozen=True, slots=True)
class Recording:
    """A recording, ready to be replayed once."""

    source: str
    attribution: str
    markets: tuple[Market, ...]
    events: Iterator[Event]


def moment(at_ms: int) -> datetime:
    """Return the UTC time of epoch milliseconds, without rounding."""
    return EPOCH + timedelta(milliseconds=at_ms)


def open_tape(path: Path) -> Recording:
    """Return the recording of a tape in our own format (docs/tapes.md).

    Raises:
        NotATape: the file is missing, damaged or of another format; names the place.
    """
    try:
        header = tape.read_header(path)
    except tape.TapeError as e:
        raise NotATape(str(e)) from e
    markets = tuple(_market(source) for source in header.markets)
    events = _tape_events(path, header, markets)
    return Recording(header.source, header.attribution, markets, events)


def _tape_events(path: Path, header: tape.Header, markets: tuple[Market, ...]) -> Iterator[Event]:
    try:
        for event in tape.read(path):
            yield _event(event, header.first_ms + event.at, markets[event.market])
    except tape.TapeError as e:
        raise NotATape(str(e)) from e


def _event(event: tape.Event, at: int, market: Market) -> Event:
    condition = market.condition_id
    match event:
        case tape.Book(bids=bids, asks=asks):
            return Levels(at, condition, bids, asks, whole=True)
        case tape.Changes(changes=changes):
            bids = tuple((price, size) for side, price, size in changes if side == "B")
            asks = tuple((price, size) for side, price, size in changes if side == "A")
            return Levels(at, condition, bids, asks)
        case tape.Print(price=price, size=size, outcome=outcome):
            return Traded(at, condition, market.tokens[outcome].token_id, price, size)
        case tape.Tick(tick=tick):
            return Ticked(at, condition, tick)
        case tape.Dispute(status=status):
            return Oracle(at, condition, status)
        case tape.Resolve(payouts=payouts):
            return Resolved(at, condition, payouts)


def _market(source: tape.TapeMarket) -> Market:
    return Market(
        condition_id=source.condition_id,
        question=source.question,
        slug=source.slug,
        category=source.category or None,
        tags=source.tags,
        end_time=moment(source.end_ms),
        tokens=tuple(
            Token(token_id=token, outcome=outcome, index=index)
            for index, (token, outcome) in enumerate(
                zip(source.tokens, source.outcomes, strict=True)
            )
        ),
        tick=Price(from_micros(source.tick)),
        min_size=Shares(from_micros(source.min_size)),
        fee=Fee.model_validate({"rate": source.fee_rate}),
        neg_risk=source.neg_risk,
        protocol=source.protocol,
    )
