"""ingest/audit.py"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from domain.book import Book, Level
from domain.money import price, shares
from ingest.audit import Audit
from ingest.tokens import TokenState
from tests.ingest.samples import many, market, rules, tokens_of
from tests.ingest.test_feed import Bench, feeding
from tests.venue.loopback import running
from tests.venue.wire.frames import CONDITION, YES, book_of
from tests.waiting import eventually
from venue.errors import Unknown

MS = 1_700_000_000_000


class FakeBooks:
    """The venue's books, all alike; `down` makes it fail."""

    def __init__(self, bid: str, ms: int) -> None:
        self.bid, self.ms, self.down = bid, ms, False
        self.others: dict[str, str] = {}  # bids that are not like all the others
        self.asked: list[str] = []
        self.calls = 0

    async def books(self, token_ids: Iterable[str]) -> list[Book]:
        """Return one bid for each token."""
        if self.down:
            raise Unknown("no answer")
        self.asked, self.calls = list(token_ids), self.calls + 1
        at = datetime.fromtimestamp(self.ms / 1000, UTC)
        return [
            Book(
                token_id=t,
                condition_id=CONDITION,
                bids=(Level(price=price(self.others.get(t, self.bid)), shares=shares(5)),),
                venue_time=at,
                seen_at=at,
            )
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


async def test_the_liveliest_are_always_asked_for_and_every_other_token_in_its_turn() -> None:
    """A token whose updates stop is soon none of the liveliest."""
    states = [state for m in many(30) for state in tokens_of(rules(), m).by_id.values()]
    for number, state in enumerate(states):
        state.venue_ms = number
    books = FakeBooks("0.5", 0)
    audit, seen, liveliest = Audit(books), set[str](), {s.token_id for s in states[-10:]}
    for _ in range(5):  # 10 and 5 times 10 of 60
        await audit.right(states)
        assert len(books.asked) == 20 and liveliest <= set(books.asked)
        seen.update(books.asked)
    assert seen == {state.token_id for state in states}


async def test_no_tokens_are_right_and_nobody_is_asked() -> None:
    books = FakeBooks("0.5", 0)
    assert await Audit(books).right([]) is True and books.asked == []


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


@asynccontextmanager
async def audited(count: int, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Audited]:
    """Watch one socket of so many tokens, all with the same bid as the venue has."""
    monkeypatch.setattr("ingest.audit.GRACE_MS", 20)
    async with feeding(many(count), count) as bench:
        wanted, books = bench.tokens.wanted(), FakeBooks("0.5", MS)
        await bench.server.tell(*(book_of([("0.5", "1")], [], token=token) for token in wanted))
        await eventually(lambda: bench.feed.health().subscribed == count)
        audit = Audit(books)
        yield Audited(bench, books, audit, wanted)


@dataclass
class Audited:
    """A feed and the venue's books beside it."""

    bench: Bench
    books: FakeBooks
    audit: Audit
    wanted: list[str]

    def ends(self) -> list[str]:
        """Return why epochs ended."""
        return [why for _, _, why in self.bench.gaps]

    @asynccontextmanager
    async def watching(self) -> AsyncIterator[None]:
        """Run the audit for the block."""
        async with running(asyncio.create_task(self.audit.watch(self.bench.feed, 0.02))):
            yield


async def test_one_frozen_token_of_many_is_found_although_the_others_live_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with audited(60, monkeypatch) as one:
        one.books.ms = MS + 60_000
        one.books.others = {one.wanted[7]: "0.6"}
        for number, token in enumerate(one.wanted):
            one.bench.tokens.by_id[token].venue_ms += number
        async with one.watching():
            await eventually(lambda: "book mismatch" in one.ends())


async def test_books_of_the_same_moment_must_be_equal_and_a_lasting_quarrel_costs_one_reconnect(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A frame was lost and the next one came: our book is as young as theirs, and wrong."""
    async with audited(2, monkeypatch) as one:
        one.books.others = {one.wanted[0]: "0.6"}
        opening = [book_of([("0.5", "1")], [], token=token) for token in one.wanted]
        async with one.watching():
            await eventually(lambda: one.ends() == ["book mismatch"])
            await eventually(lambda: len(one.bench.server.open) == 1)
            await one.bench.server.tell(*opening)
            await eventually(lambda: one.bench.feed.health().subscribed == 2)
            calls = one.books.calls
            await eventually(lambda: one.books.calls > calls + 10)
            assert one.ends() == ["book mismatch"]


async def test_stream_and_rest_that_disagree_by_nature_do_not_keep_us_reconnecting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("ingest.audit.QUARREL", 1)
    async with audited(3, monkeypatch) as one:
        one.books.others = dict.fromkeys(one.wanted[:1], "0.6")
        opening = [book_of([("0.5", "1")], [], token=token) for token in one.wanted]
        async with one.watching():
            await eventually(lambda: one.ends() == ["book mismatch"])
            one.books.others = dict.fromkeys(one.wanted, "0.6")
            await eventually(lambda: len(one.bench.server.open) == 1)
            await one.bench.server.tell(*opening)
            await eventually(lambda: one.bench.feed.health().subscribed == 3)
            calls = one.books.calls
            await eventually(lambda: one.books.calls > calls + 10)
            assert one.ends() == ["book mismatch"]


async def test_a_frame_that_is_under_way_while_we_look_is_none_that_was_lost(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with audited(2, monkeypatch) as one:
        late, answer = one.bench.tokens.by_id[one.wanted[0]], one.books.books
        one.books.others = {late.token_id: "0.6"}
        looks = 0

        async def books(token_ids: Iterable[str]) -> list[Book]:
            nonlocal looks
            looks += 1
            late.bids = {600_000: "1"} if looks % 2 == 0 else {500_000: "1"}
            return await answer(token_ids)

        monkeypatch.setattr(one.books, "books", books)
        async with one.watching():
            await eventually(lambda: looks > 10)
            assert one.ends() == []


async def test_a_quiet_socket_with_right_books_is_never_replaced(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Also with a book that never came, or was dropped with its old tick: that tells nothing."""
    async with audited(30, monkeypatch) as one:
        one.books.ms = MS + 60_000
        for token, synced in zip(one.wanted, (-1, 0), strict=False):
            state = one.bench.tokens.by_id[token]
            state.bids, state.synced = {}, synced
        one.bench.feed._judge = one.audit.right
        async with one.watching():
            await eventually(lambda: one.books.calls > 10)
            assert await one.bench.feed._vouch(0) is True and one.ends() == []


async def test_a_socket_on_which_no_book_ever_came_is_doubted_all_the_same() -> None:
    async with feeding(many(2)) as bench:
        bench.feed._judge = Audit(FakeBooks("0.5", MS)).right
        assert await bench.feed._vouch(0) is False
