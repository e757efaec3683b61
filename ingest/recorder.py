"""Recorder: the raw stream as it came, compressed, in files that turn over.

One JSON object a line: first a header, then `{"seen_ns":…,"epoch":…,"frame":…}` with the frame
untouched, or `"text"` for one that is not JSON. A line `{"lost":N}` says that N frames found no
room: no hole is silent. Files are whole zstd frames up to the last flush, so that a power cut
costs a second, and are named by the time of their first line.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

import structlog
import zstandard

from domain.market import Market

log = structlog.get_logger()

HEADER = {"tape": "touchline-stream", "version": 1}
MARKETS = "markets.jsonl"
EVERY = 1.0  # seconds between two flushes
ROOM = 64 * 1024 * 1024  # bytes that may wait for the disk
TURN_BYTES = 256 * 1024 * 1024  # of text
TURN_SECONDS = 3600.0


class Recorder:
    """A tap for `Feed.taps`. Compression and disk are off the loop, in a thread."""

    def __init__(
        self, folder: Path, *, room: int = ROOM, turn_bytes: int = TURN_BYTES, level: int = 3
    ) -> None:
        """Write into `folder`, which is made if need be."""
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._room, self._turn = folder, room, turn_bytes
        self._compressor = zstandard.ZstdCompressor(level=level)
        self._waiting: list[bytes] = []
        self._bytes = self._missed = 0
        self._file: BinaryIO | None = None
        self._written, self._opened_at = 0, 0.0
        self.frames = self.lost = 0

    def tap(self, frame: bytes, seen_ns: int, epoch: int) -> None:
        """Take one frame; returns at once."""
        if self._bytes > self._room:
            self.lost += 1
            self._missed += 1
            return
        if self._missed:
            self._keep(b'{"lost":%d}\n' % self._missed)
            self._missed = 0
        body = frame.rstrip()
        if body[:1] in (b"{", b"[") and b"\n" not in body and body[-1:] in (b"}", b"]"):
            line = b'{"seen_ns":%d,"epoch":%d,"frame":%s}\n' % (seen_ns, epoch, body)
        else:
            text = json.dumps(body.decode(errors="replace")).encode()
            line = b'{"seen_ns":%d,"epoch":%d,"text":%s}\n' % (seen_ns, epoch, text)
        self.frames += 1
        self._keep(line)

    def markets(self, markets: Iterable[Market]) -> None:
        """Note what is known of markets, one a line: frames name them by their ids alone."""
        with (self._folder / MARKETS).open("a") as file:
            file.writelines(market.model_dump_json() + "\n" for market in markets)

    async def run(self) -> None:
        """Flush every second until cancelled, and once more at the end."""
        try:
            while True:
                await asyncio.sleep(EVERY)
                await self.flush()
        finally:
            await self.flush()
            self.close()

    async def flush(self) -> None:
        """Write what waits; a full disk stops nothing but the recording, which says so."""
        lines, self._waiting, self._bytes = self._waiting, [], 0
        if not lines:
            return
        try:
            await asyncio.to_thread(self._write, b"".join(lines))
        except OSError as error:
            self.lost += len(lines)
            self._missed += len(lines)
            log.error("not_recorded", frames=len(lines), error=str(error))

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _keep(self, line: bytes) -> None:
        self._waiting.append(line)
        self._bytes += len(line)

    def _write(self, data: bytes) -> None:
        now = time.monotonic()
        if self._written > self._turn or now - self._opened_at > TURN_SECONDS:
            self.close()
        if self._file is None:
            name = f"stream-{datetime.now(UTC):%Y%m%dT%H%M%S.%f}.jsonl.zst"
            self._file = (self._folder / name).open("xb")
            self._written, self._opened_at = 0, now
            data = json.dumps(HEADER).encode() + b"\n" + data
        self._file.write(self._compressor.compress(data))
        self._file.flush()
        self._written += len(data)
