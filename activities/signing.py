"""Signing: build the intent, sign it once, and have the store keep it with its money."""

from __future__ import annotations

import hashlib
from datetime import datetime

from activities.evidence import Gathered
from activities.killpoint import passing
from activities.messages import ExitRequest, TradeKey
from domain.entry import OrderPlan
from domain.market import Market
from domain.orders import Intent, Leg, TimeInForce
from domain.rules import EntryStyle, TradeRules
from store.orders import Orders, Refusal, StoredOrder
from venue.polymarket import Venue

SALT_BITS = 53  # the venue's JSON carries the salt as a number (facts 1.5)


class Signing:
    """Turns a plan into a stored, signed order, or into the limit that refuses it."""

    def __init__(self, venue: Venue, orders: Orders, rules: TradeRules, settings_hash: str) -> None:
        self._venue, self._orders = venue, orders
        self._rules, self._hash = rules, settings_hash

    async def entry(
        self, key: TradeKey, attempt: int, plan: OrderPlan, seen: Gathered, now: datetime
    ) -> StoredOrder | Refusal:
        """Sign and store a BUY: its money is reserved in the transaction that stores it."""
        entry = self._rules.entry
        resting = entry.style is EntryStyle.REST
        market = seen.context.market
        intent = self._intent(key, Leg.ENTRY, attempt, plan, market, now).model_copy(
            update={
                "tif": TimeInForce.GTD if resting else TimeInForce.FAK,
                "expires_at": now + entry.rest_for if resting else None,
                "event_id": None if market is None else market.event_id,
            }
        )
        return await self._store(intent, now)

    async def exit(
        self, request: ExitRequest, attempt: int, plan: OrderPlan, market: Market, now: datetime
    ) -> StoredOrder | Refusal:
        """Sign and store a SELL of shares that are held and not offered already."""
        return await self._store(
            self._intent(request.key, Leg.EXIT, attempt, plan, market, now), now
        )

    def _intent(
        self,
        key: TradeKey,
        leg: Leg,
        attempt: int,
        plan: OrderPlan,
        market: Market | None,
        now: datetime,
    ) -> Intent:
        within = self._rules.entry.post_within
        if leg is Leg.EXIT:
            within = self._rules.exits.fill_wait
        return Intent(
            mode=key.mode,
            workflow_id=key.workflow_id,
            run_id=key.owner,
            leg=leg,
            attempt=attempt,
            condition_id=key.condition_id,
            token_id=key.token_id,
            event_id=None if market is None else market.event_id,
            side=plan.side,
            tif=TimeInForce.FAK,
            limit=plan.limit,
            shares=plan.shares,
            funds=plan.funds,
            tick=plan.tick,
            neg_risk=market is not None and market.neg_risk,
            post_before=now + within,
            settings_hash=self._hash,
        )

    async def _store(self, intent: Intent, now: datetime) -> StoredOrder | Refusal:
        """Sign, then store: of two signers of one intent the first stored wins, and only
        what the store returns may be posted."""
        passing("sign:before")
        signed = await self._venue.sign(intent, salt_of(intent), now)
        passing("sign:after")
        prepared = await self._orders.prepare(intent, signed, self._rules.risk, now)
        passing("prepare:after")
        return prepared


def salt_of(intent: Intent) -> int:
    """Return the salt of an intent: derived, so that no retry can mint another one."""
    text = f"{intent.mode}:{intent.workflow_id}:{intent.leg}:{intent.attempt}"
    digest = hashlib.sha256(text.encode()).digest()
    return int.from_bytes(digest[:8], "big") >> (64 - SALT_BITS)
