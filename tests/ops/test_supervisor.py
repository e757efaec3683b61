"""ops/supervision: order, restart with back-off, orderly stop, and no orphan after a kill -9."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest

from ops.supervision.identity import Identity, Register, end, end_leftovers
from ops.supervision.part import PartFailed
from ops.supervision.process import ProcessPart
from ops.supervision.supervisor import BackOff, Event, Supervisor
from tests.waiting import eventually


async def said_ready(part: ProcessPart) -> bool:
    return "ready" in part.fresh_log()


def sleeper(state: Path, name: str, how: str = "", **more: float) -> ProcessPart:
    command = [sys.executable, "-m", "tests.ops.sleeper", how]
    return ProcessPart(name, lambda: command, state, lambda: os.environ, said_ready, **more)  # type: ignore[arg-type]  # a stand-in


class Heard:
    """Remembers what the supervisor told."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def __call__(self, event: Event) -> None:
        self.events.append(event)

    def said(self) -> list[str]:
        return [f"{event.kind} {event.name}" for event in self.events]


@contextlib.asynccontextmanager
async def watching(supervisor: Supervisor) -> AsyncIterator[None]:
    await supervisor.start()
    task = asyncio.create_task(supervisor.watch())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])
        await supervisor.stop()


async def test_parts_start_in_order_and_stop_in_reverse(tmp_path: Path) -> None:
    heard = Heard()
    parts = [sleeper(tmp_path, "one"), sleeper(tmp_path, "two")]
    async with watching(Supervisor(parts, heard)):
        assert all(part.alive() for part in parts)
        assert set(Register(tmp_path).read()) == {"one", "two"}
    assert not any(part.alive() for part in parts)
    assert heard.said() == [
        *("starting one", "started one", "starting two", "started two"),
        *("stopping two", "stopped two", "stopping one", "stopped one"),
    ]
    assert Register(tmp_path).read() == {}


async def test_a_crashed_part_is_started_again(tmp_path: Path) -> None:
    heard = Heard()
    part = sleeper(tmp_path, "one")
    supervisor = Supervisor([part], heard, BackOff(first=0.01), look_every=0.02)
    async with watching(supervisor):
        os.kill(part.pid, signal.SIGKILL)
        await eventually(lambda: "restarted one" in heard.said())
        assert part.alive()
        assert supervisor.restarts == {"one": 1}
        assert Register(tmp_path).read()["one"].pid == part.pid


async def test_a_part_that_cannot_start_stops_the_others_and_says_why(tmp_path: Path) -> None:
    good, bad = sleeper(tmp_path, "good"), sleeper(tmp_path, "bad", "crash")
    with pytest.raises(PartFailed) as caught:
        await Supervisor([good, bad], Heard()).start()
    assert "bad ended with code 3 while starting" in str(caught.value)
    assert "no such thing" in str(caught.value)
    assert str(bad.log) in str(caught.value)
    assert not good.alive()


async def test_a_part_that_cannot_be_stopped_does_not_keep_the_others_running(
    tmp_path: Path,
) -> None:
    class Stuck:
        name = "stuck"

        async def start(self) -> None:
            pass

        def alive(self) -> bool:
            return True

        async def stop(self) -> None:
            raise OSError("no")

    heard = Heard()
    good = sleeper(tmp_path, "good")
    supervisor = Supervisor([good, Stuck()], heard)
    await supervisor.start()
    await supervisor.stop()
    assert not good.alive()
    assert heard.said()[-4:] == [
        *("stopping stuck", "failed stuck", "stopping good", "stopped good")
    ]


async def test_a_part_that_is_never_ready_is_stopped(tmp_path: Path) -> None:
    async def never(_: ProcessPart) -> bool:
        return False

    command = [sys.executable, "-m", "tests.ops.sleeper"]
    part = ProcessPart("x", lambda: command, tmp_path, lambda: os.environ, never, timeout=0.2)
    with pytest.raises(PartFailed, match="x was not ready after"):
        await part.start()
    assert not part.alive()


