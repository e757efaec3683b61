"""How much the sim alone carries: frames to 20 sockets, and orders with verified signatures.

Run: python bench/sim_load.py [--seconds 60]. Sim and client are two processes on this machine;
prints one JSON object. Frames count what every socket received, decoded as text.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import httpx
import psutil
from websockets.asyncio.client import connect

from venue.wire import auth, eip712

KEY = "0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d"
EOA = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
SOCKETS = 20


async def start(*flags: str) -> tuple[asyncio.subprocess.Process, dict[str, Any]]:
    """Start the sim and return its process and URLs."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "sim", *flags, stdout=asyncio.subprocess.PIPE,
        cwd=Path(__file__).parents[1],
    )  # fmt: skip
    assert process.stdout is not None
    return process, json.loads(await process.stdout.readline())


async def frames(seconds: float) -> dict[str, float]:
    """Play synthetic markets fast and count what 20 sockets receive."""
    process, urls = await start(
        "--source", "synthetic", "--synthetic-markets", "50", "--synthetic-overlap", "50",
        "--synthetic-minutes", str(seconds / 60 * 10), "--synthetic-hz", "8", "--speed", "5",
        "--lead-ms", "3000",
    )  # fmt: skip
    counts = [0] * SOCKETS
    async with httpx.AsyncClient() as http:
        page = await http.get(urls["gamma"] + "/markets/keyset", params={"limit": "100"})
    tokens = [t for row in page.json()["markets"] for t in json.loads(row["clobTokenIds"])]

    async def listen(index: int) -> None:
        async with connect(urls["ws_market"], ping_interval=None, compression=None) as socket:
            await socket.send(json.dumps({"type": "market", "assets_ids": tokens}))
            async for _ in socket:
                counts[index] += 1

    tasks = [asyncio.create_task(listen(index)) for index in range(SOCKETS)]
    await asyncio.sleep(5)
    first, begun = sum(counts), time.monotonic()
    least, previous = float("inf"), first
    while time.monotonic() - begun < seconds:
        await asyncio.sleep(1)
        least, previous = min(least, sum(counts) - previous), sum(counts)
    rate = (sum(counts) - first) / (time.monotonic() - begun)
    cpu = busy(process) / sum(counts)
    await stop(process, tasks)
    return {
        "frames_per_s": round(rate),
        "sim_cpu_us_per_frame": round(cpu * 1_000_000, 1),
        "frames_per_s_and_socket": round(rate / SOCKETS),
        "least_in_one_second": least,
        "sockets_lost": sum(task.done() and not task.cancelled() for task in tasks),
    }


def busy(process: asyncio.subprocess.Process) -> float:
    """Return the seconds of processor the sim has used; other loads do not blur it."""
    times = psutil.Process(process.pid).cpu_times()
    return float(times.user + times.system)


async def stop(process: asyncio.subprocess.Process, tasks: list[asyncio.Task[Any]]) -> None:
    """End listeners and sim."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
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
    await stop(process, [])
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
