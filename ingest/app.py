"""The ingest process, put together: what reads, what folds, what starts, what writes."""

from __future__ import annotations

import asyncio
import contextlib
import gc
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import asyncpg
import structlog
from temporalio.client import Client

from domain.market import Mode
from domain.rules import TradeRules
from domain.trigger import Trigger, trade_id
from ingest.audit import AUDIT_EVERY, Audit
from ingest.catalogue import Catalogue
from ingest.dispatch import Dispatch, utc_now
from ingest.feed import Feed
from ingest.filling import Filling
from ingest.fold import Fold
from ingest.gaps import Gaps
from ingest.health import Health, Parts
from ingest.journal import Journal
from ingest.levels import Levels
from ingest.marking import mark
from ingest.memory import Memory
from ingest.near import Near
from ingest.news import SIGNAL, News
from ingest.notices import listen
from ingest.pipeline import Pipeline
from ingest.rows import StoreRows
from ingest.shards import Shard
from ingest.signals import Signals
from ingest.tokens import Tokens, to_micro
from ingest.trades import Trades
from ingest.upkeep import Upkeep
from ingest.user_feed import UserFeed, resync_open_orders
from store.levels import CHANNEL as LEVELS
from store.markets import Markets
from store.orders import Orders
from store.pulse import Heartbeats
from store.touches import Tape
from venue.discovery import Discovery
from venue.public import PublicVenue
from venue.stream import StreamLimits
from venue.transport import ApiCreds
from venue.wire.user import UserDecoder
from workflows.messages import VenueEvent

log = structlog.get_logger()

MARKETS = "markets"  # channel on which the store tells of changed markets
RESOLVED = "market_resolved"
LAST_WORDS = 5.0  # seconds at the end for what was already seen


@dataclass(frozen=True, slots=True)
class Plan:
    """What an ingest process is told; plain values, secrets only in `creds`."""

    mode: Mode
    rules: TradeRules
    rules_hash: str
    shard: Shard
    task_queue: str
    market_ws_url: str
    user_ws_url: str
    site_url: str
    per_socket: int
    dispatches: int
    room: int
    limits: StreamLimits
    catalogue_every: timedelta
    instance: str


Creds = Callable[[], Awaitable[ApiCreds | None]]