async def test_a_missing_program_is_told(tmp_path: Path) -> None:
    part = ProcessPart("x", lambda: ["/nowhere/x"], tmp_path, lambda: os.environ, said_ready)
    with pytest.raises(PartFailed, match="x could not be started"):
        await part.start()


async def test_a_deaf_part_is_killed_after_its_grace(tmp_path: Path) -> None:
    part = sleeper(tmp_path, "deaf", "stubborn", grace=0.3)
    await part.start()
    await part.stop()
    assert not part.alive()


def test_the_back_off_doubles_up_to_its_limit() -> None:
    back_off = BackOff(first=0.5, most=5)
    assert [back_off.pause(n) for n in (1, 2, 3, 4, 5, 1000)] == [0.5, 1, 2, 4, 5, 5]


async def test_nothing_of_a_killed_supervisor_outlives_the_next_start(tmp_path: Path) -> None:
    with open(tmp_path / "out", "wb") as out:
        doomed = subprocess.Popen(
            [sys.executable, "-m", "tests.ops.doomed", str(tmp_path)], stdout=out, stderr=out
        )
    with open(tmp_path / "out") as file:
        await eventually(lambda: "all up" in (file.seek(0), file.read())[1], within=30)
    left = {name: item.process() for name, item in Register(tmp_path).read().items()}
    assert left["with"] and left["without"]
    doomed.kill()
    doomed.wait()
    # Our own parts hold a lifeline and leave by themselves …
    await eventually(lambda: not left["with"] or not left["with"].is_running())
    assert left["without"].is_running()
    # … what cannot (a foreign program) is found by identity and ended.
    assert end_leftovers(tmp_path, "unused") == ["without"]
    assert not left["without"].is_running()
    assert Register(tmp_path).read() == {}


def test_a_process_started_a_moment_before_the_kill_is_found_by_its_argument(
    tmp_path: Path,
) -> None:
    marker = str(tmp_path / "temporal.db")
    unrecorded = subprocess.Popen([sys.executable, "-m", "tests.ops.sleeper", "", marker])
    assert end_leftovers(tmp_path, marker) == [str(unrecorded.pid)]
    assert not psutil.pid_exists(unrecorded.pid)
    unrecorded.wait()


def test_a_process_that_has_no_command_line_yet_is_recorded_with_the_one_it_gets(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Between exec and its end the kernel shows an empty one; recorded, it would never match."""
    real, empty = psutil.Process.cmdline, [2]

    def cmdline(process: psutil.Process) -> list[str]:
        empty[0] -= 1
        return [] if empty[0] >= 0 else real(process)

    monkeypatch.setattr(psutil.Process, "cmdline", cmdline)
    born = Identity.of(os.getpid())
    assert born.command == real(psutil.Process()) and born.process() is not None


def test_a_reused_pid_is_never_ended(tmp_path: Path) -> None:
    stranger = subprocess.Popen([sys.executable, "-m", "tests.ops.sleeper"])
    identity = Identity.of(stranger.pid)
    try:
        assert identity.process() is not None
        assert identity.model_copy(update={"created": identity.created - 60}).process() is None
        assert identity.model_copy(update={"command": ["other"]}).process() is None
        (tmp_path / "processes.json").write_text(
            json.dumps({"worker": {"pid": stranger.pid, "created": 1.0, "command": ["python"]}})
        )
        assert end_leftovers(tmp_path, "unused") == []
        assert stranger.poll() is None
    finally:
        end([psutil.Process(stranger.pid)])
        stranger.wait()


@pytest.mark.parametrize("text", ["", "[]", "{", '{"a": 1}', "null"])
def test_a_broken_record_counts_as_empty(tmp_path: Path, text: str) -> None:
    (tmp_path / "processes.json").write_text(text)
    assert Register(tmp_path).read() == {}
