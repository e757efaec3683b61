"""A sim of one's own as a child process, and a funded wallet in it."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.venue.scripted import KEY
from venue.connect import Account
from venue.sdk import SAFE, address_of, wallet_for
from venue.transport import Hosts

ROOT = Path(__file__).parents[2]
TAPE = ROOT / "data" / "tapes" / "btc15m.jsonl.zst"
FAST = ("--mined-ms", "50", "--confirmed-ms", "100", "--relayer-ms", "50", "--data-lag-ms", "50")


@dataclass(frozen=True)
class Sim:
    """Where one running sim answers."""

    hosts: Hosts
    control: str
    token: str

    async def ask(self, method: str, path: str, body: Any = None) -> Any:
        """Use the control API and return its JSON."""
        async with httpx.AsyncClient(timeout=10) as client:
            reply = await client.request(
                method,
                self.control + path,
                json=body,
                headers={"Authorization": f"Bearer {self.token}"},
            )
            reply.raise_for_status()
            return reply.json()

    async def fund(self, signature_type: int = SAFE, dollars: str = "1000") -> Account:
        """Give play money to the test key's wallet of this type and return the account."""
        owner = address_of(KEY)
        wallet = wallet_for(owner, signature_type)
        await self.ask("POST", "/wallets", {"address": wallet, "usd": dollars, "owner": owner})
        return Account(private_key=KEY, signature_type=signature_type, relayer_key="play")


@asynccontextmanager
async def running_sim(*flags: str) -> AsyncIterator[Sim]:
    """Run the sim with these flags until the block ends."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "sim", *FAST, *flags, cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        said = json.loads(await asyncio.wait_for(process.stdout.readline(), 30))
        yield Sim(hosts=_hosts(said), control=_url(said, "control"), token=_token(said))
    finally:
        with suppress(ProcessLookupError):
            process.terminate()
        await process.communicate()


def _hosts(said: dict[str, Any]) -> Hosts:
    names = ("clob", "gamma", "data", "relayer", "site", "rpc")
    return Hosts(
        **{name: _url(said, name) for name in names},
        market_ws=said.get("market_ws_url") or said["ws_market"],
        user_ws=said.get("user_ws_url") or said["ws_user"],
    )


def _url(said: dict[str, Any], name: str) -> str:
    return str(said.get(f"{name}_url") or said[name])


def _token(said: dict[str, Any]) -> str:
    return str(said.get("token") or said["control_token"])
