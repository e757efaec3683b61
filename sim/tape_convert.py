"""Turns what `touchline record` wrote into a tape: raw frames of the venue into books and prints.

The recording is a folder: `markets.jsonl`, one market a line as the catalogue knew it, and
`stream-*.jsonl.zst` (docs/ingest.md). Times on the tape are those at which the frames came.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import zstandard
from pydantic import ValidationError

from domain.market import Market
from domain.money import micros
from sim import tape
from sim.units import ONE, micro
from venue.wire import market as wire

MARKETS = "markets.jsonl"
STREAMS = "stream-*.jsonl.zst"
KIND, VERSION = "touchline-stream", 1
SOME_DAY_MS = 365 * 24 * 3600 * 1000  # an end that nobody knows: a year after the last frame


class Line(msgspec.Struct):
    """One line of a stream file; `frame` as the venue sent it, `lost` frames had no room."""

    seen_ns: int = 0
    epoch: int = 0
    frame: msgspec.Raw = msgspec.Raw(b"")
    text: str = ""
    lost: int = 0


@dataclass
class Converted:
    """What became of a recording; `skipped` counts what a tape has no word for, by reason."""

    events: int = 0
    markets: int = 0
    gaps: int = 0
    lost: int = 0
    skipped: Counter[str] = field(default_factory=Counter)


def convert(folder: Path, target: Path) -> Converted:
    """Write the tape of a recorded folder and return what is on it.

    Read twice: a tape says at its beginning how long it is and which markets it has.

    Raises:
        FileNotFoundError: the folder holds no recording.
        tape.TapeError: a file is damaged before its last line; names the file and the place.
    """
    known = _markets(folder / MARKETS)
    first = _Reading(folder, known)
    begins = ends = -1
    for ends, _ in first.frames():
        begins = ends if begins < 0 else begins
    if begins < 0:
        raise tape.TapeError(f"{folder}: expected frames of known markets, was none")
    markets = tuple(first.started.values())
    header = tape.Header(
        source=f"recorded stream of {len(markets)} markets, {first.done.gaps} gaps",
        first_ms=begins,
        span_ms=ends - begins,
        markets=tuple(_listed(market, begins, ends) for market in markets),
    )
    numbers = {market.condition_id: number for number, market in enumerate(markets)}
    second = _Reading(folder, known)
    with tape.Writer(target, header, level=9) as writer:
        for at, (market, make) in second.frames():
            writer.write(make.at(at - begins, numbers[market.condition_id]))
            second.done.events += 1
    second.done.markets = len(markets)
    return second.done


@dataclass(frozen=True)
class _Made:
    """An event that does not know its time and market yet."""

    event: tape.Event

    def at(self, at: int, market: int) -> tape.Event:
        return msgspec.structs.replace(self.event, at=at, market=market)


class _Reading:
    """One pass over the stream files. A market starts with its first whole book."""

    def __init__(self, folder: Path, known: dict[str, Market]) -> None:
        self._folder = folder
        self._of = {
            t.token_id: (market, t.index) for market in known.values() for t in market.tokens
        }
        self._known = known
        self._decoder = wire.MarketDecoder()
        self._epochs: set[int] = set()
        self.started: dict[str, Market] = {}
        self.done = Converted()

    def frames(self) -> Iterator[tuple[int, tuple[Market, _Made]]]:
        """Yield what is of use, with the milliseconds of its arrival, which never go back."""
        last = 0
        for line in _lines(self._folder):
            self.done.lost += line.lost
            if not line.frame:
                self.done.skipped["no JSON"] += bool(line.text)
                continue
            self._epochs.add(line.epoch)
            last = max(last, line.seen_ns // 1_000_000)
            for event in self._decoder.decode(bytes(line.frame)):
                if (made := self._made(event)) is not None:
                    yield last, made
        self.done.gaps = max(0, len(self._epochs) - 1)
        self.done.skipped.update(self._decoder.malformed)

    def _made(self, event: wire.Event) -> tuple[Market, _Made] | None:
        try:
            found = self._event(event)
        except ValueError:
            self.done.skipped["odd number"] += 1
            return None
        if found is None:
            return None
        market, made = found
        if isinstance(made, tape.Book):
            self.started[market.condition_id] = market
        elif market.condition_id not in self.started:
            self.done.skipped["before the first book"] += 1
            return None
        return market, _Made(made)

    def _event(self, event: wire.Event) -> tuple[Market, tape.Event] | None:
        if isinstance(event, wire.MarketResolved):
            return self._resolved(event)
        if isinstance(event, wire.PriceChange):
            return self._changes(event)
        if not isinstance(event, wire.Book | wire.LastTrade | wire.TickSizeChange):
            return None
        market, outcome = self._of.get(event.asset_id, (None, 0))
        if market is None:
            return None
        if isinstance(event, wire.LastTrade):
            return self._print(event, market, outcome)
        if outcome:
            return None  # the second outcome's book is the mirror image
        if isinstance(event, wire.Book):
            return market, tape.Book(0, 0, _side(event.bids), _side(event.asks))
        return market, tape.Tick(0, 0, micro(event.new_tick_size))

    def _print(
        self, event: wire.LastTrade, market: Market, outcome: int
    ) -> tuple[Market, tape.Event] | None:
        if not event.size:
            self.done.skipped["print without size"] += 1
            return None
        price, size = micro(event.price), micro(event.size)
        return market, tape.Print(0, 0, price, size, event.side, outcome)

    def _changes(self, event: wire.PriceChange) -> tuple[Market, tape.Event] | None:
        market, changes = None, []
        for change in event.price_changes:
            of, outcome = self._of.get(change.asset_id, (None, 0))
            if of is not None and not outcome:
                market = of
                side = "B" if change.side == "BUY" else "A"
                changes.append((side, micro(change.price), micro(change.size)))
        return None if market is None else (market, tape.Changes(0, 0, tuple(changes)))

    def _resolved(self, event: wire.MarketResolved) -> tuple[Market, tape.Event] | None:
        market, outcome = self._of.get(event.winning_asset_id, (None, 0))
        if market is None:
            self.done.skipped["resolved without a winner"] += event.market in self._known
            return None
        return market, tape.Resolve(0, 0, (0, ONE) if outcome else (ONE, 0))


def _side(levels: list[wire.Level]) -> tuple[tape.Level, ...]:
    return tuple((micro(level.price), micro(level.size)) for level in levels)


def _markets(path: Path) -> dict[str, Market]:
    """Return the markets by condition; the last word about each counts."""
    if not path.exists():
        raise FileNotFoundError(f"{path}: expected a folder written by touchline record")
    found = {}
    for number, text in enumerate(path.read_text().splitlines(), start=1):
        try:
            market = Market.model_validate(json.loads(text))
        except (ValueError, ValidationError) as cause:
            raise tape.TapeError(f"{path}, line {number}: expected a market") from cause
        if len(market.tokens) == 2:
            found[market.condition_id] = market
    return found


def _listed(market: Market, begins: int, ends: int) -> tape.TapeMarket:
    tokens = sorted(market.tokens, key=lambda token: token.index)
    end = market.end_time
    return tape.TapeMarket(
        condition_id=market.condition_id,
        tokens=(tokens[0].token_id, tokens[1].token_id),
        outcomes=(tokens[0].outcome, tokens[1].outcome),
        question=market.question,
        slug=market.slug,
        start_ms=begins,
        end_ms=ends + SOME_DAY_MS if end is None else int(end.timestamp() * 1000),
        tick=micros(market.tick),
        min_size=micros(market.min_size),
        fee_rate=f"{market.fee.rate.normalize():f}",
        category=market.category or "",
        tags=market.tags,
        neg_risk=market.neg_risk,
        protocol=market.protocol,
    )


def _lines(folder: Path) -> Iterator[Line]:
    """Yield the lines of all files in order. The last one of a file may be cut: a power cut."""
    decode = msgspec.json.Decoder(Line).decode
    paths = sorted(folder.glob(STREAMS))
    if not paths:
        raise FileNotFoundError(f"{folder}: expected files {STREAMS}, was none")
    for path in paths:
        texts = _texts(path)
        head = json.loads(next(texts, b"{}"))
        if (head.get("tape"), head.get("version")) != (KIND, VERSION):
            raise tape.TapeError(f"{path}: expected {KIND} version {VERSION}, was {head}")
        for number, text in enumerate(texts, start=2):
            try:
                yield decode(text)
            except msgspec.MsgspecError as cause:
                raise tape.TapeError(
                    f"{path}, line {number}: expected a line, was {cause}"
                ) from None


def _texts(path: Path) -> Iterator[bytes]:
    """Yield whole lines; what follows the last whole one is left."""
    buffer = b""
    with path.open("rb") as file:
        stream = zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True)
        try:
            while chunk := stream.read(1 << 18):
                *lines, buffer = (buffer + chunk).split(b"\n")
                yield from lines
        except zstandard.ZstdError as cause:
            raise tape.TapeError(f"{path}: expected sound zstd data, was {cause}") from None
