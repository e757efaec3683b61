"""A Telegram and a webhook on loopback, that fail when told and remember what they took."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Receiver:
    """Answers POSTs; `failures` is a list of status codes to answer first."""

    def __init__(self) -> None:
        self.failures: list[int] = []
        self.taken: list[tuple[str, dict[str, object], dict[str, str]]] = []
        self.asked = 0
        self.updates: list[dict[str, object]] = []
        self.url = ""

    @property
    def texts(self) -> list[str]:
        return [str(content.get("text")) for path, content, _ in self.taken]

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        lines = head.split("\r\n")
        path = lines[0].split()[1]
        headers = {k.lower(): v for k, _, v in (line.partition(": ") for line in lines[1:])}
        content = json.loads(await reader.readexactly(int(headers["content-length"])))
        self.asked += 1
        if self.failures:
            status, reply = self.failures.pop(0), {"parameters": {"retry_after": 7}}
        elif path.endswith("/getUpdates"):
            found = [u for u in self.updates if int(str(u["update_id"])) >= content["offset"]]
            status, reply = 200, {"ok": True, "result": found}  # type: ignore[dict-item]  # replies differ in shape
        else:
            status, reply = 200, {"ok": True}  # type: ignore[dict-item]  # replies differ in shape
            self.taken.append((path, content, headers))
        data = json.dumps(reply).encode()
        length = f"Content-Length: {len(data)}"
        writer.write(
            f"HTTP/1.1 {status} X\r\n{length}\r\nConnection: close\r\n\r\n".encode() + data
        )
        await writer.drain()
        writer.close()


@asynccontextmanager
async def receiver() -> AsyncIterator[Receiver]:
    """Serve a receiver on a free port."""
    found = Receiver()
    server = await asyncio.start_server(found.answer, "127.0.0.1", 0)
    found.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    yield found
    server.close()
    await server.wait_closed()
