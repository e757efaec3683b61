"""How much the sim alone carries: frames to 20 sockets, and orders with verified signatures.

Run: python bench/sim_load.py [--seconds 60]. Sim and client are two processes on this machine;
prints one JSON object. `frames_per_s` is what each single socket received, `delivered_per_s` what
all twenty did; frames are counted by their headers, one of a thousand is decoded as JSON.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import os
import statistics
import struct
import sys
import time
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

sys.path.insert(0, str(Path(__file__).parents[1]))

import httpx
import psutil

from venue.wire import auth, eip712

KEY = "0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d"
EOA = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
SOCKETS = 20
MARKETS = 64


async def start(*flags: str) -> tuple[asyncio.subprocess.Process, dict[str, Any]]:
    """Start the sim and return its process and URLs."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "sim", *flags, stdout=asyncio.subprocess.PIPE,
        cwd=Path(__file__).parents[1],
    )  # fmt: skip
    assert process.stdout is not None
    return process, json.loads(await process.stdout.readline())


class Listener(asyncio.Protocol):
    """A market socket that does little more than count: the client must not be the limit."""

    def __init__(self, tokens: list[str]) -> None:
        self._tokens = tokens
        self._left = b""
        self._skip = 0
        self._open = self.lost = False
        self.frames = self.decoded = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for a websocket."""
        self._transport = cast("asyncio.Transport", transport)
        key = base64.b64encode(os.urandom(16)).decode()
        self._transport.write(
            f"GET /ws/market HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )

    def connection_lost(self, exc: Exception | None) -> None:
        """Note that the sim has let go."""
        self.lost = True

    def data_received(self, data: bytes) -> None:
        """Count whole frames; the payload of a long one is skipped as it comes."""
        if self._skip >= len(data):
            self._skip -= len(data)
            return
        data, self._skip = self._left + data[self._skip :], 0
        if not self._open:
            head, found, data = data.partition(b"\r\n\r\n")
            if not found:
                self._left = head
                return
            self._open = True
            subscribe = {"type": "market", "assets_ids": self._tokens}
            self._transport.write(masked(json.dumps(subscribe).encode()))
        self._left = self._count(data)

    def _count(self, data: bytes) -> bytes:
        at, end = 0, len(data)
        while end - at >= 10 or (end - at >= 2 and data[at + 1] < 126):
            size, start = data[at + 1], at + 2
            if size > 125:
                width = 2 if size == 126 else 8
                start = at + 2 + width
                size = int.from_bytes(data[at + 2 : start], "big")
            self.frames += 1
            at = start + size
            if at > end:
                self._skip = at - end
                return b""
            if self.frames % 1000 == 0:
                json.loads(data[start:at])
                self.decoded += 1
        return data[at:]


def masked(text: bytes) -> bytes:
    """Return a client's text frame, masked with zeros."""
    return struct.pack("!BBQ", 0x81, 0x80 | 127, len(text)) + bytes(4) + text


async def frames(seconds: float) -> dict[str, float]:
    """Play synthetic markets fast and count what 20 sockets receive."""
    speed, warm = 10, seconds / 3  # markets begin within the first quarter of their life
    process, urls = await start(
        "--source", "synthetic", "--synthetic-markets", str(MARKETS),
        "--synthetic-overlap", str(MARKETS), "--synthetic-minutes", str(seconds / 60 * 2 * speed),
        "--synthetic-hz", "8", "--speed", str(speed), "--lead-ms", "3000",
    )  # fmt: skip
    async with httpx.AsyncClient() as http:
        page = await http.get(urls["gamma"] + "/markets/keyset", params={"limit": "100"})
    tokens = [t for row in page.json()["markets"] for t in json.loads(row["clobTokenIds"])]
    host, port = urls["clob"].removeprefix("http://").split(":")
    loop, sockets = asyncio.get_running_loop(), []
    for _ in range(SOCKETS):
        _, one = await loop.create_connection(lambda: Listener(tokens), host, int(port))
        sockets.append(one)
    await asyncio.sleep(3 + warm)
    began, cpu = time.monotonic(), busy(process)
    counts = [sum(one.frames for one in sockets)]
    while time.monotonic() - began < seconds:
        await asyncio.sleep(1)
        counts.append(sum(one.frames for one in sockets))
    spent, cpu = time.monotonic() - began, busy(process) - cpu
    found = counts[-1] - counts[0]
    lost = sum(one.lost for one in sockets)
    await stop(process)
    return {
        "frames_per_s": round(found / spent / SOCKETS),
        "delivered_per_s": round(found / spent),
        "least_delivered_in_one_second": min(b - a for a, b in pairwise(counts)),
        "sim_cpu_us_per_delivery": round(cpu / found * 1_000_000, 1),
        "sim_cpu_of_one_core": round(cpu / spent, 2),
        "decoded": sum(one.decoded for one in sockets),
        "sockets_lost": lost,
    }


