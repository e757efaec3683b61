"""Composition root: settings in, activity objects out. Nothing else knows how parts fit."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.metadata import entry_points
from typing import Any

import asyncpg
import httpx

from activities.adoption import Adopting
from activities.books import BookActivities
from activities.breakers import Breakers
from activities.catalogue import CatalogueActivities
from activities.clock import Clock, utc_now
from activities.evidence import Evidence
from activities.holding import HoldingActivities
from activities.leftovers import Leftovers
from activities.opening import OpeningActivities
from activities.orders import OrderActivities
from activities.proceeds import Proceeds
from activities.reconciling import ReconcileActivities
from activities.repairs import Repairs
from activities.scores import build_scores
from activities.selling import SellingActivities
from activities.settlement import SettlementActivities
from activities.signing import Signing
from domain.market import Mode
from domain.rules import TradeRules
from domain.score import Score
from domain.strategy import GROUP, Registry
from settings.keystore import unlock
from settings.model import Settings
from settings.venue import api_creds, hosts
from store.account import Account
from store.alerts import Alerts
from store.approvals import Approvals
from store.claims import Claims
from store.corrections import Corrections
from store.decisions import Decisions
from store.fills import Fills
from store.levels import Levels
from store.markets import Markets
from store.orders import Orders
from store.pool import open_pool
from store.positions import Positions
from store.pulse import SyncRuns
from store.scores import Blocks, Scores
from store.touches import Tape
from venue.connect import Account as VenueAccount
from venue.connect import Conduct, connect
from venue.discovery import Discovery
from venue.polymarket import Venue

POOL = 20  # connections; one activity holds one at a time


@dataclass(frozen=True, slots=True)
class Desk:
    """Everything a worker registers, and what it must close."""

    opening: OpeningActivities
    orders: OrderActivities
    holding: HoldingActivities
    selling: SellingActivities
    settlement: SettlementActivities
    books: BookActivities
    reconciling: ReconcileActivities
    catalogue: CatalogueActivities
    pool: asyncpg.Pool[Any]
    venue: Venue
    mode: Mode

    @property
    def activities(self) -> list[Callable[..., Any]]:
        """Return what a worker registers."""
        return [
            self.opening.open_trade,
            self.opening.take_over,
            self.orders.post_order,
            self.orders.read_order,
            self.orders.await_order,
            self.holding.look,
            self.holding.watch_position,
            self.selling.prepare_exit,
            self.settlement.redeem,
            self.settlement.settle,
            self.books.end_trade,
            self.books.ask_person,
            self.books.close_approval,
            self.books.store_levels,
            self.books.raise_alert,
            self.reconciling.reconcile,
            self.catalogue.discover,
        ]


@asynccontextmanager
async def open_desk(settings: Settings) -> AsyncIterator[Desk]:
    """Build the activities of one account and close their connections at the end.

    Raises:
        ValueError: a strategy or score provider that the settings name does not exist.
        VenueError: the venue does not let this wallet in.
    """
    pool = await open_pool(
        settings.database_url.get_secret_value(), max_size=POOL, application="touchline-worker"
    )
    try:
        venue = await connect(hosts(settings), account(settings), Conduct())
        async with httpx.AsyncClient(timeout=5) as models:
            yield build_desk(settings, pool, venue, models)
        await venue.aclose()
    finally:
        await pool.close()


def account(settings: Settings) -> VenueAccount:
    """Return who trades; the key goes to the signer and nowhere else."""
    venue, wallet = settings.venue, settings.wallet
    return VenueAccount(
        private_key=unlock(wallet),
        wallet=wallet.address,
        signature_type=wallet.signature_type,
        creds=api_creds(settings),
        relayer_key=venue.relayer_api_key.get_secret_value(),
        relayer_address=venue.relayer_api_address,
    )


def build_desk(
    settings: Settings,
    pool: asyncpg.Pool[Any],
    venue: Venue,
    models: httpx.AsyncClient,
    clock: Clock = utc_now,
) -> Desk:
    """Return the activities of one account on open connections; `clock` is their only clock."""
    rules, digest = settings.rules, settings.rules_hash
    claims, orders, fills = Claims(pool), Orders(pool), Fills(pool)
    positions, money, markets = Positions(pool), Account(pool), Markets(pool)
    decisions, levels, alerts = Decisions(pool), Levels(pool), Alerts(pool)
    scores = build_scores(rules.score, settings.mode, models, _newest(Scores(pool)))
    strategy = Registry(entry_points(group=GROUP)).get(rules.strategy.name)
    signing = Signing(venue, orders, rules, digest)
    evidence = Evidence(venue, markets, positions, money, Blocks(pool), scores, rules, clock)
    order = OrderActivities(venue, orders, fills, money, rules.entry, rules.pace, clock)
    proceeds = Proceeds(venue, alerts, rules.pace.redeem_retry, clock)
    return Desk(
        opening=OpeningActivities(
            claims, decisions, orders, levels, evidence, signing, strategy, rules, digest, clock
        ),
        orders=order,
        holding=HoldingActivities(venue, fills, positions, money, alerts, clock),
        selling=SellingActivities(venue, orders, positions, markets, decisions, signing, clock),
        settlement=SettlementActivities(
            venue, positions, levels, money, proceeds, rules.pace, clock
        ),
        books=BookActivities(claims, orders, positions, levels, Approvals(pool), alerts, clock),
        reconciling=_reconciling(pool, venue, order, rules, clock),
        catalogue=CatalogueActivities(Discovery(markets, Tape(pool), venue)),
        pool=pool,
        venue=venue,
        mode=settings.mode,
    )


def _reconciling(
    pool: asyncpg.Pool[Any], venue: Venue, order: OrderActivities, rules: TradeRules, clock: Clock
) -> ReconcileActivities:
    """Return reconciliation with its repairs, on store objects of its own."""
    claims, orders, fills, positions = Claims(pool), Orders(pool), Fills(pool), Positions(pool)
    account, alerts, corrections = Account(pool), Alerts(pool), Corrections(pool)
    adopting = Adopting(venue, Markets(pool), claims, positions, corrections, orders, rules, clock)
    proceeds = Proceeds(venue, alerts, rules.pace.redeem_retry, clock)
    leftovers = Leftovers(
        venue, claims, positions, corrections, proceeds, alerts, rules.reconcile, clock
    )
    repairs = Repairs(
        venue,
        claims,
        positions,
        corrections,
        alerts,
        adopting,
        leftovers,
        order.read_order,
        rules.reconcile,
        clock,
    )
    return ReconcileActivities(
        venue,
        claims,
        orders,
        fills,
        positions,
        account,
        SyncRuns(pool),
        alerts,
        repairs,
        Breakers(orders, fills, account, alerts, rules.risk, clock),
        rules.reconcile,
        clock,
    )


def _newest(scores: Scores) -> Callable[[str], Any]:
    async def newest(token_id: str) -> Score | None:
        row = await scores.latest(token_id, "table")
        if row is None:
            return None
        return Score(value=row.value, version=row.version, at=row.scored_at)

    return newest
