"""A venue's public side with a memory, for tests of whole ingest."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import datetime

from domain.book import Book
from domain.market import Market
from venue.errors import RefusalKind, Refused, Unknown
from venue.records import CataloguePage, Print


class FakeVenue:
    """Pages of markets, books and prints; `down` makes everything fail."""

    def __init__(self, markets: list[Market], page: int = 2) -> None:
        self.open = list(markets)
        self.closed: dict[str, Market] = {}
        self.page = page
        self.prints: list[Print] = []
        self.down = False
        self.held: asyncio.Event | None = None  # pages after the first wait for it
        self.passes = 0
        self.asked: list[set[str]] = []  # by name
        self.spoils: set[str] = set()  # named, these have the whole question refused

    def close(self, condition_id: str) -> None:
        """Close a market: it leaves the open list."""
        for market in [m for m in self.open if m.condition_id == condition_id]:
            self.open.remove(market)
            self.closed[condition_id] = market.model_copy(update={"closed": True})

    async def markets(self) -> AsyncIterator[CataloguePage]:
        """Yield the open markets."""
        self._up()
        self.passes += 1
        for start in range(0, len(self.open), self.page):
            if start and self.held is not None:
                await self.held.wait()
            yield CataloguePage(markets=tuple(self.open[start : start + self.page]))

    async def named(self, condition_ids: Sequence[str]) -> CataloguePage:
        """Return these markets."""
        self._up()
        self.asked.append(set(condition_ids))
        if self.spoils.intersection(condition_ids):
            raise Refused(RefusalKind.OTHER, "no such id")
        known = self.closed | {m.condition_id: m for m in self.open}
        return CataloguePage(markets=tuple(known[c] for c in condition_ids if c in known))

    async def books(self, token_ids: Iterable[str]) -> list[Book]:
        """Return no book: nothing differs from ours."""
        self._up()
        return []

    async def prints_since(self, condition_ids: Sequence[str], since: datetime) -> list[Print]:
        """Return the prints of these markets."""
        self._up()
        asked = [p for p in self.prints if p.condition_id in condition_ids]
        mine = [p for p in asked if p.venue_time >= since]
        return sorted(mine, key=lambda p: p.venue_time)

    def _up(self) -> None:
        if self.down:
            raise Unknown("no answer")
