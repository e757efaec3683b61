"""Hub: which socket hears what, with the stream faults."""

from __future__ import annotations

import asyncio
import struct
from collections import Counter, deque
from functools import cached_property
from typing import Any

import msgspec

from sim.config import SimConfig
from sim.credentials import Credentials
from sim.exchange import Exchange
from sim.faults import Faults
from sim.frames import book_frame
from sim.outbox import MarketEvent, UserEvent


class Message(str):
    """The text of one frame; its bytes on the wire are made once for all sockets."""

    @cached_property
    def wire(self) -> bytes:
        """Return the frame of a server: one unmasked, uncompressed text (RFC 6455, 5.2)."""
        text = self.encode()
        size = len(text)
        if size < 126:
            return struct.pack("!BB", 0x81, size) + text
        if size < 1 << 16:
            return struct.pack("!BBH", 0x81, 126, size) + text
        return struct.pack("!BBQ", 0x81, 127, size) + text


class Line:
    """The outgoing side of one socket: a bounded queue and the flag that wakes its writer."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._waiting: deque[Message] = deque()
        self._wake = asyncio.Event()
        self.closed: int | None = None

    def put(self, message: Message) -> None:
        """Queue a frame; a reader that is too slow is disconnected, never robbed of a frame."""
        if self.closed is not None:
            return
        if len(self._waiting) >= self._limit:
            self.close(1013)
            return
        self._waiting.append(message)
        self._wake.set()

    def close(self, code: int = 1001) -> None:
        """Ask the writer to close the socket."""
        self.closed = code
        self._wake.set()

    async def next(self) -> Message | None:
        """Wait for a frame; None when the socket shall be closed."""
        found = await self.batch(1)
        return found[0] if found else None

    async def batch(self, most: int) -> list[Message]:
        """Wait for frames and return some in order; none when the socket shall be closed."""
        while not self._waiting and self.closed is None:
            self._wake.clear()
            await self._wake.wait()
        if self.closed is not None:
            return []
        return [self._waiting.popleft() for _ in range(min(most, len(self._waiting)))]


class MarketLine(Line):
    """A market socket: the tokens it follows and its opt-in."""

    def __init__(self, limit: int) -> None:
        super().__init__(limit)
        self.assets: set[str] = set()
        self.custom = False


class UserLine(Line):
    """A user socket: one key, all markets or some."""

    def __init__(self, limit: int, owner: str) -> None:
        super().__init__(limit)
        self.owner = owner
        self.markets: set[str] = set()


class Hub:
    """All sockets."""

    def __init__(
        self, config: SimConfig, faults: Faults, exchange: Exchange, credentials: Credentials
    ) -> None:
        self.config = config
        self.faults = faults
        self.exchange = exchange
        self.credentials = credentials
        self.market_lines: set[MarketLine] = set()
        self.user_lines: set[UserLine] = set()
        self.sent: Counter[str] = Counter()
        self._held: list[tuple[int, UserEvent]] = []
        exchange.outbox.heard = lambda: bool(self.market_lines)

    def publish(self, events: list[MarketEvent | UserEvent], now_ms: int) -> None:
        """Send events to whoever follows them."""
        for event in events:
            if isinstance(event, MarketEvent):
                self._publish_market(event, now_ms)
            else:
                self._publish_user(event, now_ms)

    def release(self, now_ms: int) -> None:
        """Send user frames that a fault held back until now."""
        due = [event for at, event in self._held if at <= now_ms]
        self._held = [(at, event) for at, event in self._held if at > now_ms]
        for event in due:
            self._send_user(event, now_ms)

    def dump(self, line: MarketLine, assets: list[str]) -> None:
        """Send the books of new assets as one array with a newline (facts 4.3)."""
        if len(line.assets) > self.config.max_assets:
            return  # above the limit the venue sends no snapshot (facts 4.5)
        books = []
        for asset in assets:
            market = self.exchange.by_token.get(asset)
            if market is not None and not market.closed:
                book = self.exchange.books[market.condition_id]
                books.append(book_frame(market, book, market.outcome_of(asset)))
        if books:
            line.put(Message(_encode(books) + "\n"))
            self.sent["dump"] += 1

    def drop(self, kind: str) -> int:
        """Close all sockets of a kind (market, user or empty for both); return how many."""
        lines: list[Line] = []
        if kind in ("", "market"):
            lines += self.market_lines
        if kind in ("", "user"):
            lines += self.user_lines
        for line in lines:
            line.close(1006 if kind == "abnormal" else 1001)
        return len(lines)

    def _publish_market(self, event: MarketEvent, now_ms: int) -> None:
        kind = str(event.frame["event_type"])
        messages = [Message(_encode(event.frame))]
        if self.faults.planned:
            messages = self._altered(kind, event, messages[0], now_ms)
        for line in self.market_lines if messages else ():
            if _follows(line, event):
                for message in messages:
                    line.put(message)
                self.sent[kind] += 1

    def _altered(
        self, kind: str, event: MarketEvent, message: Message, now_ms: int
    ) -> list[Message]:
        """Return what faults make of a market frame: nothing, itself, or more."""
        context = {"event_type": kind, "condition_id": str(event.frame.get("market", ""))}
        if self._withheld(kind, context, now_ms):
            return []
        if kind == "last_trade_price" and self.faults.hit("print_bare", now_ms, **context):
            bare = {k: v for k, v in event.frame.items() if k not in ("size", "transaction_hash")}
            message = Message(_encode(bare))
        messages = [message]
        if self.faults.hit("unknown_event", now_ms, **context):
            messages.append(Message(_encode({**event.frame, "event_type": "weather_report"})))
        if self.faults.hit("malformed_frame", now_ms, **context):
            messages.append(Message('{"event_type":"book","asset_id":'))
        return messages

    def _withheld(self, kind: str, context: dict[str, str], now_ms: int) -> bool:
        names = ["market_stall", "market_missing"]
        if kind == "market_resolved":
            names.append("resolved_missing")
        return any(self.faults.hit(name, now_ms, **context) for name in names)

    def _publish_user(self, event: UserEvent, now_ms: int) -> None:
        context = {
            "event_type": str(event.frame["event_type"]),
            "status": str(event.frame["status"]),
            "order_id": str(event.frame.get("taker_order_id") or event.frame["id"]),
        }
        if self.faults.hit("user_stall", now_ms, **context):
            return
        if self.faults.hit("user_missing", now_ms, **context):
            return
        if fault := self.faults.hit("user_delayed", now_ms, **context):
            self._held.append((now_ms + int(fault.seconds(1) * 1000), event))
            return
        self._send_user(event, now_ms)
        if self.faults.hit("user_duplicate", now_ms, **context):
            self._send_user(event, now_ms)

    def _send_user(self, event: UserEvent, now_ms: int) -> None:
        frame = dict(event.frame)
        if frame.get("created_at") and self.faults.hit("user_created_ms", now_ms):
            frame["created_at"] = f"{frame['created_at']}000"
        if frame["event_type"] == "trade" and self.faults.hit("user_prefixed", now_ms):
            frame["status"] = f"TRADE_STATUS_{frame['status']}"
        message = Message(_encode(frame))
        for line in self.user_lines:
            if line.owner == event.owner and (
                not line.markets or event.condition_id in line.markets
            ):
                line.put(message)
                self.sent[str(frame["event_type"])] += 1


def _follows(line: MarketLine, event: MarketEvent) -> bool:
    if event.custom and not line.custom:
        return False
    return event.broadcast or not line.assets.isdisjoint(event.tokens)


def _encode(value: Any) -> str:
    return msgspec.json.encode(value).decode()
