"""Tapes: written, read, damaged, played (docs/tapes.md)."""

from __future__ import annotations

from pathlib import Path

import pytest
import zstandard

from sim import tape
from sim.config import SimConfig
from sim.engine import Engine
from sim.journal import Forgetful
from sim.memory import Memory
from sim.playback import Clock, Playback
from sim.sources import DEFAULT_TAPE
from sim.units import micro, text

MARKET = tape.TapeMarket(
    condition_id="0x" + "ab" * 32,
    tokens=("11", "12"),
    outcomes=("Up", "Down"),
    question="Up or down?",
    slug="up-or-down",
    start_ms=1_000,
    end_ms=61_000,
)
HEADER = tape.Header(source="test", first_ms=1_000, span_ms=60_000, markets=(MARKET,))
EVENTS: list[tape.Event] = [
    tape.Book(0, 0, ((micro("0.4"), micro("10")),), ((micro("0.5"), micro("20")),)),
    tape.Changes(1_000, 0, (("A", micro("0.5"), 0), ("A", micro("0.6"), micro("5")))),
    tape.Tick(2_000, 0, 1_000),
    tape.Print(3_000, 0, micro("0.55"), micro("7"), "BUY"),
    tape.Dispute(4_000, 0, "disputed"),
    tape.Resolve(60_000, 0, (1_000_000, 0)),
]


def write(path: Path) -> Path:
    with tape.Writer(path, HEADER) as writer:
        for event in EVENTS:
            writer.write(event)
    return path


def test_what_was_written_is_read_back(tmp_path: Path) -> None:
    path = write(tmp_path / "t.jsonl.zst")
    assert tape.read_header(path) == HEADER
    assert list(tape.read(path)) == EVENTS


def test_a_tape_appears_under_its_name_only_when_complete(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl.zst"
    with (
        pytest.raises(ValueError, match="expected an event at or after 1000 ms, was 0"),
        tape.Writer(path, HEADER) as writer,
    ):
        writer.write(EVENTS[1])
        writer.write(EVENTS[0])
    assert list(tmp_path.iterdir()) == []


def damage(path: Path, change: str) -> None:
    raw = path.read_bytes()
    if change == "cut":
        path.write_bytes(raw[: len(raw) // 2])
        return
    if change == "flip":
        path.write_bytes(raw[:-8] + bytes([raw[-8] ^ 255]) + raw[-7:])
        return
    lines = zstandard.ZstdDecompressor().stream_reader(raw).read().splitlines(keepends=True)
    changed = {
        "no end": lines[:-1],
        "lost line": lines[:2] + lines[3:],
        "time": [lines[0], lines[2], lines[1], *lines[3:]],
        "market": [lines[0], lines[1].replace(b'["b",0,0,', b'["b",0,7,'), *lines[2:]],
        "kind": [lines[0], b'["x",1]\n', *lines[1:]],
        "header": [b"{}\n", *lines[1:]],
        "version": [lines[0].replace(b'"version":1', b'"version":9'), *lines[1:]],
        "half a line": [*lines[:-1], lines[-1][:-3]],
    }[change]
    path.write_bytes(zstandard.ZstdCompressor().compress(b"".join(changed)))


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ("cut", "expected"),
        ("flip", "expected sound zstd data"),
        ("no end", "expected an end line, was cut after 6 events"),
        ("lost line", "expected 6 events, was 5; the tape is damaged"),
        ("time", "time runs back, 1000 to 0 ms"),
        ("market", "expected a market number below 1, was 7"),
        ("kind", "line 2: expected an event"),
        ("header", "expected a header line"),
        ("version", "expected touchline version 1, was touchline version 9"),
        ("half a line", "expected a whole last line, was cut in the middle"),
    ],
)
def test_every_damage_is_named(tmp_path: Path, change: str, expected: str) -> None:
    path = write(tmp_path / "t.jsonl.zst")
    damage(path, change)
    with pytest.raises(tape.TapeError, match=expected) as error:
        list(tape.read(path))
    assert str(path) in str(error.value)


def test_a_missing_tape_is_named(tmp_path: Path) -> None:
    with pytest.raises(tape.TapeError, match="expected a readable file, was No such file"):
        tape.read_header(tmp_path / "none.zst")


def engine(speed: float) -> Engine:
    config = SimConfig(source="none", speed=speed)
    return Engine(Memory(Forgetful()), config, clock=lambda: 10_000_000)


def test_times_are_shifted_to_now_and_scaled_by_the_speed() -> None:
    made = engine(30)
    source = Playback(made, HEADER, EVENTS)
    source.begin(10_000_000)
    assert source.markets[0].end_ms == 10_000_000 + 60_000 // 30
    assert Clock(10_000_000, 0, 30).offset(10_001_000) == 30_000


def test_a_tape_plays_books_ticks_prints_disputes_and_the_result() -> None:
    made = engine(1)
    made.exchange.outbox.heard = lambda: True
    source = Playback(made, HEADER, EVENTS)
    source.begin(10_000_000)
    market = source.markets[0]
    book = made.exchange.books[market.condition_id]
    source.play(0, 10_000_000)
    assert [(text(p), text(s)) for p, s in book.levels("A")] == [("0.5", "20")]
    source.play(4_000, 10_004_000)
    assert text(book.levels("A")[0][0]) == "0.6"
    assert (market.tick, market.last_price[0], market.oracle) == (1_000, micro("0.55"), "disputed")
    source.play(60_000, 10_060_000)
    assert market.payouts == (1_000_000, 0) and source.position.done
    kinds = {event.frame["event_type"] for event in made.exchange.outbox.drain()}
    assert kinds >= {"book", "price_change", "tick_size_change", "last_trade_price",
                     "market_resolved"}  # fmt: skip


def test_the_recording_of_the_repository_is_sound_and_complete() -> None:
    header = tape.read_header(DEFAULT_TAPE)
    events = list(tape.read(DEFAULT_TAPE))
    assert (len(header.markets), len(events)) == (18, 18_996)
    assert sum(isinstance(event, tape.Resolve) for event in events) == 18
    assert all(sum(e.payouts) == 1_000_000 for e in events if isinstance(e, tape.Resolve))
    assert DEFAULT_TAPE.with_name("btc15m.ATTRIBUTION.md").exists()
    assert "CC BY 4.0" in header.licence
