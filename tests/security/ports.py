"""Every port that a deployment of ours listens on, each served by a process as it is deployed."""

from __future__ import annotations

import json
import os
import select
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from ops.services.ports import free_port
from settings.keyring import new_key

ROOT = Path(__file__).resolve().parents[2]
TOKEN = "planted-token-of-a-port-0123456789"
BEARER = f"Authorization: Bearer {TOKEN}"
KEY = new_key("planted")
# The two metrics servers as worker and ingest start them, without the rest of those processes.
METRICS = """
import sys, time
from ingest.metrics import IngestMetrics, serve
from worker.telemetry import expose
serve(IngestMetrics(lambda: {"lag": 1.0}, lambda: {}), int(sys.argv[1]))
expose(int(sys.argv[2]))
print('"ready"', flush=True)
time.sleep(600)
"""


@dataclass(frozen=True)
class Port:
    """One listening port: what asks whether it is alive, and where a stranger may send a body."""

    name: str
    number: int
    process: psutil.Process
    log: Path
    alive: str
    takes: str  # a path that takes POST, from anybody
    private: str = ""  # a path that wants a token

    def ask(self, *pieces: bytes, patience: float = 8.0) -> bytes:
        """Send bytes and return what came back until the other side closed or fell silent."""
        answer, left = b"", b"".join(pieces)
        with socket.create_connection(("127.0.0.1", self.number), timeout=patience) as line:
            line.setblocking(False)
            end = time.monotonic() + patience
            while time.monotonic() < end:
                can = select.select([line], [line] if left else [], [], 0.5)
                try:
                    if can[0]:
                        got = line.recv(1 << 16)
                        if not got:
                            break
                        answer += got
                        if whole(answer):
                            break
                    elif can[1]:
                        left = left[line.send(left[: 1 << 18]) :]
                except ConnectionError:
                    break
        return answer

    def get(self, path: str, *headers: str) -> bytes:
        """Send a request without a body."""
        return self.ask(head("GET", path, *headers))

    def post(self, path: str, body: bytes, *headers: str) -> bytes:
        """Send a request with a body of honest length."""
        return self.ask(head("POST", path, f"Content-Length: {len(body)}", *headers), body)

    def well(self) -> bool:
        """Return whether it answers as on a quiet day."""
        return self.process.is_running() and status(self.get(self.alive, BEARER)) == 200

    def memory(self) -> int:
        """Return the bytes that the process holds."""
        return int(self.process.memory_info().rss)


def head(method: str, path: str, *headers: str) -> bytes:
    """Return the head of a request that asks to close after the answer."""
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", "Connection: close", *headers]
    return "\r\n".join([*lines, "", ""]).encode()


def status(answer: bytes) -> int:
    """Return the status of an answer; 0 when the connection was closed without one."""
    return int(answer[9:12]) if answer.startswith(b"HTTP/1.") else 0


def whole(answer: bytes) -> bool:
    """Return whether an answer has as many bytes as it announced."""
    found, _, body = answer.partition(b"\r\n\r\n")
    for line in found.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return len(body) >= int(line.partition(b":")[2])
    return False


@contextmanager
def listening(folder: Path, dsn: str) -> Iterator[dict[str, Port]]:
    """Start every listener of ours; yields them by name."""
    started: list[subprocess.Popen[bytes]] = []
    numbers = {name: free_port() for name in ("dashboard", "codec", "ingest", "worker")}
    commands = {
        "dashboard": ["-m", "ops.dashboard"],
        "codec": ["-m", "ops.cli.main", "codec", "--port", str(numbers["codec"])],
        "sim": ["-m", "sim", "--source=synthetic", "--port=0", f"--control-token={TOKEN}"],
        "metrics": ["-c", METRICS, str(numbers["ingest"]), str(numbers["worker"])],
    }
    ours = ("TOUCHLINE_", "TEMPORAL_", "SIM_")
    environ = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    environ |= {
        "DATABASE_URL": dsn,
        "TEMPORAL_ADDRESS": "127.0.0.1:1",
        "TOUCHLINE_STATE": str(folder / "state"),
        "TOUCHLINE_DASHBOARD__TOKEN": TOKEN,
        "TOUCHLINE_DASHBOARD__PORT": str(numbers["dashboard"]),
        "TOUCHLINE_TEMPORAL__ENCRYPTION_KEY": KEY,
        "TOUCHLINE_TEMPORAL__CODEC_TOKEN": TOKEN,
        "TOUCHLINE_LOG__FORMAT": "json",
        "PYTHONPATH": str(ROOT),
    }
    try:
        for name, command in commands.items():
            with (folder / f"{name}.log").open("wb") as log:
                process = subprocess.Popen(
                    [sys.executable, *command], env=environ, cwd=folder, stdout=log, stderr=log
                )
            started.append(process)
        ready = {name: _ready(folder / f"{name}.log") for name in commands}
        urls = json.loads(ready["sim"])
        numbers["sim"], numbers["control"] = (
            int(urls[what].rpartition(":")[2]) for what in ("clob", "control")
        )
        processes = {n: psutil.Process(p.pid) for n, p in zip(commands, started, strict=True)}
        of = {"control": "sim", "ingest": "metrics", "worker": "metrics"}
        yield {
            name: Port(
                name,
                number,
                processes[of.get(name, name)],
                folder / f"{of.get(name, name)}.log",
                *PATHS[name],
            )
            for name, number in numbers.items()
        }
    finally:
        for process in started:
            process.kill()
            process.wait()


# alive, takes a body from anybody, wants a token
PATHS = {
    "dashboard": ("/alive", "/login", "/health"),
    "codec": ("/alive", "/decode", "/decode"),
    "sim": ("/time", "/books", "/data/orders"),
    "control": ("/status", "/wallets", "/ledger"),
    "ingest": ("/metrics", "/metrics", ""),
    "worker": ("/metrics", "/metrics", ""),
}


def _ready(log: Path, within: float = 60.0) -> str:
    """Wait until a process says that it serves, and return that line."""
    end = time.monotonic() + within
    while time.monotonic() < end:
        with suppress(OSError):
            for line in log.read_text().splitlines():
                if '"ready"' in line:
                    return line
        time.sleep(0.05)
    raise AssertionError(f"expected a word of readiness, was {log.read_text()[-500:]}")
