"""Who serves a data directory: by process identity, never by a pid file alone."""

from __future__ import annotations

import contextlib
from pathlib import Path

import psutil


def pid_file(data: Path) -> list[str]:
    """Return the lines of postmaster.pid: pid, directory, start, port, …; empty without it."""
    try:
        return (data / "postmaster.pid").read_text().splitlines()
    except (FileNotFoundError, PermissionError):
        return []


def serves(process: psutil.Process, data: Path) -> bool:
    """Return whether the process is a live postgres that works in this data directory.

    A pid is reused after a reboot, and a killed postmaster stays as a zombie where nobody
    reaps it (containers); the name and the working directory tell the truth in both cases.
    """
    try:
        return (
            process.status() != psutil.STATUS_ZOMBIE
            and process.name().startswith("postgres")
            and process.cwd() == str(data)
        )
    except psutil.Error:
        return False


def postmaster(data: Path) -> int:
    """Return the pid of the live postmaster that serves `data`, else 0."""
    lines = pid_file(data)
    try:
        process = psutil.Process(int(lines[0]))
    except (psutil.Error, ValueError, IndexError):
        return 0
    return process.pid if serves(process, data) else 0


def users(data: Path) -> list[int]:
    """Return the pids of all postgres processes, backends included, that use `data`."""
    found = []
    for process in psutil.process_iter(["name"]):
        with contextlib.suppress(psutil.Error):
            if (process.info["name"] or "").startswith("postgres") and serves(process, data):
                found.append(process.pid)
    return found
