"""ProcessPart: one of our parts as an OS process with its own log file."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path

from ops.supervision.identity import Register
from ops.supervision.part import PartFailed

POLL = 0.05
TAIL = 1500  # characters of the log that an error repeats

Ready = Callable[["ProcessPart"], Awaitable[bool]]


class ProcessPart:
    """A command, restarted with the same environment; configuration never goes into argv.

    `environment` is read at each start, so that a later part sees what an earlier one found
    out (ports). `lifeline` is the read end of a pipe the supervisor holds: when the supervisor
    dies the child reads its end and leaves (see ops/child.py).
    """

    def __init__(
        self,
        name: str,
        command: Callable[[], Sequence[str]],
        state: Path,
        environment: Callable[[], Mapping[str, str]],
        ready: Ready,
        *,
        lifeline: int | None = None,
        timeout: float = 60,
        grace: float = 20,
    ) -> None:
        self._name = name
        self._command = command
        self._environment = environment
        self._ready = ready
        self._lifeline = lifeline
        self._timeout = timeout
        self._grace = grace
        self._register = Register(state)
        self.log = state / "logs" / f"{name}.log"
        self.log_start = 0  # bytes; where the log of the present run begins
        self._process: subprocess.Popen[bytes] | None = None
        self._begun = 0.0

    @property
    def name(self) -> str:
        """Return the name shown to people."""
        return self._name

    @property
    def pid(self) -> int:
        """Return the pid of the present run, 0 before the first."""
        return self._process.pid if self._process else 0

    def alive(self) -> bool:
        """Return whether the process runs."""
        return self._process is not None and self._process.poll() is None

    def age(self) -> float:
        """Return the seconds since the present run began."""
        return time.monotonic() - self._begun

    async def start(self) -> None:
        """Start the process and wait until it is ready."""
        self._spawn()
        end = time.monotonic() + self._timeout
        while True:
            if not self.alive():
                raise PartFailed(f"{self._name} ended{self._ending()} while starting{self._said()}")
            if await self._ready(self):
                return
            if time.monotonic() > end:
                await self.stop()
                raise PartFailed(
                    f"{self._name} was not ready after {self._timeout:.0f} s{self._said()}"
                )
            await asyncio.sleep(POLL)

    async def stop(self) -> None:
        """Send SIGTERM, then SIGKILL after the grace period."""
        if self._process is not None and self.alive():
            self._process.terminate()
            try:
                await asyncio.to_thread(self._process.wait, self._grace)
            except subprocess.TimeoutExpired:
                self._process.kill()
                await asyncio.to_thread(self._process.wait)
        self._register.remove(self._name)

    def fresh_log(self) -> str:
        """Return what the present run has written so far."""
        with open(self.log, "rb") as file:
            file.seek(self.log_start)
            return file.read().decode(errors="replace")

    def _spawn(self) -> None:
        self.log.parent.mkdir(mode=0o700, exist_ok=True)
        with open(self.log, "ab") as log:
            self.log_start = log.tell()
            try:
                self._process = subprocess.Popen(  # noqa: S603 (our own command)
                    list(self._command()),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    env=dict(self._environment()),
                    start_new_session=True,  # Ctrl-C reaches the supervisor alone
                    pass_fds=() if self._lifeline is None else (self._lifeline,),
                )
            except OSError as e:
                raise PartFailed(f"{self._name} could not be started: {e}") from e
        self._begun = time.monotonic()
        self._register.add(self._name, self._process.pid)

    def _ending(self) -> str:
        code = self._process.returncode if self._process else None
        if code is None:
            return ""
        return f" by {signal.Signals(-code).name}" if code < 0 else f" with code {code}"

    def _said(self) -> str:
        tail = self.fresh_log()[-TAIL:].strip()
        return f"; its log is {self.log}" + (f"{os.linesep}{tail}" if tail else "")
