"""ingest/recorder.py and ingest/record.py"""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import zstandard
from structlog.testing import capture_logs

from domain.book import Book, Level
from domain.money import price, shares
from ingest.record import main, record
from ingest.recorder import Recorder
from ops.replay.events import open_tape
from settings.load import load_settings
from sim.tape import read_header
from sim.tape_convert import convert
from tests.ingest.fakes import FakeVenue
from tests.ingest.samples import many
from tests.venue.loopback import Loopback, loopback, running
from tests.venue.simulated import ROOT, running_sim
from tests.venue.test_stream import QUICK
from tests.venue.wire.frames import book_of, print_of
from tests.waiting import eventually

RECORDING = ROOT / "data" / "tapes" / "btc15m.jsonl.zst"


def lines(folder: Path) -> list[dict[str, Any]]:
    """Return all lines of all files, in order, headers left out."""
    found = []
    for path in sorted(folder.glob("stream-*.jsonl.zst")):
        reader = zstandard.ZstdDecompressor().stream_reader(
            path.open("rb"), read_across_frames=True
        )
        with io.TextIOWrapper(reader) as file:
            assert json.loads(file.readline()) == {"tape": "touchline-stream", "version": 1}
            found += [json.loads(line) for line in file]
    return found


async def test_frames_are_kept_as_they_came_with_their_epoch_and_receive_time(
    tmp_path: Path,
) -> None:
    recorder = Recorder(tmp_path / "new")
    recorder.tap(book_of([("0.5", "1")], []), 11, 1)
    recorder.tap(print_of("0.9"), 12, 2)
    recorder.tap(b"{torn\n}", 13, 2)
    await recorder.flush()
    recorder.close()
    kept = lines(tmp_path / "new")
    assert [line["seen_ns"] for line in kept] == [11, 12, 13]
    assert kept[0]["frame"][0]["event_type"] == "book" and kept[1]["epoch"] == 2
    assert kept[2]["text"] == "{torn\n}"


async def test_what_finds_no_room_leaves_a_mark(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path, room=100)
    for _ in range(5):
        recorder.tap(print_of(), 1, 1)
    await recorder.flush()
    recorder.tap(print_of(), 2, 1)
    await recorder.flush()
    recorder.close()
    assert [set(line) for line in lines(tmp_path)] == [
        {"seen_ns", "epoch", "frame"},
        {"lost"},
        {"seen_ns", "epoch", "frame"},
    ]
    assert recorder.lost == 4


async def test_files_turn_over(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path, turn_bytes=200)
    for number in range(4):
        recorder.tap(print_of(), number, 1)
        await recorder.flush()
    recorder.close()
    assert len(list(tmp_path.iterdir())) >= 2
    assert [line["seen_ns"] for line in lines(tmp_path)] == [0, 1, 2, 3]


async def test_a_full_disk_costs_the_recording_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """D1"""
    recorder = Recorder(tmp_path)

    def full(_: bytes) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(recorder, "_write", full)
        recorder.tap(print_of(), 1, 1)
        await recorder.flush()
    recorder.tap(print_of(), 2, 1)
    await recorder.flush()
    recorder.close()
    assert lines(tmp_path)[0] == {"lost": 1} and recorder.lost == 1


async def test_a_cancelled_recorder_writes_what_it_has(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path)
    async with running(asyncio.create_task(recorder.run())):
        recorder.tap(print_of(), 1, 1)
        await asyncio.sleep(0)
    assert len(lines(tmp_path)) == 1


