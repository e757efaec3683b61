"""ingest/app.py: whole ingest on real PostgreSQL and Temporal, sockets on loopback."""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import asyncpg
import pytest
from temporalio.client import Client, WorkflowHandle
from temporalio.service import RPCError

from domain.market import Market, Mode, Token
from domain.money import price, shares, usd
from domain.orders import Intent, Leg, Side, SignedOrder, TimeInForce
from domain.trade import ClaimState
from ingest.app import Ingest, Plan
from ingest.dispatch import utc_now
from ingest.shards import Shard
from store.claims import Claims
from store.decisions import Decisions
from store.levels import Level, Levels
from store.markets import Markets
from store.pulse import Heartbeats
from store.touches import Touches
from tests.ingest.fakes import FakeVenue
from tests.ingest.samples import FakeTrades, rules, trigger
from tests.venue.loopback import Loopback, loopback
from tests.venue.test_stream import QUICK
from tests.venue.wire.frames import book_of, print_of
from tests.waiting import eventually
from venue.transport import ApiCreds


def now_ms(back: float = 0) -> str:
    """Return the venue's stamp for now, or for so many seconds ago."""
    return str(int((time.time() - back) * 1000))


def fresh_markets(count: int) -> list[Market]:
    """Return markets that no other test uses, ending in a month."""
    markets = []
    for _ in range(count):
        one = uuid.uuid4()
        tokens = (str(one.int), str(one.int + 1))
        markets.append(
            Market(
                condition_id=f"0x{one.hex}",
                question="Will it happen?",
                slug="it",
                end_time=utc_now() + timedelta(days=30),
                tokens=tuple(
                    Token(token_id=t, outcome=o, index=i)
                    for i, (t, o) in enumerate(zip(tokens, ("Yes", "No"), strict=True))
                ),
            )
        )
    return markets


@dataclass
class Bench:
    """Whole ingest with everything around it."""

    server: Loopback
    user: Loopback
    venue: FakeVenue
    markets: list[Market]
    pool: asyncpg.Pool[Any]
    client: Client
    plan: Plan
    creds: ApiCreds | None = None

    def ingest(self) -> Ingest:
        """Return one more ingest process."""

        async def creds() -> ApiCreds | None:
            return self.creds

        return Ingest(self.plan, self.pool, self.client, self.venue, creds)  # type: ignore[arg-type]  # a stand-in

    @asynccontextmanager
    async def running(self, count: int = 1) -> AsyncIterator[list[Ingest]]:
        """Run so many ingests until the block ends, and check that they end well."""
        stop, ingests = asyncio.Event(), [self.ingest() for _ in range(count)]
        tasks = [asyncio.create_task(one.run(stop)) for one in ingests]
        try:
            wanted = len(self.markets)
            await eventually(lambda: all(len(i.tokens.wanted()) >= wanted for i in ingests))
            await eventually(lambda: len(self.server.open) >= count)
            yield ingests
        finally:
            stop.set()
            await asyncio.wait_for(asyncio.gather(*tasks), 20)

    def token(self, number: int = 0) -> str:
        """Return the Yes token of a market."""
        return self.markets[number].tokens[0].token_id

    def trade(self, number: int = 0) -> WorkflowHandle[Any, Any]:
        """Return the trade of a market."""
        return self.client.get_workflow_handle(f"{self.markets[number].condition_id}:0.95")

    async def touch(self, number: int = 0) -> None:
        """Let the Yes token of a market print 0.94 and then 0.96."""
        for text in ("0.94", "0.96"):
            await self.server.tell(print_of(text, asset_id=self.token(number), ms=now_ms()))

    async def started(self, number: int = 0) -> bool:
        """Return whether the trade of a market runs."""
        try:
            await self.trade(number).describe()
        except RPCError:
            return False
        return True


