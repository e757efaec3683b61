"""The sim as a part: its configuration file, its addresses, and its control port."""

from __future__ import annotations

import json
import os
import secrets
from pathlib import Path
from typing import Any

import httpx

from ops.stack.wiring import Wiring
from ops.supervision.part import PartFailed
from ops.supervision.process import ProcessPart
from settings.model import Settings
from settings.place import ROOT


class SimPart(ProcessPart):
    """A Polymarket on this machine. Its first line of output is JSON with all its URLs."""

    def __init__(self, settings: Settings, wiring: Wiring, lifeline: int) -> None:
        self._settings = settings
        self._wiring = wiring
        self.control_url = ""
        self.token = secrets.token_urlsafe(24)
        config = settings.state / "sim.json"

        def command() -> list[str]:
            from ops.stack.assembly import child_command

            self._write_config(config)
            return child_command(lifeline, "sim", "--config", str(config))

        super().__init__(
            "sim",
            command,
            settings.state,
            lambda: wiring.environment("sim"),
            self._announced,
            lifeline=lifeline,
        )

    async def status(self) -> dict[str, Any]:
        """Return what the sim says of its tape: playing, tape_done, frames, markets …"""
        return await self._get("/status")

    async def ledger(self) -> dict[str, Any]:
        """Return the sim's own books, the judge of ours."""
        return await self._get("/ledger")

    async def _get(self, path: str) -> dict[str, Any]:
        async with httpx.AsyncClient(timeout=5) as client:
            reply = await client.get(
                self.control_url + path, headers={"Authorization": f"Bearer {self.token}"}
            )
            reply.raise_for_status()
            return dict(reply.json())

    def _write_config(self, path: Path) -> None:
        sim, venue = self._settings.sim, self._settings.venue
        config: dict[str, object] = {
            "control_token": self.token,
            "state": str(self._settings.state / "sim"),
            "source": sim.source,
            "speed": float(sim.speed),
            "seed": sim.seed,
        }
        if sim.source == "tape":
            config["tape"] = str(find_tape(sim.tape))
        if sim.source == "mirror":
            config["mirror_clob"] = venue.clob_url
            config["mirror_ws"] = venue.market_ws_url
            config["mirror_gamma"] = venue.gamma_url
        handle = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "w") as file:
            json.dump(config, file, indent=1)

    async def _announced(self, part: ProcessPart) -> bool:
        for line in part.fresh_log().splitlines():
            if line.startswith("{") and '"clob_url"' in line:
                self._read(json.loads(line))
                return True
        return False

    def _read(self, urls: dict[str, str]) -> None:
        for name, url in urls.items():
            if name == "control_url":
                self.control_url = url
            elif name.endswith("_url"):
                self._wiring.tell(f"venue.{name}", url)


def find_tape(path: Path) -> Path:
    """Return the tape, looked for here and then beside the code.

    Raises:
        PartFailed: there is none.
    """
    for place in (path, ROOT / path):
        if place.exists():
            return place.absolute()
    raise PartFailed(f"sim.tape must be a recording, was {path}: no such file")
