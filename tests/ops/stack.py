"""A whole stack as processes on a short cut of the recording, for tests."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from ops.stack.runfile import Running, running
from ops.supervision.identity import Register
from sim import tape
from tests.waiting import eventually

ROOT = Path(__file__).resolve().parents[2]
RECORDING = ROOT / "data" / "tapes" / "btc15m.jsonl.zst"


def cut(target: Path, markets: int) -> Path:
    """Write the first markets of the recording, up to the resolution of the last of them."""
    whole = tape.read_header(RECORDING)
    events = [e for e in tape.read(RECORDING) if getattr(e, "market", markets) < markets]
    header = msgspec.structs.replace(whole, markets=whole.markets[:markets], span_ms=events[-1].at)
    with tape.Writer(target, header, level=3) as writer:
        for event in events:
            writer.write(event)
    return target


class StackProcess:
    """`touchline up` in a directory of its own; every process in it is ours to kill."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.state = folder / "state"
        self.report = folder / "report.json"
        self.log = folder / "up.log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, *arguments: str, verb: str = "up", **variables: str) -> None:
        """Start `up` (or `paper`) with arguments; its output goes to the log."""
        environ = {k: v for k, v in os.environ.items() if not k.startswith("TOUCHLINE_")}
        environ |= {"TOUCHLINE_STATE": str(self.state), "PYTHONPATH": str(ROOT), **variables}
        command = [sys.executable, "-P", "-m", "ops.cli.main", verb, *arguments]
        with open(self.log, "ab") as log:
            self._process = subprocess.Popen(
                command, stdout=log, stderr=log, env=environ, cwd=self.folder
            )

    async def ready(self, within: float = 90) -> Running:
        """Wait until everything runs."""
        return await eventually(self._running, within=within, every=0.2)

    def _running(self) -> Running | None:
        assert self._process is not None and self._process.poll() is None, self.said()
        return running(self.state)

    async def ended(self, within: float) -> int:
        """Wait for the end and return the exit code."""
        process = self._process
        assert process is not None
        await eventually(lambda: process.poll() is not None, within=within, every=0.2)
        return int(process.returncode)

    def said(self) -> str:
        """Return everything `up` has printed."""
        return self.log.read_text(errors="replace")

    def result(self) -> dict[str, Any]:
        """Return the report."""
        return dict(json.loads(self.report.read_text()))

    def kill(self, part: str = "") -> int:
        """Kill -9 a part, or the supervisor; return the pid."""
        process = self._process
        assert process is not None
        if part:
            pid = Register(self.state).read()[part].pid
            os.kill(pid, signal.SIGKILL)
            return pid
        process.kill()
        process.wait()
        return process.pid

    def stop(self) -> None:
        """Stop what still runs, in order."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            self._process.wait(60)
        down = [sys.executable, "-P", "-m", "ops.cli.main", "down"]
        environ = {**os.environ, "TOUCHLINE_STATE": str(self.state), "PYTHONPATH": str(ROOT)}
        subprocess.run(down, env=environ, capture_output=True, timeout=90)


@contextmanager
def stack() -> Iterator[StackProcess]:
    """Yield a stack in a new directory that the server's account can reach; stop it after."""
    folder = Path(tempfile.mkdtemp(prefix="touchline-stack-"))
    folder.chmod(0o711)
    process = StackProcess(folder)
    try:
        yield process
    finally:
        process.stop()
        shutil.rmtree(folder, ignore_errors=True)
