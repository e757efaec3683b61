"""ingest/audit.py"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import UTC, datetime

import pytest

from domain.book import Book, Level
from domain.money import price, shares
from ingest.audit import Audit
from ingest.tokens import TokenState
from tests.ingest.samples import many, market, rules, tokens_of
from tests.ingest.test_feed import feeding
from tests.venue.loopback import running
from tests.venue.wire.frames import CONDITION, YES, book_of
from tests.waiting import eventually
from venue.errors import Unknown

MS = 1_700_000_000_000


class FakeBooks:
    """The venue's books, all alike; `down` makes it fail."""

    def __init__(self, bid: str, ms: int) -> None:
        self.bid, self.ms, self.down = bid, ms, False
        self.asked: list[str] = []

    async def books(self, token_ids: Iterable[str]) -> list[Book]:
        """Return one bid for each token."""
        if self.down:
            raise Unknown("no answer")
        self.asked = list(token_ids)
        at = datetime.fromtimestamp(self.ms / 1000, UTC)
        bids = (Level(price=price(self.bid), shares=shares(5)),)
        return [
            Book(token_id=t, condition_id=CONDITION, bids=bids, venue_time=at, seen_at=at)
            for t in [*self.asked, "stranger"]
        ]


def state_at(bid: int, ms: int) -> TokenState:
    """Return the Yes token with one bid."""
    state = tokens_of(rules(), market()).by_id[YES]
    state.bids, state.bid, state.venue_ms = {bid: "5"}, bid, ms
    return state


@pytest.mark.parametrize(
    ("bid", "ms", "right"),
    [
        ("0.5", MS + 60_000, True),  # newer, but the same book
        ("0.6", MS + 60_000, False),  # newer, and another book
        ("0.6", MS + 2_000, True),  # the stream may be a little behind
        ("0.6", MS - 60_000, True),  # REST itself is behind
    ],
)
async def test_silence_is_wrong_when_the_venue_has_a_newer_and_different_book(
    bid: str, ms: int, right: bool
) -> None:
    """W2"""
    assert await Audit(FakeBooks(bid, ms)).right([state_at(500_000, MS)]) is right


async def test_without_an_answer_it_cannot_be_told() -> None:
    books = FakeBooks("0.6", MS)
    books.down = True
    audit = Audit(books)
    assert await audit.right([state_at(500_000, MS)]) is None and audit.failures == 1


async def test_the_liveliest_tokens_are_asked_for_and_no_tokens_are_always_right() -> None:
    states = [state for m in many(30) for state in tokens_of(rules(), m).by_id.values()]
    for number, state in enumerate(states):
        state.venue_ms = number
    books = FakeBooks("0.5", 0)
    assert await Audit(books).right([]) is True
    await Audit(books).right(states)
    assert books.asked == [state.token_id for state in states[::-1][:20]]


async def test_a_socket_whose_books_are_wrong_twice_is_replaced(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("ingest.audit.GRACE_MS", 50)
    async with feeding(many(1)) as bench:
        await bench.server.tell(book_of([("0.5", "1")], [], token=bench.tokens.wanted()[0]))
        await eventually(lambda: bench.feed.health().subscribed == 1)
        audit = Audit(FakeBooks("0.6", MS + 60_000))
        async with running(asyncio.create_task(audit.watch(bench.feed, every=0.05))):
            await eventually(lambda: "book mismatch" in [why for _, _, why in bench.gaps])
