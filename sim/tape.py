"""Tapes: recorded books, prints and payouts as jsonl.zst (format: docs/tapes.md)."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

import msgspec
import zstandard

VERSION = 1
MAX_LINE = 4 * 1024 * 1024

Level = tuple[int, int]  # price, size; both in millionths
Change = tuple[str, int, int]  # "B" bid or "A" ask, price, new size; 0 removes the level


class TapeError(Exception):
    """The tape cannot be read; the text names the file, the line and what was expected."""


class TapeMarket(msgspec.Struct, frozen=True, kw_only=True):
    """One market of a tape. Times in epoch milliseconds of the recording, payouts in millionths."""

    condition_id: str
    tokens: tuple[str, str]
    outcomes: tuple[str, str]
    question: str
    slug: str
    start_ms: int
    end_ms: int
    tick: int = 10_000
    min_size: int = 5_000_000
    fee_rate: str = "0"
    category: str = ""
    tags: tuple[str, ...] = ()
    neg_risk: bool = False
    protocol: str = "v1"


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """First line of a tape. `span_ms` is the offset of the last event."""

    tape: str = "touchline"
    version: int = VERSION
    source: str
    attribution: str = ""
    licence: str = ""
    first_ms: int
    span_ms: int
    markets: tuple[TapeMarket, ...]


class Book(msgspec.Struct, frozen=True, array_like=True, tag="b"):
    """The whole book of the first outcome token of market number `market`."""

    at: int  # milliseconds since `first_ms`, as for every event
    market: int
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]


class Changes(msgspec.Struct, frozen=True, array_like=True, tag="c"):
    """New sizes of some levels of the first outcome's book."""

    at: int
    market: int
    changes: tuple[Change, ...]


class Print(msgspec.Struct, frozen=True, array_like=True, tag="p"):
    """A trade of the recording, priced in outcome `outcome` (0 or 1); side is the taker's."""

    at: int
    market: int
    price: int
    size: int
    side: str
    outcome: int = 0


class Tick(msgspec.Struct, frozen=True, array_like=True, tag="t"):
    """A new tick size."""

    at: int
    market: int
    tick: int


class Resolve(msgspec.Struct, frozen=True, array_like=True, tag="r"):
    """The market resolved; payouts of one share of each outcome."""

    at: int
    market: int
    payouts: tuple[int, int]


class Dispute(msgspec.Struct, frozen=True, array_like=True, tag="d"):
    """A proposed result (`proposed`) or a dispute of it (`disputed`); trading goes on."""

    at: int
    market: int
    status: str


class End(msgspec.Struct, frozen=True, array_like=True, tag="e"):
    """Last line: the number of events before it, so that a cut tape is noticed."""

    at: int
    events: int


Event = Book | Changes | Print | Tick | Resolve | Dispute

_line = msgspec.json.Decoder(Book | Changes | Print | Tick | Resolve | Dispute | End)
_header = msgspec.json.Decoder(Header)


def read_header(path: Path) -> Header:
    """Return the header of the tape.

    Raises:
        TapeError: the file is missing, corrupt, or of another version.
    """
    try:
        with path.open("rb") as file:
            return _parse_header(path, next(_lines(path, file), b""))
    except OSError as cause:
        raise TapeError(f"tape {path}: expected a readable file, was {cause.strerror}") from cause


def read(path: Path) -> Iterator[Event]:
    """Yield the events of the tape in order.

    Raises:
        TapeError: at the first line that is corrupt, out of order, or missing.
    """
    try:
        with path.open("rb") as file:
            lines = _lines(path, file)
            header = _parse_header(path, next(lines, b""))
            yield from _events(path, header, lines)
    except OSError as cause:
        raise TapeError(f"tape {path}: expected a readable file, was {cause.strerror}") from cause


def _events(path: Path, header: Header, lines: Iterator[bytes]) -> Iterator[Event]:
    count, last = 0, 0
    for number, text in enumerate(lines, start=2):
        try:
            event = _line.decode(text)
        except msgspec.MsgspecError as cause:
            raise TapeError(f"tape {path}, line {number}: expected an event, was {cause}") from None
        if event.at < last:
            raise TapeError(f"tape {path}, line {number}: time runs back, {last} to {event.at} ms")
        last = event.at
        if isinstance(event, End):
            if event.events != count:
                raise TapeError(
                    f"tape {path}: expected {event.events} events, was {count}; the tape is damaged"
                )
            return
        if not 0 <= event.market < len(header.markets):
            raise TapeError(
                f"tape {path}, line {number}: expected a market number below "
                f"{len(header.markets)}, was {event.market}"
            )
        count += 1
        yield event
    raise TapeError(f"tape {path}: expected an end line, was cut after {count} events")


def _parse_header(path: Path, text: bytes) -> Header:
    try:
        header = _header.decode(text)
    except msgspec.MsgspecError as cause:
        raise TapeError(f"tape {path}: expected a header line, was {cause}") from None
    if (header.tape, header.version) != ("touchline", VERSION):
        raise TapeError(
            f"tape {path}: expected touchline version {VERSION}, "
            f"was {header.tape} version {header.version}"
        )
    return header


def _lines(path: Path, file: BinaryIO) -> Iterator[bytes]:
    stream = zstandard.ZstdDecompressor().stream_reader(file)
    buffer = b""
    try:
        while chunk := stream.read(1 << 16):
            *lines, buffer = (buffer + chunk).split(b"\n")
            yield from lines
            if len(buffer) > MAX_LINE:
                raise TapeError(f"tape {path}: expected lines below {MAX_LINE} bytes")
    except zstandard.ZstdError as cause:
        raise TapeError(f"tape {path}: expected sound zstd data, was {cause}") from None
    if buffer:
        raise TapeError(f"tape {path}: expected a whole last line, was cut in the middle")


class Writer:
    """Writes a tape; use as a context manager, events in order of time."""

    def __init__(self, path: Path, header: Header, level: int = 19) -> None:
        self._path = path
        self._temporary = path.with_suffix(path.suffix + ".part")
        self._file: io.BufferedWriter | None = None
        self._header = header
        self._compressor = zstandard.ZstdCompressor(level=level, write_checksum=True)
        self._count = 0
        self._last = 0

    def __enter__(self) -> Writer:
        """Open a file beside the target; it takes the name only when complete."""
        self._file = self._temporary.open("wb")
        self._stream = self._compressor.stream_writer(self._file)
        self._stream.write(msgspec.json.encode(self._header) + b"\n")
        return self

    def write(self, event: Event) -> None:
        """Append one event.

        Raises:
            ValueError: the event is older than the one before.
        """
        if event.at < self._last:
            raise ValueError(f"expected an event at or after {self._last} ms, was {event.at}")
        self._last = event.at
        self._count += 1
        self._stream.write(msgspec.json.encode(event) + b"\n")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        """Write the end line and rename; on an error leave nothing behind."""
        if kind is None:
            self._stream.write(msgspec.json.encode(End(self._last, self._count)) + b"\n")
        self._stream.close()  # type: ignore[no-untyped-call]  # the library has no types
        if kind is None:
            self._temporary.rename(self._path)
        else:
            self._temporary.unlink(missing_ok=True)
