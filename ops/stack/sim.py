"""The sim as a part: its configuration file, its addresses, and its control port."""

from __future__ import annotations

import json
import os
import secrets
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx

from ops.stack.wiring import Wiring
from ops.supervision.part import PartFailed
from ops.supervision.process import ProcessPart
from settings.model import Settings
from settings.place import ROOT
from sim.wallets import safe_of

# What the sim calls its URLs → our settings.
URLS = {
    "clob": "clob_url",
    "gamma": "gamma_url",
    "data": "data_url",
    "relayer": "relayer_url",
    "site": "site_url",
    "rpc": "rpc_url",
    "ws_market": "market_ws_url",
    "ws_user": "user_ws_url",
}


class SimPart(ProcessPart):
    """A Polymarket on this machine. Its first line of output is JSON with all its URLs."""

    def __init__(self, settings: Settings, wiring: Wiring, lifeline: int) -> None:
        self._settings = settings
        self._wiring = wiring
        self.control_url = ""
        self.addresses: dict[str, str] = {}
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
        return await self._ask("GET", "/status")

    async def ledger(self) -> dict[str, Any]:
        """Return the sim's own books, the judge of ours."""
        return await self._ask("GET", "/ledger")

    async def _ask(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self.token}"}
        async with httpx.AsyncClient(timeout=5, trust_env=False) as client:
            reply = await client.request(
                method, self.control_url + path, headers=headers, json=body
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
            if line.startswith("{") and '"ready"' in line:
                self._read(json.loads(line))
                return True
        return False

    def _read(self, said: dict[str, str]) -> None:
        self.control_url = said["control"]
        self.addresses = {key: said[name] for name, key in URLS.items()}
        for key, url in self.addresses.items():
            self._wiring.tell(f"venue.{key}", url)

    async def fund(self, signer: str) -> None:
        """Put the play money into the wallet of this signer, once in its life.

        Raises:
            PartFailed: the sim refuses.
        """
        wallet = safe_of(signer)
        known = {item["address"].lower(): item for item in (await self.ledger())["accounts"]}
        if Decimal(known.get(wallet.lower(), {}).get("deposited", "0")) > 0:
            return
        body = {"address": wallet, "owner": signer, "usd": str(self._settings.sim.balance)}
        try:
            await self._ask("POST", "/wallets", body)
        except httpx.HTTPError as e:
            raise PartFailed(f"the sim did not fund the play wallet: {e}") from e


def find_tape(path: Path) -> Path:
    """Return the tape, looked for here and then beside the code.

    Raises:
        PartFailed: there is none.
    """
    for place in (path, ROOT / path):
        if place.exists():
            return place.absolute()
    raise PartFailed(f"sim.tape must be a recording, was {path}: no such file")
