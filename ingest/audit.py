"""Audit: is our picture of the books the venue's? Tells a frozen feed from a quiet one."""

from __future__ import annotations

import asyncio
from typing import Protocol

import structlog

from domain.book import Book
from ingest.feed import Feed, Socket
from ingest.tokens import TokenState, to_micro
from venue.errors import VenueError

log = structlog.get_logger()

SAMPLE = 20  # the liveliest tokens of a socket: where a freeze shows first
GRACE_MS = 2_000  # the stream may be this much behind REST


class Books(Protocol):
    """Where books are asked for; `venue.public.PublicVenue` in production."""

    async def books(self, token_ids: list[str]) -> list[Book]:
        """Return the books of these tokens that exist."""


class Audit:
    """Compares books by REST with the folded ones."""

    def __init__(self, books: Books) -> None:
        """Ask `books`."""
        self._books = books
        self.checks = self.failures = 0

    async def right(self, states: list[TokenState]) -> bool | None:
        """Return whether the folded books are the venue's; None when it cannot be told.

        Wrong means: the venue's book is newer than ours by more than a grace and differs.
        """
        lively = sorted(states, key=lambda state: -state.venue_ms)[:SAMPLE]
        if not lively:
            return True
        try:
            books = await self._books.books([state.token_id for state in lively])
        except VenueError as error:
            self.failures += 1
            log.warning("audit_unanswered", error=str(error)[:200])
            return None
        self.checks += 1
        by_id = {state.token_id: state for state in lively}
        return not any(_differs(by_id[b.token_id], b) for b in books if b.token_id in by_id)

    async def watch(self, feed: Feed, every: float) -> None:
        """Check one socket after the other, each once per `every` seconds, until cancelled.

        A socket found wrong twice within seconds is replaced: frames were lost on it.
        """
        while True:
            sockets = list(feed.sockets.items())
            pause = every / max(1, len(sockets))
            for number, socket in sockets:
                await asyncio.sleep(pause)
                if feed.sockets.get(number) is socket and await self._wrong(feed, socket):
                    log.error("book_mismatch", socket=number)
                    socket.stream.replace("book mismatch")
            if not sockets:
                await asyncio.sleep(every)

    async def _wrong(self, feed: Feed, socket: Socket) -> bool:
        epoch = socket.stream.health.epoch
        for _ in range(2):
            settled = [state for state in feed.states(socket) if state.synced == epoch]
            if not socket.stream.health.connected or await self.right(settled) is not False:
                return False
            await asyncio.sleep(GRACE_MS / 1000)
        return True


def _differs(state: TokenState, book: Book) -> bool:
    if book.venue_time is None:
        return False
    theirs = int(book.venue_time.timestamp() * 1000)
    if theirs <= state.venue_ms + GRACE_MS:
        return False
    bids = {to_micro(level.price) for level in book.bids}
    asks = {to_micro(level.price) for level in book.asks}
    return bids != set(state.bids) or asks != set(state.asks)
