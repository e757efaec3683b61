"""Plays a tape into the exchange at a speed, its times shifted to now."""

from __future__ import annotations

import asyncio
import hashlib
import sys
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path

from sim import tape
from sim.engine import Engine
from sim.frames import best_bid_ask, last_trade_price, tick_size_change
from sim.market import Print, SimMarket
from sim.outbox import MarketEvent
from sim.resolution import resolve, restore

FIRST_NUMBER = 5_000_000  # Gamma ids begin here
SAVE_MS = 200
SLICE = 100  # events between two looks at everything else
LATE_MS = 20


class Clock:
    """Maps the tape's time to real time: `real = origin + (offset - start) / speed`."""

    def __init__(self, origin_ms: int, start_ms: int, speed: float) -> None:
        self._origin = origin_ms
        self._start = start_ms
        self._speed = speed

    def real(self, offset_ms: int) -> int:
        """Return the real epoch milliseconds of an offset of the tape."""
        return self._origin + round((offset_ms - self._start) / self._speed)

    def offset(self, real_ms: int) -> int:
        """Return the offset of the tape at a real time."""
        return self._start + int((real_ms - self._origin) * self._speed)


class Playback:
    """One source of events with its markets. Resumes where an earlier sim stopped."""

    def __init__(self, engine: Engine, header: tape.Header, events: list[tape.Event]) -> None:
        self._engine = engine
        self._header = header
        self._events = events
        self._next = 0
        position = engine.memory.position
        identity = f"{header.source}:{header.first_ms}:{len(events)}"
        if position.source != identity:
            position.source, position.offset_ms, position.done = identity, 0, False
        self.position = position
        self.markets: list[SimMarket] = []
        self._anchor(engine.now() + engine.config.lead_ms)
        self._saved_ms = 0
        self._silent = False
        self._list_markets()

    @classmethod
    def of_file(cls, engine: Engine, path: Path) -> Playback:
        """Read a whole tape, so that a damaged one is refused before anything plays.

        Raises:
            TapeError: the tape is missing or damaged.
        """
        return cls(engine, tape.read_header(path), list(tape.read(path)))

    @property
    def span_ms(self) -> int:
        """Return the length of the tape."""
        return self._header.span_ms

    def begin(self, start_ms: int) -> None:
        """Let the tape go on at this time; books come back to where it stood."""
        self._anchor(start_ms)
        if self.position.offset_ms:
            self._silent = True
            self.play(self.position.offset_ms, start_ms)
            self._silent = False
            self._engine.exchange.outbox.drain()
            for market in self.markets:
                self._engine.exchange.restore_taken(market.condition_id)

    def _anchor(self, start_ms: int) -> None:
        """Set the clock, and with it the times of all markets."""
        self.start_ms = start_ms
        self.clock = Clock(start_ms, self.position.offset_ms, self._engine.config.speed)
        for market, source in zip(self.markets, self._header.markets, strict=False):
            market.start_ms = self.clock.real(source.start_ms - self._header.first_ms)
            market.end_ms = self.clock.real(source.end_ms - self._header.first_ms)
            market.changed_ms = start_ms

    def play(self, offset_ms: int, now_ms: int, most: int = sys.maxsize) -> None:
        """Apply the events up to an offset of the tape: at most so many, and what shares the time
        of the last one."""
        applied = 0
        while self._next < len(self._events) and self._events[self._next].at <= offset_ms:
            event = self._events[self._next]
            if applied >= most and event.at > self._events[self._next - 1].at:
                offset_ms = event.at - 1
                break
            self._apply(event, now_ms)
            self._next += 1
            applied += 1
        self.position.offset_ms = max(offset_ms, self.position.offset_ms)
        done = self._next >= len(self._events)
        if done != self.position.done or now_ms - self._saved_ms >= SAVE_MS:
            self._saved_ms = now_ms
            self.position.done = done
            self._engine.memory.put("position", "source", self.position)

    async def run(self) -> None:
        """Play to the end in real time."""
        engine = self._engine
        if not engine.playing.is_set():
            await engine.playing.wait()
            self._anchor(engine.now() + engine.config.lead_ms)
        await asyncio.sleep(max(self.start_ms - engine.now(), 0) / 1000)
        self.begin(self.start_ms)
        while not self.position.done:
            now = engine.now()
            self.play(self.clock.offset(now), now, SLICE)
            engine.commit()
            await asyncio.sleep(self._pause(now))

    def _pause(self, now_ms: int) -> float:
        if self._next >= len(self._events):
            return 0
        wait = self.clock.real(self._events[self._next].at) - now_ms
        if wait < -LATE_MS:
            return 0  # the tape waits for the clients, never the clients for the tape
        return min(max(wait / 1000, 0.002), 0.2)

    def _list_markets(self) -> None:
        for index, source in enumerate(self._header.markets):
            market = market_of(source, FIRST_NUMBER + index)
            if record := self._engine.memory.resolved.get(market.condition_id):
                restore(market, record)
            self.markets.append(market)
            self._engine.exchange.list_market(market)
        self._anchor(self.start_ms)

    def _apply(self, event: tape.Event, now_ms: int) -> None:
        market = self.markets[event.market]
        if market.closed:
            return
        if isinstance(event, tape.Book):
            book_event(self._engine, market, event.bids, event.asks, now_ms, silent=self._silent)
        elif isinstance(event, tape.Changes):
            changes_event(self._engine, market, event.changes, now_ms, silent=self._silent)
        elif isinstance(event, tape.Print):
            if not self._silent:
                print_event(self._engine, market, event, now_ms)
        elif isinstance(event, tape.Tick):
            tick_event(self._engine, market, event.tick, now_ms)
        elif isinstance(event, tape.Dispute):
            market.oracle = event.status
            market.was_disputed |= event.status == "disputed"
        else:
            resolve(self._engine.exchange, market, event.payouts, now_ms, silent=self._silent)


