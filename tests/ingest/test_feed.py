"""ingest/feed.py against a server on loopback."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import pytest

from domain.market import Market
from ingest.feed import Feed
from ingest.fold import Fold
from ingest.tokens import TokenState
from tests.ingest.samples import FakeSink, many, rules, tokens_of
from tests.venue.loopback import Loopback, loopback
from tests.venue.test_stream import QUICK
from tests.venue.wire.frames import book_of, change_of, print_of
from tests.waiting import eventually
from venue.stream import StreamLimits


class Bench:
    """A feed over a few markets."""

    def __init__(self, server: Loopback, markets: list[Market], per_socket: int = 2) -> None:
        self.server = server
        self.tokens = tokens_of(rules(), *markets)
        self.sink = FakeSink()
        self.gaps: list[tuple[list[str], int, str]] = []
        self.feed = Feed(
            server.url,
            self.tokens,
            Fold(self.tokens, self.sink),
            on_gap=self.gap,
            limits=QUICK,
            per_socket=per_socket,
        )

    def gap(self, states: list[TokenState], epoch: int, why: str) -> None:
        """Remember a gap."""
        self.gaps.append((sorted(s.token_id for s in states), epoch, why))

    def subscribed(self) -> set[str]:
        """Return the tokens the server was asked for, less those it was asked to leave out."""
        tokens: set[str] = set()
        for text in self.server.said:
            if text.startswith("{"):
                said = json.loads(text)
                leave = said.get("operation") == "unsubscribe"
                tokens = (
                    tokens - set(said["assets_ids"]) if leave else tokens | set(said["assets_ids"])
                )
        return tokens


@asynccontextmanager
async def feeding(markets: list[Market], per_socket: int = 2) -> AsyncIterator[Bench]:
    """Run a feed that wants the Yes token of every market."""
    async with loopback() as server:
        bench = Bench(server, markets, per_socket)
        await bench.feed.want(bench.tokens.wanted())
        try:
            await eventually(lambda: bench.subscribed() == set(bench.tokens.wanted()))
            yield bench
        finally:
            await bench.feed.close()


async def test_tokens_are_spread_over_sockets_of_bounded_size() -> None:
    async with feeding(many(5)) as bench:
        assert sorted(len(s.tokens) for s in bench.feed.sockets.values()) == [1, 2, 2]
        assert bench.server.connects == 3
        first = json.loads(next(text for text in bench.server.said if text.startswith("{")))
        assert first["type"] == "market" and first["custom_feature_enabled"] is True


async def test_a_change_moves_only_what_changed() -> None:
    markets = many(4)
    async with feeding(markets) as bench:
        said = len(bench.server.said)
        wanted = bench.tokens.wanted()
        bench.tokens.drop(markets[0].condition_id)
        new = many(6)[5]
        bench.tokens.put(new, taken=False)
        await bench.feed.want(bench.tokens.wanted())
        await eventually(lambda: bench.subscribed() == set(bench.tokens.wanted()))
        spoken = [json.loads(t) for t in bench.server.said[said:] if t.startswith("{")]
        assert [(s["operation"], s["assets_ids"]) for s in spoken] == [
            ("unsubscribe", [wanted[0]]),
            ("subscribe", [new.tokens[0].token_id]),
        ]
        assert bench.server.connects == 2


async def test_a_socket_without_tokens_is_closed() -> None:
    async with feeding(many(4)) as bench:
        for market in many(4)[:2]:
            bench.tokens.drop(market.condition_id)
        await bench.feed.want(bench.tokens.wanted())
        await eventually(lambda: len(bench.server.open) == 1)
        assert len(bench.feed.sockets) == 1


async def test_a_reconnect_subscribes_to_what_is_wanted_now_and_reports_the_gap() -> None:
    markets = many(2)
    async with feeding(markets) as bench:
        token = markets[0].tokens[0].token_id
        await bench.server.tell(print_of("0.90", asset_id=token))
        await eventually(lambda: bench.tokens.by_id[token].last_trade == 900_000)
        await bench.server.drop()
        await eventually(lambda: len(bench.gaps) == 1)
        tokens, epoch, why = bench.gaps[0]
        assert tokens == sorted(bench.tokens.wanted()) and (epoch, why) == (2, "closed 1006")
        await eventually(lambda: len(bench.server.open) == 1)
        await bench.server.tell(print_of("0.96", asset_id=token, ms="1700000009000"))
        await eventually(lambda: bench.sink.lost == [(token, 960_000)])
        assert bench.sink.touches == []


async def test_touches_reach_the_sink_and_the_numbers_add_up() -> None:
    markets = many(3)
    async with feeding(markets) as bench:
        for market in markets:
            token = market.tokens[0].token_id
            await bench.server.tell(
                print_of("0.90", asset_id=token), print_of("0.95", asset_id=token)
            )
        await eventually(lambda: len(bench.sink.touches) == 3)
        health = bench.feed.health()
        assert (health.sockets, health.connected, health.wanted) == (2, 2, 3)
        assert health.frames == 12 and health.bytes > 1000 and health.epochs == 2


async def test_a_token_counts_as_subscribed_when_its_book_has_come() -> None:
    async with feeding(many(2)) as bench:
        token = bench.tokens.wanted()[0]
        assert bench.feed.health().subscribed == 0
        assert bench.feed.health().by_socket[0].missing == 2
        await bench.server.tell(book_of([("0.5", "1")], [], token=token))
        await eventually(lambda: bench.feed.health().subscribed == 1)
        (one,) = bench.feed.health().by_socket.values()
        assert (one.wanted, one.missing, one.epoch) == (2, 1, 1)
        assert one.data_age is not None and one.data_age < 5


async def test_missing_books_are_asked_for_again_ever_more_rarely() -> None:
    """A new market is listed before its book exists (facts 9 item 26)."""
    async with feeding(many(2)) as bench:
        have, lack = bench.tokens.wanted()
        await bench.server.tell(book_of([("0.5", "1")], [], token=have))
        await eventually(lambda: bench.feed.health().subscribed == 1)
        said = len(bench.server.said)
        for _ in range(16):
            await bench.feed.ask_again()

        def asked() -> list[dict[str, object]]:
            return [json.loads(t) for t in bench.server.said[said:] if t.startswith("{")]

        await eventually(lambda: len(asked()) == 4)
        assert all(a["assets_ids"] == [lack] for a in asked())


async def test_a_frame_that_breaks_the_fold_costs_a_new_epoch_and_not_the_process(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with feeding(many(1)) as bench:

        def broken(*_: object) -> None:
            raise RuntimeError("bug")

        monkeypatch.setattr(bench.feed, "_fold", type("F", (), {"apply": broken})())
        await bench.server.tell(print_of())
        await eventually(lambda: [why for _, _, why in bench.gaps] == ["frame failed"])
        assert bench.feed.failed == 1


async def test_a_closed_gate_stops_all_sockets_and_opening_it_loses_nothing() -> None:
    async with feeding(many(4)) as bench:
        token = bench.tokens.wanted()[0]
        bench.feed.gate(True)
        frames = [print_of("0.9", asset_id=token) for _ in range(2000)]
        sending = asyncio.create_task(bench.server.tell(*frames))
        await eventually(lambda: bench.feed.health().frames == 2)  # one a socket, then the gate
        await eventually(lambda: all(not s.stream._reading for s in bench.feed.sockets.values()))
        assert bench.feed.health().frames == 2
        bench.feed.gate(False)
        await sending
        await eventually(lambda: bench.feed.health().frames == 4000)
        assert bench.gaps == []


async def test_a_fault_in_a_stream_ends_the_feed() -> None:
    async with loopback() as server:
        bench = Bench(server, many(1))

        async def broken(_: list[TokenState]) -> bool:
            raise RuntimeError("bug")

        bench.feed._judge = broken
        running = asyncio.create_task(bench.feed.run())
        await bench.feed.want(bench.tokens.wanted())
        with pytest.raises(RuntimeError, match="bug"):
            await asyncio.wait_for(running, 5)


async def test_only_what_tells_of_the_subscribed_tokens_ends_a_doubt() -> None:
    """W2: new markets are told to every socket, also to a frozen one."""
    async with feeding(many(1)) as bench:
        (socket,) = bench.feed.sockets.values()
        health, token = socket.stream.health, bench.tokens.wanted()[0]
        began, new = health.told_at, {"event_type": "new_market", "market": "0x1"}
        await bench.server.tell(json.dumps(new | {"assets_ids": ["1", "2"]}).encode(), b"[]")

        def heard(count: int) -> bool:
            return health.frames == count

        await eventually(partial(heard, 2))
        assert health.told_at == began and len(bench.sink.hints) == 1
        for count, frame in enumerate((book_of([], [], token=token), print_of(), change_of()), 3):
            began = health.told_at
            await bench.server.tell(frame)
            await eventually(partial(heard, count))
            assert health.told_at > began


async def test_a_token_without_its_book_for_longer_than_our_patience_is_overdue(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with feeding(many(2)) as bench:
        assert bench.feed.health().overdue == 0  # right after a start
        monkeypatch.setattr("ingest.feed.PATIENCE", 0.05)
        await eventually(lambda: bench.feed.health().overdue == 2)
        await bench.server.tell(book_of([("0.5", "1")], [], token=bench.tokens.wanted()[0]))
        await eventually(lambda: bench.feed.health().overdue == 1)
        monkeypatch.setattr("ingest.feed.PATIENCE", 600.0)
        assert bench.feed.health().overdue == 0


async def test_the_times_of_folding_are_kept_for_a_while_and_not_for_ever() -> None:
    """A recorder has nobody who reads them."""
    async with feeding(many(1)) as bench:
        for _ in range(10_000):
            bench.feed.timings.append(1)
        assert len(bench.feed.timings) < 10_000


async def test_the_end_waits_for_no_farewell_of_the_venue(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """There are seconds until the kill, and rows to be written after the sockets."""
    async with loopback() as server:
        bench = Bench(server, many(10), per_socket=1)
        bench.feed._limits = StreamLimits(close=1.0)
        await bench.feed.want(bench.tokens.wanted())
        await eventually(lambda: len(server.said) == 10)
        for ws in server.open:
            monkeypatch.setattr(ws, "data_received", lambda _: None)  # never says goodbye
        began = time.monotonic()
        await bench.feed.close()
        assert time.monotonic() - began < 5 and not bench.feed.sockets