@asynccontextmanager
async def around(
    pool: asyncpg.Pool[Any], client: Client, queue: str, markets: int = 1
) -> AsyncIterator[Bench]:
    """Serve both sockets and a venue with so many markets."""
    given = fresh_markets(markets)
    async with loopback() as server, loopback() as user:
        plan = Plan(
            mode=Mode.PAPER,
            rules=rules(rest=2),
            rules_hash="hash",
            shard=Shard(),
            task_queue=queue,
            market_ws_url=server.url,
            user_ws_url=user.url,
            site_url="https://site.example",
            per_socket=200,
            dispatches=8,
            room=100,
            limits=QUICK,
            catalogue_every=timedelta(seconds=1),
            instance="test",
        )
        yield Bench(server, user, FakeVenue(given), given, pool, client, plan)


async def test_a_touch_on_the_socket_starts_the_trade_of_its_market(
    pool: asyncpg.Pool[Any], temporal_client: Client, trade_queue: str
) -> None:
    async with around(pool, temporal_client, trade_queue) as bench, bench.running():
        await bench.touch()
        await eventually(bench.started)
        await bench.touch()

        async def beat() -> bool:
            (row,) = await Heartbeats(pool).all(utc_now() - timedelta(minutes=1))
            assert "user_connected" not in row.detail  # without credentials there is none
            assert row.detail.get("near") == {"stored": 2}
            return row.process == "ingest" and row.detail["tokens_wanted"] == 1

        await eventually(beat)


async def test_the_store_is_filled_page_by_page_and_a_closed_market_leaves(
    pool: asyncpg.Pool[Any], temporal_client: Client, trade_queue: str
) -> None:
    """G8, XD-2: absence from the open list closes nothing; the market's own page does."""
    async with around(pool, temporal_client, trade_queue, 5) as bench, bench.running() as (one,):
        assert len(await Markets(pool).active()) == 5
        gone = bench.markets[0].condition_id
        bench.venue.close(gone)
        await eventually(lambda: gone not in one.tokens.conditions())
        assert len(one.tokens.conditions()) == 4