async def test_a_running_venue_is_recorded_without_any_database(tmp_path: Path) -> None:
    async with running_sim(
        "--source",
        "tape",
        "--tape",
        str(RECORDING),
        "--speed",
        "600",
    ) as sim:
        urls = [
            f"venue.{name}_url={getattr(sim.hosts, name)}"
            for name in ("clob", "gamma", "data", "market_ws")
        ]
        settings = load_settings(urls, {"TOUCHLINE_STATE": str(tmp_path)}, tmp_path)
        stop, folder = asyncio.Event(), tmp_path / "tape"
        task = asyncio.create_task(record(settings, folder, 5, stop))
        await eventually(lambda: any(p.stat().st_size > 2000 for p in folder.glob("*.zst")))
        stop.set()
        frames = await task
    kept = lines(folder)
    assert len(kept) == frames > 0 and {line["epoch"] for line in kept} == {1}
    made = convert(folder, tmp_path / "made.jsonl.zst")
    assert made.markets == 5 and made.gaps == made.lost == 0 and not made.skipped
    known = {m.condition_id: m.tokens for m in read_header(RECORDING).markets}
    played = open_tape(tmp_path / "made.jsonl.zst")
    for market in played.markets:
        assert tuple(t.token_id for t in market.tokens) == known[market.condition_id]
    assert len(list(played.events)) == made.events > 5


class Known(FakeVenue):
    """A venue whose books have moved on, whatever the stream says."""

    async def books(self, token_ids: Iterable[str]) -> list[Book]:
        """Return a book of now for each token."""
        now = datetime.now(UTC)
        bids = (Level(price=price("0.6"), shares=shares(5)),)
        return [
            Book(token_id=t, condition_id="0x1", bids=bids, venue_time=now, seen_at=now)
            for t in token_ids
        ]

    async def aclose(self) -> None:
        """Close nothing."""


@asynccontextmanager
async def recording(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[Loopback, asyncio.Task[int], asyncio.Event]]:
    """Record a market of a server on loopback that answers PING and says nothing by itself."""
    monkeypatch.setattr("ingest.record.PublicVenue", lambda _: Known(many(1)))
    monkeypatch.setattr("venue.stream.StreamLimits", lambda: QUICK)
    async with loopback() as server:
        given = [f"venue.market_ws_url={server.url}"]
        settings = load_settings(given, {"TOUCHLINE_STATE": str(folder)}, folder)
        stop = asyncio.Event()
        task = asyncio.create_task(record(settings, folder / "tape", 5, stop))
        try:
            await eventually(lambda: server.open)
            yield server, task, stop
        finally:
            stop.set()
            await asyncio.wait([task], timeout=5)


async def test_a_frozen_stream_is_replaced_and_the_tape_shows_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """W2: nobody looks at a recorder for hours."""
    token = many(1)[0].tokens[0].token_id
    async with recording(tmp_path, monkeypatch) as (server, task, stop):
        await server.tell(book_of([("0.5", "1")], [], token=token))
        await eventually(lambda: server.connects >= 2)
        await eventually(lambda: len(server.open) == 1)
        stop.set()
        assert await task == 1
    assert [line["epoch"] for line in lines(tmp_path / "tape")] == [1]


@pytest.mark.parametrize("part", ["ingest.record.Recorder.flush", "ingest.record.Audit.right"])
async def test_the_recorder_ends_with_the_error_of_a_part_that_broke(
    part: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A writer or a socket that died in silence would leave an empty tape."""

    async def broken(*_: object) -> bool:
        raise RuntimeError("bug")

    monkeypatch.setattr(part, broken)
    async with recording(tmp_path, monkeypatch) as (_, task, _stop):
        await asyncio.wait([task], timeout=5)
        assert task.done()
        with pytest.raises(RuntimeError, match="bug"):
            await task


def test_a_recorder_that_broke_exits_with_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*_: object) -> None:
        raise RuntimeError("bug")

    monkeypatch.setattr("sys.argv", ["record", "tape"])
    monkeypatch.setattr("ingest.record._until", broken)
    monkeypatch.setattr("ingest.record.log_to", lambda *_: None)
    with capture_logs() as logs:
        assert main() == 1
    assert logs[-1]["event"] == "failed" and "bug" in logs[-1]["error"]