def busy(process: asyncio.subprocess.Process) -> float:
    """Return the seconds of processor the sim has used; other loads do not blur it."""
    times = psutil.Process(process.pid).cpu_times()
    return float(times.user + times.system)


async def stop(process: asyncio.subprocess.Process) -> None:
    """End the sim."""
    process.terminate()
    await process.wait()


class Poster:
    """One keep-alive connection that signs and posts orders."""

    def __init__(self, urls: dict[str, Any], creds: dict[str, str], token: str) -> None:
        self._host, self._port = urls["clob"].removeprefix("http://").split(":")
        self._creds, self._token = creds, token
        self.times: list[float] = []
        self.bad = 0

    async def run(self, until: float, first_salt: int) -> None:
        """Post until the time is over."""
        reader, writer = await asyncio.open_connection(self._host, int(self._port))
        salt = first_salt
        while time.monotonic() < until:
            salt += 1
            request = self._request(salt)
            begun = time.monotonic()
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
            body = await reader.readexactly(length)
            self.times.append(time.monotonic() - begun)
            self.bad += b'"status":"live"' not in body
        writer.close()

    def _request(self, salt: int) -> bytes:
        now = time.time()
        order = eip712.OrderFields(
            salt, EOA, EOA, int(self._token), 50_000, 5_000_000, "BUY", 0, int(now * 1000)
        )
        domain = eip712.domain_of(order.token_id, neg_risk=False)
        signed = {
            "builder": order.builder, "expiration": "0", "maker": EOA, "makerAmount": "50000",
            "metadata": order.metadata, "salt": salt, "side": "BUY",
            "signature": eip712.sign_order(order, domain, KEY), "signatureType": 0, "signer": EOA,
            "takerAmount": "5000000", "timestamp": str(order.timestamp), "tokenId": self._token,
        }  # fmt: skip
        body = json.dumps(
            {
                "deferExec": False,
                "order": signed,
                "orderType": "GTC",
                "owner": self._creds["apiKey"],
            },
            separators=(",", ":"),
        )
        headers = auth.l2_headers(
            address=EOA,
            key=self._creds["apiKey"],
            secret=self._creds["secret"],
            passphrase=self._creds["passphrase"],
            timestamp=str(int(now)),
            method="POST",
            path="/order",
            body=body,
        )
        lines = [f"{name}: {value}" for name, value in headers.items()]
        head = ["POST /order HTTP/1.1", f"Host: {self._host}", f"Content-Length: {len(body)}"]
        return ("\r\n".join([*head, *lines]) + "\r\n\r\n" + body).encode()


async def orders(seconds: float, state: Path) -> dict[str, float]:
    """Post resting orders over eight connections, journal on disk, every signature verified."""
    process, urls = await start("--state", str(state), "--speed", "1", "--lead-ms", "0")
    async with httpx.AsyncClient() as http:
        control = {"Authorization": f"Bearer {urls['token']}"}
        funds = {"address": EOA, "usd": "100000000"}
        await http.post(urls["control"] + "/wallets", json=funds, headers=control)
        stamp = str(int(time.time()))
        login = {
            "POLY_ADDRESS": EOA,
            "POLY_TIMESTAMP": stamp,
            "POLY_NONCE": "0",
            "POLY_SIGNATURE": eip712.sign_auth(EOA, stamp, 0, KEY),
        }
        creds = (await http.post(urls["clob"] + "/auth/api-key", headers=login)).json()
        page = await http.get(urls["gamma"] + "/markets/keyset")
        token = json.loads(page.json()["markets"][0]["clobTokenIds"])[0]
        posters = [Poster(urls, creds, token) for _ in range(8)]
        begun = time.monotonic()
        until = begun + seconds
        await asyncio.gather(*(p.run(until, 10**9 * n) for n, p in enumerate(posters)))
        spent = time.monotonic() - begun
    cpu = busy(process)
    await stop(process)
    times = sorted(t for p in posters for t in p.times)
    return {
        "orders_per_s": round(len(times) / spent),
        "sim_cpu_ms_per_order": round(cpu / len(times) * 1000, 2),
        "orders": len(times),
        "refused": sum(p.bad for p in posters),
        "p50_ms": round(statistics.median(times) * 1000, 2),
        "p99_ms": round(times[int(len(times) * 0.99)] * 1000, 2),
    }


async def main(seconds: float, state: Path) -> None:
    """Run both measurements and print them."""
    result = {"frames": await frames(seconds), "orders": await orders(seconds, state)}
    sys.stdout.write(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    import tempfile

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(main(given.seconds, Path(folder)))
