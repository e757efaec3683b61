"""Audit: is our picture of the books the venue's? Tells a frozen feed from a quiet one."""

from __future__ import annotations

import asyncio
import time
from typing import Protocol

import structlog

from domain.book import Book
from ingest.feed import Feed, Socket
from ingest.tokens import TokenState, to_micro
from venue.errors import VenueError

log = structlog.get_logger()

SAMPLE, LIVELY = 20, 10  # tokens asked for at once; so many of them the liveliest
AUDIT_EVERY = 60.0  # seconds between two looks at the books of one socket
GRACE_MS = 2_000  # the stream may be this much behind REST
PARDON = 3600.0  # seconds: the two disagree on a token for good, and we reconnect once for it
QUARREL = 20  # tokens blamed within that time: stream and REST disagree by nature, not by loss
KNOWN = 100_000  # tokens whose turn is kept


class Books(Protocol):
    """Where books are asked for; `venue.public.PublicVenue` in production."""

    async def books(self, token_ids: list[str]) -> list[Book]:
        """Return the books of these tokens that exist."""


class Audit:
    """Compares books by REST with the folded ones."""

    def __init__(self, books: Books) -> None:
        """Ask `books`."""
        self._books = books
        self._turns: dict[str, int] = {}  # the check in which a token was asked for last
        self._blamed: dict[str, float] = {}  # when a token was the reason to reconnect
        self.checks = self.failures = 0

    async def right(self, states: list[TokenState]) -> bool | None:
        """Return whether the silence of these is right; None when it cannot be told.

        Wrong means: a book of the venue is newer than ours by more than a grace and differs.
        """
        pairs = await self._ask(self._sample(states))
        if pairs is None:
            return None
        return not any(_lead(*pair) > GRACE_MS and _differs(*pair) for pair in pairs)

    async def watch(self, feed: Feed, every: float) -> None:
        """Check one socket after the other, each once per `every` seconds, until cancelled.

        A socket on which the same book is wrong twice within seconds is replaced: it lost frames.
        """
        while True:
            sockets = list(feed.sockets.items())
            pause = every / max(1, len(sockets))
            for number, socket in sockets:
                await asyncio.sleep(pause)
                if feed.sockets.get(number) is not socket:
                    continue
                if wrong := await self._wrong(feed, socket):
                    log.error("book_mismatch", socket=number, tokens=wrong)
                    self._blamed.update(dict.fromkeys(wrong, time.monotonic()))
                    socket.stream.replace("book mismatch")
            if not sockets:
                await asyncio.sleep(every)

    def _sample(self, states: list[TokenState]) -> list[TokenState]:
        """Return the liveliest, where a freeze shows first, and of the rest whose turn it is."""
        ranked = sorted(states, key=lambda state: -state.venue_ms)
        rest = sorted(ranked[LIVELY:], key=lambda state: self._turns.get(state.token_id, -1))
        chosen = ranked[:LIVELY] + rest[: SAMPLE - LIVELY]
        if len(self._turns) > KNOWN:
            self._turns.clear()
        self._turns.update((state.token_id, self.checks) for state in chosen)
        return chosen

    async def _ask(self, states: list[TokenState]) -> list[tuple[TokenState, Book]] | None:
        """Return the venue's books beside ours, or None without an answer."""
        if not states:
            return []
        try:
            books = await self._books.books([state.token_id for state in states])
        except VenueError as error:
            self.failures += 1
            log.warning("audit_unanswered", error=str(error)[:200])
            return None
        self.checks += 1
        by_id = {state.token_id: state for state in states}
        return [(by_id[b.token_id], b) for b in books if b.token_id in by_id]

    async def _wrong(self, feed: Feed, socket: Socket) -> list[str]:
        """Return the tokens whose book is not the venue's, now and once more after the grace."""
        health = socket.stream.health
        epoch, suspects = health.epoch, self._sample(feed.settled(socket))
        for wait in (0.0, GRACE_MS / 1000):
            await asyncio.sleep(wait)
            pairs = await self._ask(suspects) or []
            suspects = [s for s, book in pairs if s.synced == epoch and self._lost(s, book)]
            if not suspects or not health.connected:
                return []
        return [state.token_id for state in suspects]

    def _lost(self, state: TokenState, book: Book) -> bool:
        """Return whether frames were lost: books of one moment differ, or ours is behind."""
        lead = _lead(state, book)
        if lead == 0:
            return _differs(state, book) and not self._pardoned(state)
        return lead > GRACE_MS and _differs(state, book)

    def _pardoned(self, state: TokenState) -> bool:
        """Return whether books of one moment need not be equal: we reconnected for it before."""
        oldest = time.monotonic() - PARDON
        self._blamed = {token: at for token, at in self._blamed.items() if at > oldest}
        return state.token_id in self._blamed or len(self._blamed) >= QUARREL


def _lead(state: TokenState, book: Book) -> int:
    """Return by how many milliseconds the venue's book is newer than ours; -1 if undated."""
    if book.venue_time is None:
        return -1
    return round(book.venue_time.timestamp() * 1000) - state.venue_ms


def _differs(state: TokenState, book: Book) -> bool:
    """Return whether the books have other prices; sizes mend themselves with the next change."""
    bids = {to_micro(level.price) for level in book.bids}
    asks = {to_micro(level.price) for level in book.asks}
    return bids != set(state.bids) or asks != set(state.asks)
