"""A market socket on loopback for benchmarks: `python -m bench.loopback_venue FLAGS`.

Speaks just enough of the wire, from plain asyncio, that it is not what is measured. Every
subscription is answered by one array of books. Then either `--burst N` numbered prints per
connection as fast as the socket takes them, or `--rate R` numbered prints per second over all
connections. The number stands in `size`, so that a reader finds every hole. A connection that
lets `--cut` bytes pile up is cut, as servers do with slow readers. Prints the port, and every
second what was sent.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import hashlib
import json
import struct
import time
from typing import cast

import uvloop

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def framed(payload: bytes) -> bytes:
    """Return an unmasked text frame."""
    size = len(payload)
    if size < 126:
        return b"\x81" + bytes([size]) + payload
    if size < 65536:
        return b"\x81\x7e" + struct.pack(">H", size) + payload
    return b"\x81\x7f" + struct.pack(">Q", size) + payload


def print_frame(token: str, number: int) -> bytes:
    """Return a numbered print."""
    ms = int(time.time() * 1000)
    return framed(
        b'{"market":"0x%064d","asset_id":"%s","price":"0.40","size":"%d","fee_rate_bps":"0",'
        b'"side":"BUY","timestamp":"%d","event_type":"last_trade_price","transaction_hash":"0x%064d"}'
        % (1, token.encode(), number, ms, number)
    )


def book_frames(tokens: list[str], levels: int) -> bytes:
    """Return the array of books that answers a subscription."""
    bids = [{"price": f"0.{10 + i:02d}", "size": "100"} for i in range(levels)]
    asks = [{"price": f"0.{60 + i:02d}", "size": "100"} for i in range(levels)]
    books = [
        {
            "event_type": "book",
            "asset_id": token,
            "market": "0x1",
            "timestamp": str(int(time.time() * 1000)),
            "hash": "0" * 40,
            "bids": bids,
            "asks": asks,
            "last_trade_price": "0.40",
        }
        for token in tokens
    ]
    return framed(json.dumps(books).encode() + b"\n")


class Client(asyncio.Protocol):
    """One connection: handshake, subscriptions, heartbeat, prints."""

    everyone: set[Client] = set()
    sent = cuts = 0

    def __init__(self, flags: argparse.Namespace) -> None:
        self.flags, self.tokens, self.number = flags, list[str](), 0
        self.buffer, self.upgraded = b"", False
        self.ready = asyncio.Event()
        self.ready.set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self.transport = cast(asyncio.Transport, transport)

    def connection_lost(self, error: Exception | None) -> None:
        """Forget the client."""
        Client.everyone.discard(self)
        self.ready.set()

    def pause_writing(self) -> None:
        """Wait with the burst."""
        self.ready.clear()

    def resume_writing(self) -> None:
        """Go on with the burst."""
        self.ready.set()

    def data_received(self, data: bytes) -> None:
        """Upgrade first, then read client frames."""
        self.buffer += data
        if not self.upgraded:
            head, found, rest = self.buffer.partition(b"\r\n\r\n")
            if found:
                self.upgrade(head)
                self.buffer = rest
        while self.upgraded and (message := self.next_message()) is not None:
            self.told(message)

    def upgrade(self, head: bytes) -> None:
        """Answer the handshake."""
        lines = dict(line.split(b": ", 1) for line in head.split(b"\r\n")[1:])
        key = next(v for k, v in lines.items() if k.lower() == b"sec-websocket-key")
        accept = base64.b64encode(hashlib.sha1(key + GUID, usedforsecurity=False).digest())
        self.transport.write(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
        )
        self.upgraded = True

    def next_message(self) -> bytes | None:
        """Return the next whole client frame, unmasked."""
        data = self.buffer
        if len(data) < 6:
            return None
        size, at = data[1] & 127, 2
        if size == 126:
            size, at = struct.unpack(">H", data[2:4])[0], 4
        elif size == 127:
            size, at = struct.unpack(">Q", data[2:10])[0], 10
        if len(data) < at + 4 + size:
            return None
        mask = data[at : at + 4]
        body = data[at + 4 : at + 4 + size]
        self.buffer = data[at + 4 + size :]
        spread = int.from_bytes((mask * (size // 4 + 1))[:size], "big")
        return (int.from_bytes(body, "big") ^ spread).to_bytes(size, "big")

    def told(self, message: bytes) -> None:
        """Act on a client frame."""
        if message == b"PING":
            self.transport.write(framed(b"PONG"))
            return
        try:
            said = json.loads(message)
        except ValueError:
            return  # a closing handshake
        if said.get("operation") != "unsubscribe":
            self.tokens += said["assets_ids"]
            self.transport.write(book_frames(said["assets_ids"], self.flags.levels))
        if said.get("type") == "market":
            Client.everyone.add(self)
            if self.flags.burst:
                self.bursting = asyncio.create_task(self.burst())

    def tell(self) -> None:
        """Send the next print, or cut a reader that is too far behind."""
        if self.transport.is_closing():
            return
        if self.transport.get_write_buffer_size() > self.flags.cut:
            Client.cuts += 1
            Client.everyone.discard(self)
            self.transport.abort()
            return
        self.number += 1
        Client.sent += 1
        token = self.tokens[self.number % len(self.tokens)]
        self.transport.write(print_frame(token, self.number))

    async def burst(self) -> None:
        """Send all prints as fast as they are taken."""
        while self.number < self.flags.burst and not self.transport.is_closing():
            for _ in range(min(200, self.flags.burst - self.number)):
                self.tell()
            await self.ready.wait()
            await asyncio.sleep(0)


async def pace(rate: float) -> None:
    """Send so many prints per second over all clients."""
    began, done, turn = time.monotonic(), 0, 0
    while True:
        await asyncio.sleep(0.01)
        due = int((time.monotonic() - began) * rate)
        clients = list(Client.everyone)
        while done < due and clients:
            turn += 1
            clients[turn % len(clients)].tell()
            done += 1
        done = due


async def serve(flags: argparse.Namespace) -> None:
    """Serve until killed."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Client(flags), "127.0.0.1", 0, backlog=500)
    print(json.dumps({"port": server.sockets[0].getsockname()[1]}), flush=True)
    pacing = asyncio.create_task(pace(flags.rate)) if flags.rate else None
    while pacing is None or not pacing.done():
        await asyncio.sleep(0.5)
        open_now = len(Client.everyone)
        print(json.dumps({"sent": Client.sent, "cuts": Client.cuts, "open": open_now}), flush=True)


def main() -> None:
    """Read the flags and serve."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--burst", type=int, default=0)
    parser.add_argument("--rate", type=float, default=0)
    parser.add_argument("--levels", type=int, default=10)
    parser.add_argument("--cut", type=int, default=64 * 1024 * 1024)
    uvloop.run(serve(parser.parse_args()))


if __name__ == "__main__":
    main()