def market_of(source: tape.TapeMarket, number: int) -> SimMarket:
    """Return the sim's market of a tape's market, times still those of the tape."""
    return SimMarket(
        number=number,
        condition_id=source.condition_id.lower(),
        tokens=source.tokens,
        outcomes=source.outcomes,
        question=source.question,
        slug=source.slug,
        start_ms=source.start_ms,
        end_ms=source.end_ms,
        tick=source.tick,
        min_size=source.min_size,
        fee_rate=Decimal(source.fee_rate),
        category=source.category,
        tags=source.tags,
        neg_risk=source.neg_risk,
        protocol=source.protocol,
    )


def book_event(
    engine: Engine,
    market: SimMarket,
    bids: Iterable[tape.Level],
    asks: Iterable[tape.Level],
    now_ms: int,
    *,
    silent: bool = False,
) -> None:
    """Show a whole new book."""
    book = engine.exchange.books[market.condition_id]
    book.replace(dict(bids), dict(asks))
    market.changed_ms = now_ms
    if not silent:
        engine.exchange.show_books(market.condition_id)
        engine.exchange.fills.cross(market.condition_id, now_ms)


def changes_event(
    engine: Engine,
    market: SimMarket,
    changes: Iterable[tape.Change],
    now_ms: int,
    *,
    silent: bool = False,
) -> None:
    """Show new sizes of some levels, and what follows from them."""
    exchange = engine.exchange
    book = exchange.books[market.condition_id]
    top = (book.best("B"), book.best("A"))
    levels = []
    for side, price, size in changes:
        book.set(side, price, size)
        levels.append((side, price))
    if silent:
        return
    exchange.show(market.condition_id, levels, now_ms)
    if top != (book.best("B"), book.best("A")):
        for outcome, token in enumerate(market.tokens):
            frame = best_bid_ask(market, book, outcome, now_ms)
            exchange.outbox.market(MarketEvent((token,), frame, custom=True))
    exchange.fills.cross(market.condition_id, now_ms)


def print_event(engine: Engine, market: SimMarket, event: tape.Print, now_ms: int) -> None:
    """Publish a print, and fill resting orders that it traded through."""
    stamp = f"{market.condition_id}:{now_ms}:{len(market.prints)}:{event.price}:{event.size}"
    tx = "0x" + hashlib.sha256(stamp.encode()).hexdigest()
    seen = Print(now_ms, event.outcome, event.price, event.size, event.side, tx)
    market.printed(seen)
    token = market.tokens[event.outcome]
    engine.exchange.outbox.market(MarketEvent((token,), last_trade_price(market, seen)))
    engine.exchange.fills.traded(market.condition_id, event, now_ms)


def tick_event(engine: Engine, market: SimMarket, tick: int, now_ms: int) -> None:
    """Change the tick size."""
    old, market.tick = market.tick, tick
    if old == tick:
        return
    for outcome, token in enumerate(market.tokens):
        frame = tick_size_change(market, outcome, old, now_ms)
        engine.exchange.outbox.market(MarketEvent((token,), frame))
