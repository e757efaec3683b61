"""`touchline up` as a whole: real processes, a short cut of the recording, the sim as judge."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path

import pytest

from ops.supervision.identity import Register
from tests.ops.stack import cut, stack
from tests.waiting import eventually

pytestmark = [pytest.mark.stack, pytest.mark.timeout(300)]

MARKETS = 3
SPEED = "150"


def clean(report: dict[str, object]) -> bool:
    judge = report["judge"]
    assert isinstance(judge, dict)
    return not any(float(value) for value in judge.values())


async def test_a_cut_of_the_recording_is_traded_and_the_books_agree(tmp_path: Path) -> None:
    tape = cut(tmp_path / "cut.jsonl.zst", MARKETS)
    with stack() as run:
        arguments = ["--exit-when-done", "--speed", SPEED, "--report", str(run.report)]
        run.start(*arguments, "--set", f"sim.tape={tape}")
        assert await run.ended(within=200) == 0, run.said()
        report = run.result()
        assert report["trades"]["settled"] >= 1
        assert (report["trades"]["open"], report["trades"]["unknown"]) == (0, 0)
        assert clean(report), report
        assert report["markets"] == MARKETS and report["frames"] > 0
        assert Register(run.state).read() == {}  # nothing is left running
        assert "proves nothing about profit" in run.said()


async def test_killing_worker_ingest_and_supervisor_loses_and_doubles_nothing(
    tmp_path: Path,
) -> None:
    """Issue 2: `kill -9` of the worker, of ingest, or of the whole supervisor."""
    tape = cut(tmp_path / "cut.jsonl.zst", MARKETS)
    with stack() as run:
        play = ["--speed", "80", "--set", f"sim.tape={tape}"]
        run.start(*play)
        await run.ready()
        await eventually(lambda: "holding" in run.said(), within=120, every=0.2)
        for part in ("worker", "ingest"):
            killed = run.kill(part)
            await eventually(partial(restarted, run.state, part, killed), within=60)
        run.kill()
        run.start(*play, "--exit-when-done", "--report", str(run.report))
        assert await run.ended(within=200) == 0, run.said()
        report = run.result()
        assert report["trades"]["settled"] >= 1
        assert clean(report), report


def restarted(state: Path, part: str, killed: int) -> bool:
    entry = Register(state).read().get(part)
    return entry is not None and entry.pid != killed and entry.process() is not None


async def test_a_corrupt_tape_ends_the_start_with_its_name_and_nothing_left(
    tmp_path: Path,
) -> None:
    broken = tmp_path / "broken.jsonl.zst"
    broken.write_bytes(cut(tmp_path / "cut.jsonl.zst", 1).read_bytes()[:-2000])
    with stack() as run:
        run.start("--exit-when-done", "--set", f"sim.tape={broken}")
        assert await run.ended(within=90) == 1
        assert "broken.jsonl.zst" in run.said()
        assert Register(run.state).read() == {}


async def test_an_unreachable_temporal_is_named(tmp_path: Path) -> None:
    with stack() as run:
        run.start(TEMPORAL_ADDRESS="127.0.0.1:1")
        assert await run.ended(within=60) == 1
        assert "cannot reach Temporal at 127.0.0.1:1 (TEMPORAL_ADDRESS)" in run.said()


async def test_a_second_up_is_told_that_one_runs(tmp_path: Path) -> None:
    with stack() as run, stack() as other:
        run.state.mkdir(mode=0o711)
        other.state = run.state
        lock = os.open(run.state / "supervisor.lock", os.O_CREAT | os.O_RDWR)
        import fcntl

        fcntl.flock(lock, fcntl.LOCK_EX)
        other.start()
        assert await other.ended(within=30) == 1
        assert "already runs in" in other.said()
        os.close(lock)