async def test_a_new_market_that_the_stream_names_is_watched_before_the_next_pass(
    pool: asyncpg.Pool[Any],
    temporal_client: Client,
    trade_queue: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("ingest.filling.SOON", 0.05)
    async with around(pool, temporal_client, trade_queue) as bench:
        bench.plan = replace(bench.plan, catalogue_every=timedelta(hours=1))
        async with bench.running() as (one,):
            (new,) = fresh_markets(1)
            bench.venue.open.append(new)
            frame = {"event_type": "new_market", "market": new.condition_id, "assets_ids": []}
            await bench.server.tell(json.dumps(frame).encode())
            await eventually(lambda: new.condition_id in one.tokens.conditions())
            assert bench.venue.asked == [{new.condition_id}] and bench.venue.passes == 1


async def test_a_trade_is_possible_within_five_seconds_although_the_catalogue_is_still_read(
    pool: asyncpg.Pool[Any], temporal_client: Client, trade_queue: str
) -> None:
    """G8: the first page is enough to begin; how far the rest is, is counted."""
    async with around(pool, temporal_client, trade_queue, 2) as bench:
        rest = fresh_markets(4)
        bench.venue.open += rest
        bench.venue.held = asyncio.Event()
        async with bench.running() as (one,):
            await bench.touch()
            await eventually(bench.started, within=5)
            assert len(one.tokens.conditions()) == 2
            bench.venue.held.set()
            await eventually(lambda: len(one.tokens.conditions()) == 6)
            assert one.catalogue.counts["watched"] == 6


async def test_two_ingests_start_one_trade(
    pool: asyncpg.Pool[Any], temporal_client: Client, trade_queue: str
) -> None:
    """S2: two replicas of one shard are fine."""
    async with around(pool, temporal_client, trade_queue) as bench, bench.running(2) as ingests:
        await bench.touch()

        def count(what: str) -> int:
            return sum(one.dispatch.counts[what] for one in ingests)

        await eventually(lambda: count("started") + count("taken") == 2)
        assert count("started") == 1


async def test_what_is_spent_in_the_store_is_not_started_after_a_restart(
    pool: asyncpg.Pool[Any], temporal_client: Client, trade_queue: str
) -> None:
    async with around(pool, temporal_client, trade_queue) as bench:
        one = trigger(utc_now(), bench.markets[0].condition_id)
        await Claims(pool).take(one, "run", utc_now())
        async with bench.running() as (ingest,):
            await bench.touch()
            await eventually(lambda: ingest.tokens.by_id[bench.token()].last_trade == 960_000)
            assert not await bench.started() and ingest.dispatch.waiting == 0


async def test_a_touch_that_temporal_could_not_take_before_the_end_is_a_missed_row(
    pool: asyncpg.Pool[Any],
    temporal_client: Client,
    trade_queue: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("ingest.app.LAST_WORDS", 0.2)
    away = FakeTrades()
    away.down = 10**6
    async with around(pool, temporal_client, trade_queue) as bench:
        async with bench.running() as (ingest,):
            ingest.dispatch._starter = away
            await bench.touch()
            await eventually(lambda: ingest.dispatch.counts["retry"] > 0)
        (row,) = await Touches(pool).since(utc_now() - timedelta(minutes=1))
        assert (row.kind, row.reason) == ("missed", "ingest ended")
        assert row.condition_id == bench.markets[0].condition_id


async def test_a_released_claim_lets_the_market_fire_again_after_its_rest(
    pool: asyncpg.Pool[Any], temporal_client: Client, trade_queue: str
) -> None:
    async with around(pool, temporal_client, trade_queue) as bench, bench.running() as (ingest,):
        await bench.touch()
        await eventually(bench.started)
        one, claims = trigger(utc_now(), bench.markets[0].condition_id), Claims(pool)
        await claims.take(one, "run", utc_now())
        rest = utc_now() + timedelta(seconds=1)
        await claims.release(
            one.mode, one.condition_id, one.threshold, "run", "not now", rest, utc_now()
        )
        assert (await claims.spent(Mode.PAPER, utc_now()))[0].state is ClaimState.RELEASED
        await bench.trade().terminate()

        async def again() -> bool:
            await bench.touch()
            return ingest.dispatch.counts["started"] == 2

        await eventually(again, within=15, every=0.2)


async def test_a_refused_touch_is_a_row_with_its_reason(
    pool: asyncpg.Pool[Any], temporal_client: Client, trade_queue: str
) -> None:
    async with around(pool, temporal_client, trade_queue) as bench:
        soon = {"end_time": utc_now() + timedelta(hours=1)}
        bench.venue.open = [bench.markets[0].model_copy(update=soon)]
        async with bench.running():
            await bench.touch()
            decisions, condition = Decisions(pool), bench.markets[0].condition_id
            rows = await eventually(lambda: decisions.of_condition(condition))
            assert rows[0].decision.filter == "time_to_end" and rows[0].settings_hash == "hash"


async def test_a_move_in_a_gap_that_nobody_can_explain_is_an_unseen_row(
    pool: asyncpg.Pool[Any], temporal_client: Client, trade_queue: str
) -> None:
    """W3"""
    async with around(pool, temporal_client, trade_queue) as bench:
        bench.plan = replace(bench.plan, rules=rules(rest=2))
        async with bench.running() as (ingest,):
            ingest.gaps._looks = (0.1,)
            await bench.server.tell(print_of("0.90", asset_id=bench.token(), ms=now_ms()))
            await eventually(lambda: ingest.tokens.by_id[bench.token()].last_trade == 900_000)
            bench.server.greeting = book_of(
                [], [], token=bench.token(), last_trade_price="0.97", timestamp=now_ms(-1)
            )
            await bench.server.drop()
            rows = await eventually(lambda: Touches(pool).since(utc_now() - timedelta(minutes=1)))
            assert rows[0].kind == "unseen" and rows[0].price == price("0.97")
            assert not await bench.started()


async def test_a_level_in_the_store_is_told_when_the_bid_reaches_it(
    pool: asyncpg.Pool[Any], temporal_client: Client, trade_queue: str
) -> None:
    async with around(pool, temporal_client, trade_queue) as bench, bench.running() as (ingest,):
        await bench.touch()
        await eventually(bench.started)
        workflow_id = f"{bench.markets[0].condition_id}:0.95"
        await bench.server.tell(book_of([("0.85", "5")], [], token=bench.token()))
        await eventually(lambda: ingest.tokens.by_id[bench.token()].bid == 850_000)
        await Levels(pool).set(
            Level(
                workflow_id=workflow_id,
                mode=Mode.PAPER,
                token_id=bench.token(),
                above=price("0.99"),
                below=price("0.90"),
                set_at=utc_now(),
            )
        )
        await eventually(lambda: bench.trade().query("what"))
        assert await bench.trade().query("what") == ["level 0.850000"]


async def test_our_fill_on_the_user_channel_wakes_the_trade_that_signed_the_order(
    pool: asyncpg.Pool[Any], temporal_client: Client, trade_queue: str
) -> None:
    async with around(pool, temporal_client, trade_queue) as bench:
        bench.creds = ApiCreds("key", "secret", "phrase")
        async with bench.running() as (ingest,):
            await bench.touch()
            await eventually(bench.started)
            workflow_id = f"{bench.markets[0].condition_id}:0.95"
            await store_order(bench, workflow_id)
            await eventually(lambda: len(bench.user.open) == 1)
            said = json.loads(bench.user.said[0])
            assert said["auth"] == {"apiKey": "key", "secret": "secret", "passphrase": "phrase"}
            fill = {"event_type": "trade", "id": "t1", "status": "MATCHED", "trader_side": "TAKER"}
            fill |= {"taker_order_id": "0xorder", "trade_owner": "key"}
            await bench.user.tell(json.dumps(fill).encode())
            await eventually(lambda: bench.trade().query("what"))
            assert await bench.trade().query("what") == ["0xorder matched t1"]
            await bench.user.drop()

            async def resynced() -> bool:
                heard: list[str] = await bench.trade().query("what")
                return "0xorder resync None" in heard

            await eventually(resynced)
            seen = ingest.health.picture()
            assert (seen["user_connected"], seen["user_epochs"]) == (1, 2)
            assert 0 <= seen["user_heard_age_seconds"] < 10
            assert seen["user_reconnects"] == {"closed 1006": 1}


async def store_order(bench: Bench, workflow_id: str) -> None:
    """Store the open order 0xorder of a trade, as its activity would."""
    from store.account import Account
    from store.orders import Orders

    market, at = bench.markets[0], utc_now()
    await Account(bench.pool).set_balance(Mode.PAPER, usd(1000), at)
    await Claims(bench.pool).take(trigger(at, market.condition_id), "run", at)
    intent = Intent(
        mode=Mode.PAPER,
        workflow_id=workflow_id,
        run_id="run",
        leg=Leg.ENTRY,
        attempt=1,
        condition_id=market.condition_id,
        token_id=bench.token(),
        side=Side.BUY,
        tif=TimeInForce.FAK,
        limit=price("0.95"),
        shares=shares(10),
        funds=usd(10),
        tick=price("0.01"),
        post_before=at + timedelta(minutes=1),
    )
    signed = SignedOrder(
        order_id="0xorder",
        body="{}",
        maker_amount=Decimal("9.5"),
        taker_amount=Decimal(10),
        signed_at=at,
    )
    stored = await Orders(bench.pool).prepare(intent, signed, bench.plan.rules.risk, at)
    assert not hasattr(stored, "limit"), stored