class Ingest:
    """One process of ingest. `run` returns when `stop` is set, and raises when a part fails."""

    def __init__(
        self, plan: Plan, pool: asyncpg.Pool[Any], client: Client, venue: PublicVenue, creds: Creds
    ) -> None:
        """Wire the parts; nothing runs yet."""
        self._plan, self._pool, self._creds = plan, pool, creds
        self._wire_ways_out(client)
        self._wire_stream(venue)
        self._wire_catalogue(venue)
        self.parts = Parts(
            self.feed,
            self.fold,
            self.pipeline,
            self.dispatch,
            self.signals,
            self.gaps,
            self.journal,
            self.catalogue,
            self.filling,
            self.levels,
            self.near,
        )
        self.health = Health(self.parts)

    def _wire_ways_out(self, client: Client) -> None:
        """What leaves ingest: starts and signals of trades, and rows."""
        plan, rules = self._plan, self._plan.rules
        self.trades = Trades(client, plan.task_queue, plan.site_url, rules.entry)
        self.memory = Memory()
        self.tokens = Tokens(rules.trigger, rules.strategy)
        self.journal = Journal(StoreRows(self._pool, plan.rules_hash))
        self.signals = Signals(self.trades)
        self.levels = Levels(self.tokens, self.signals)
        self.dispatch = Dispatch(
            self.trades,
            rules.trigger.max_age,
            self._missed,
            on_full=self._full,
            workers=plan.dispatches,
            room=plan.room,
        )

    def _wire_stream(self, venue: PublicVenue) -> None:
        """From the sockets to a touch, with the watch over both."""
        plan, rules = self._plan, self._plan.rules
        self.pipeline = Pipeline(
            plan.mode,
            rules,
            self.tokens,
            self.memory,
            self.dispatch,
            self.journal,
            self.levels,
            self._hint,
        )
        self.fold = Fold(self.tokens, self.pipeline)
        self.near = Near(self.fold, Tape(self._pool), to_micro(rules.trigger.threshold))
        self.gaps = Gaps(venue, self.pipeline, rules.trigger.max_age)
        self.audit = Audit(venue)
        self.feed = Feed(
            plan.market_ws_url,
            self.tokens,
            self.fold,
            judge=self.audit.right,
            on_gap=self.gaps.opened if not self.tokens.quotes else _no_prints,
            limits=plan.limits,
            per_socket=plan.per_socket,
        )

    def _wire_catalogue(self, venue: PublicVenue) -> None:
        """Which markets to watch, and what else the store tells us from time to time."""
        plan, rules, pool = self._plan, self._plan.rules, self._pool
        self.catalogue = Catalogue(
            Markets(pool),
            self.tokens,
            self.memory,
            self.feed,
            shard=plan.shard,
            threshold=rules.trigger.threshold,
        )
        discovery = Discovery(Markets(pool), Tape(pool), venue)
        self.filling = Filling(discovery, plan.catalogue_every)
        self.upkeep = Upkeep(
            pool,
            plan.mode,
            self.memory,
            self.pipeline,
            self.levels,
            self.feed,
            self.tokens.wanted,
            rules.trigger.retry_after,
            lambda: self.dispatch.waiting,
        )

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop`, then let what was seen reach Temporal and the store.

        Raises:
            Exception: what a part died of; the supervisor starts the process anew.
        """
        tasks: list[asyncio.Task[Any]] = []
        try:
            await self.upkeep.agree()  # before any token can fire
            await self.catalogue.look()
            await self.upkeep.load_levels()
            tasks = [asyncio.create_task(work, name=name) for name, work in self._work()]
            gc.freeze()  # modules and catalogue stay: looking through them would hold up a touch
            log.info("ready", tokens=len(self.tokens.by_id), sockets=len(self.feed.sockets))
            tasks.append(asyncio.create_task(stop.wait(), name="stop"))
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            await self._last_words()
        finally:
            await self.feed.close()
            await _end(tasks)
        for task in tasks:
            if not task.cancelled():
                task.result()

    def _work(self) -> list[tuple[str, Coroutine[Any, Any, None]]]:
        heartbeats = Heartbeats(self._pool)
        return [
            ("dispatch", self.dispatch.run()),
            ("signals", self.signals.run()),
            ("journal", self.journal.run()),
            ("gaps", self.gaps.run()),
            ("near", self.near.run()),
            ("feed", self.feed.run()),
            ("audit", self.audit.watch(self.feed, AUDIT_EVERY)),
            ("catalogue", self.catalogue.run()),
            ("filling", self.filling.run()),
            ("upkeep", self.upkeep.run()),
            ("notices", listen(self._pool, [LEVELS, MARKETS], self._notice)),
            ("user", self._user()),
            ("marks", mark(self._pool, self._plan.mode, self.tokens)),
            ("health", self.health.beat(heartbeats, self._plan.instance)),
        ]

    async def _user(self) -> None:
        """Read the user channel as soon as there are credentials; without any, trades poll."""
        creds = await self._creds()
        if creds is None:
            log.warning("no_user_channel", why="no API credentials and no wallet")
            await asyncio.Event().wait()
            return
        orders, decoder = Orders(self._pool), UserDecoder(creds.key)
        news = News(decoder, orders, self.signals, self.journal.stranger)
        resync = resync_open_orders(orders, self._plan.mode, self.signals)
        user = UserFeed(self._plan.user_ws_url, creds, news, resync, self._plan.limits)
        news.on_full = user.gate
        self.parts.news, self.parts.user = news, user
        await user.run()

    async def _last_words(self) -> None:
        """Stop reading, then deliver what was read."""
        await self.feed.close()
        await self.dispatch.drain(LAST_WORDS)
        self.dispatch.give_up("ingest ended")  # each with its row: it fires in no later process
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LAST_WORDS):
                await self.journal.drain()

    def _missed(self, trigger: Trigger, reason: str) -> None:
        self.journal.missed(trigger, reason)
        self.pipeline.missed(trigger)

    def _full(self, full: bool) -> None:
        self.feed.gate(full)

    def _hint(self, kind: str, condition_id: str) -> None:
        """Markets of this shard are asked for soon; the trade of a resolved one is told of it."""
        if self._plan.shard.owns(condition_id):
            self.filling.hint(condition_id)
        workflow_id = trade_id(condition_id, self._plan.rules.trigger.threshold)
        if kind == RESOLVED and self.memory.blocks(workflow_id, utc_now()):
            event = VenueEvent(order_id=condition_id, kind=RESOLVED)
            self.signals.put(workflow_id, RESOLVED, SIGNAL, event)

    def _notice(self, channel: str) -> None:
        if channel == LEVELS:
            self.upkeep.levels_changed()
        else:
            self.catalogue.changed()


def _no_prints(*_: object) -> None:
    """Where quotes trigger there are no prints to read back."""


async def _end(tasks: list[asyncio.Task[Any]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
