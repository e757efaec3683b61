"""The services of docker-compose.yml as plain processes: its commands and environment, as written.

Only names are translated: hosts of the network become loopback, mounted secrets their files.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ops.deploy.init import make_secrets
from ops.services.ports import free_port
from tests.deploy.test_compose import OURS, ROOT
from tests.waiting import eventually

PYTHON = {"python": [sys.executable, "-P"], "touchline": [sys.executable, "-Pm", "ops.cli.main"]}


@dataclass
class Machine:
    """An empty directory that becomes a deployment."""

    folder: Path
    temporal: str
    namespace: str
    dsn: str
    profile: str = "sim"
    code: Path = ROOT  # another version lies elsewhere
    speed: int = 30  # of the tape
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    ports: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        example = (ROOT / ".env.example").read_text()
        (self.folder / ".env.example").write_text(example)
        make_secrets(self.folder)
        (self.folder / "deploy/secrets/database_url").write_text(self.dsn)
        self.ports = {name: free_port() for name in ("8790", "8791", "8787")}

    def environment(self, name: str, secrets: Path) -> dict[str, str]:
        """Return what compose would give to a service, and what finds the code."""
        lines = (ROOT / f"deploy/compose/{self.profile}.env").read_text().splitlines()
        given = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
        given |= OURS[name]["environment"]
        told = {key: self.here(value, secrets) for key, value in given.items()}
        told |= {"TEMPORAL_NAMESPACE": self.namespace, "PYTHONPATH": str(self.code)}
        told |= {"TOUCHLINE_STATE": str(self.folder / "state"), "HOME": str(self.folder)}
        if name == "dashboard":
            told["TOUCHLINE_DASHBOARD__PORT"] = str(self.ports["8787"])
        return {**told, "PATH": os.environ["PATH"]}

    def here(self, text: str, secrets: Path) -> str:
        """Translate a text of the compose file to this machine."""
        lines = (self.folder / ".env").read_text().splitlines()
        env = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
        text = re.sub(r"\$\{(\w+)[^}]*\}", lambda m: env[m[1]], text)
        text = text.replace("/run/secrets", str(secrets)).replace("temporal:7233", self.temporal)
        text = text.replace("//sim:", "//127.0.0.1:").replace("0.0.0.0", "127.0.0.1")
        text = text.replace("/var/lib/touchline", str(self.folder / "state"))
        for port, mine in self.ports.items():
            text = text.replace(port, str(mine))
        return text

    def command(self, name: str) -> list[str]:
        """Return a service's command for this machine; metrics take no fixed port here."""
        first, *rest = OURS[name]["command"]
        words = [self.here(word, self.folder / "deploy/secrets") for word in rest]
        words = [word.replace("--speed=30", f"--speed={self.speed}") for word in words]
        return [*PYTHON[first], *(re.sub(r"^946\d$", "0", word) for word in words)]

    async def once(self, name: str, *other: str) -> Any:
        """Run a one-shot service, or another command in its place, and return its JSON or text."""
        command = [*PYTHON["touchline"], *other] if other else self.command(name)
        environ = self.environment(name, self.folder / "deploy/secrets")
        done = await asyncio.to_thread(
            subprocess.run, command, env=environ, cwd=self.code, capture_output=True, text=True
        )
        assert done.returncode == 0, f"{command}: {done.stdout[-800:]}{done.stderr[-800:]}"
        return json.loads(done.stdout) if "--json" in other else done.stdout

    async def start(self, name: str, replica: str = "") -> None:
        """Start a service and wait until it says that it is ready."""
        log = self.folder / f"{name}{replica}.log"
        with log.open("wb") as file:
            self.running[name + replica] = subprocess.Popen(
                self.command(name),
                env=self.environment(name, self.folder / "deploy/secrets"),
                cwd=self.code,
                stdout=file,
                stderr=file,
            )
        await eventually(lambda: '"ready"' in log.read_text(), within=90, every=0.2)

    def end(self, which: str, how: int = signal.SIGTERM) -> int:
        """End one process, politely or not, and return its exit code."""
        process = self.running.pop(which)
        process.send_signal(how)
        return process.wait(60)

    def close(self) -> None:
        """End whatever still runs."""
        for name in list(self.running):
            self.end(name, signal.SIGKILL)
