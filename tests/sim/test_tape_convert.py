"""sim/tape_convert.py: what touchline record wrote becomes a tape that replay and sim can use."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from domain.market import Market, Token
from ingest.recorder import Recorder
from ops.cli.main import main
from ops.replay.events import open_tape
from sim import tape
from sim.config import SimConfig
from sim.server import running
from sim.tape_convert import convert
from tests.venue.wire.frames import CONDITION, NO, YES, book_of, print_of

AT_NS = 1_790_000_000_000_000_000
MS = 1_000_000


def market(end: datetime | None = datetime(2026, 9, 22, tzinfo=UTC)) -> Market:
    """Return the market of the frames."""
    tokens = [Token(token_id=t, outcome=o, index=i) for i, (t, o) in enumerate(pairs())]
    return Market(
        condition_id=CONDITION, question="Will it?", slug="it", end_time=end, tokens=tuple(tokens)
    )


def pairs() -> list[tuple[str, str]]:
    return [(YES, "Yes"), (NO, "No")]


def changed(*changes: tuple[str, str, str, str]) -> bytes:
    """Return a price_change of (token, side, price, size)."""
    told = [
        {"asset_id": t, "side": s, "price": p, "size": n, "best_bid": "0.5", "best_ask": "0.6"}
        for t, s, p, n in changes
    ]
    body = {"event_type": "price_change", "market": CONDITION, "timestamp": "1"}
    return json.dumps({**body, "price_changes": told}).encode()


def resolved(winner: str) -> bytes:
    body = {"event_type": "market_resolved", "market": CONDITION, "winning_asset_id": winner}
    return json.dumps(body).encode()


async def recorded(folder: Path, *frames: tuple[int, int, bytes], known: Market) -> Path:
    """Record frames of (milliseconds, epoch, frame) and return the folder."""
    recorder = Recorder(folder)
    recorder.markets([known])
    for at, epoch, frame in frames:
        recorder.tap(frame, AT_NS + at * MS, epoch)
        await recorder.flush()
    recorder.close()
    return folder


async def usual(folder: Path) -> Path:
    """Return a recording of a short life with a gap in it."""
    return await recorded(
        folder,
        (0, 1, print_of("0.5")),  # before any book: nothing to stand on
        (5, 1, book_of([("0.50", "10")], [("0.52", "7.5")])),
        (9, 1, changed((YES, "BUY", "0.51", "3"), (NO, "SELL", "0.49", "3"))),
        (12, 1, print_of("0.49", asset_id=NO, size="60", side="SELL")),
        (11, 1, changed((YES, "SELL", "0.52", "0"))),  # the clock was set back
        (30, 2, book_of([("0.95", "10")], [])),
        (31, 2, b"no frame at all"),
        (40, 2, resolved(YES)),
        known=market(),
    )


async def test_frames_become_the_events_that_they_tell(tmp_path: Path) -> None:
    made = convert(await usual(tmp_path / "raw"), tmp_path / "t.jsonl.zst")
    header = tape.read_header(tmp_path / "t.jsonl.zst")
    assert (made.events, made.markets, made.gaps, made.lost) == (6, 1, 1, 0)
    assert made.skipped == {"before the first book": 1, "no JSON": 1}
    assert list(tape.read(tmp_path / "t.jsonl.zst")) == [
        tape.Book(0, 0, ((500_000, 10_000_000),), ((520_000, 7_500_000),)),
        tape.Changes(4, 0, (("B", 510_000, 3_000_000),)),
        tape.Print(7, 0, 490_000, 60_000_000, "SELL", 1),
        tape.Changes(7, 0, (("A", 520_000, 0),)),
        tape.Book(25, 0, ((950_000, 10_000_000),), ()),
        tape.Resolve(35, 0, (1_000_000, 0)),
    ]
    (listed,) = header.markets
    assert (listed.condition_id, listed.tokens) == (CONDITION, (YES, NO))
    assert header.first_ms == AT_NS // MS + 5 and header.span_ms == 35


async def test_replay_and_sim_take_the_tape(tmp_path: Path) -> None:
    target = tmp_path / "t.jsonl.zst"
    assert main(["tape", "convert", str(await usual(tmp_path / "raw")), str(target)]) == 0
    assert len(list(open_tape(target).events)) == 6
    async with running(SimConfig(source="tape", tape=target, lead_ms=0)) as sim:
        assert list(sim.engine.exchange.markets) == [CONDITION]


async def test_an_unknown_end_is_not_the_end_of_the_recording(tmp_path: Path) -> None:
    frames = [(0, 1, book_of([("0.5", "1")], [])), (9, 1, print_of("0.5", size="5"))]
    folder = await recorded(tmp_path / "raw", *frames, known=market(end=None))
    convert(folder, tmp_path / "t.jsonl.zst")
    header = tape.read_header(tmp_path / "t.jsonl.zst")
    assert header.markets[0].end_ms > header.first_ms + header.span_ms + 300 * 86_400_000


async def test_a_power_cut_costs_the_last_line_and_damage_is_named(tmp_path: Path) -> None:
    folder = await usual(tmp_path / "raw")
    (stream,) = folder.glob("stream-*")
    whole = stream.read_bytes()
    stream.write_bytes(whole[:-20])
    assert convert(folder, tmp_path / "t.jsonl.zst").events == 5
    stream.write_bytes(whole[:60] + b"\0" * 40 + whole[100:])
    with pytest.raises(tape.TapeError, match=r"stream-.*zst"):
        convert(folder, tmp_path / "t.jsonl.zst")


def test_what_is_no_recording_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="touchline record"):
        convert(tmp_path, tmp_path / "t.jsonl.zst")
    assert main(["tape", "convert", str(tmp_path), str(tmp_path / "t.jsonl.zst")]) == 2
