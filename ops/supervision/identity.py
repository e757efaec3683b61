"""Which processes are ours: a record in the state directory, checked before anything is ended.

A pid alone proves nothing, since pids are reused: start time and command line must agree too.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from pathlib import Path

import psutil
from pydantic import BaseModel, ValidationError

BEING_BORN = 1.0  # seconds in which a command line may still be empty: exec has not set it yet
CLOCK_SLACK = 2.0  # seconds; start times are derived from the boot time, which may be corrected


class Identity(BaseModel):
    """One process: pid, start time (seconds since the epoch) and command line."""

    pid: int
    created: float
    command: list[str]

    @classmethod
    def of(cls, pid: int) -> Identity:
        """Return the identity of a running process.

        Raises:
            psutil.Error: there is no such process any more.
        """
        process, end = psutil.Process(pid), time.monotonic() + BEING_BORN
        while not (command := process.cmdline()) and time.monotonic() < end:
            time.sleep(0.001)
        return cls(pid=pid, created=process.create_time(), command=command)

    def process(self) -> psutil.Process | None:
        """Return the process if it still is the one that was recorded, else None."""
        with contextlib.suppress(psutil.Error):
            process = psutil.Process(self.pid)
            same_start = abs(process.create_time() - self.created) < CLOCK_SLACK
            if (
                same_start
                and process.status() != psutil.STATUS_ZOMBIE
                and process.cmdline() == self.command
            ):
                return process
        return None


class Register:
    """The processes of a state directory, by name, in `processes.json`."""

    def __init__(self, state: Path) -> None:
        self._path = state / "processes.json"

    def read(self) -> dict[str, Identity]:
        """Return what is recorded; an unreadable record counts as empty."""
        try:
            raw = json.loads(self._path.read_text())
            return {name: Identity.model_validate(item) for name, item in raw.items()}
        except (FileNotFoundError, ValueError, AttributeError, ValidationError):
            return {}

    def add(self, name: str, pid: int) -> None:
        """Record a process that was just started; one that already ended is left out."""
        with contextlib.suppress(psutil.Error):
            self._write({**self.read(), name: Identity.of(pid)})

    def remove(self, name: str) -> None:
        """Forget a process that was stopped."""
        self._write({key: item for key, item in self.read().items() if key != name})

    def _write(self, entries: dict[str, Identity]) -> None:
        text = json.dumps({name: item.model_dump() for name, item in entries.items()}, indent=1)
        aside = self._path.with_suffix(".new")
        aside.write_text(text)
        os.replace(aside, self._path)


def end(processes: list[psutil.Process], grace: float = 10.0) -> None:
    """Ask processes to end, and insist after `grace` seconds."""
    for process in processes:
        with contextlib.suppress(psutil.Error):
            process.terminate()
    _, stubborn = psutil.wait_procs(processes, timeout=grace)
    for process in stubborn:
        with contextlib.suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(stubborn, timeout=5)


def end_leftovers(state: Path, marker: str, grace: float = 10.0) -> list[str]:
    """End what a killed supervisor left in this state directory; return the names.

    `marker` is an argument that only our Temporal server has (its database file): it closes
    the moment between the start of a process and its record.
    """
    register = Register(state)
    found = {name: process for name, item in register.read().items() if (process := item.process())}
    pids = {process.pid for process in found.values()}
    for process in psutil.process_iter(["cmdline"]):
        if marker in (process.info["cmdline"] or []) and process.pid not in pids:
            found[f"{process.pid}"] = process
    end(list(found.values()), grace)
    for name in register.read():
        register.remove(name)
    return list(found)
