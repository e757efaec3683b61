"""Adoption: shares and orders nobody looks after become trades that start in HOLDING."""

from __future__ import annotations

from datetime import datetime

from activities.clock import Clock
from activities.messages import Adoptee
from domain.market import Market, Mode
from domain.money import ONE, Price, Shares, Usd
from domain.orders import Intent, Leg, TimeInForce, VenueOrder
from domain.positions import AgeSource, HoldPolicy, PositionState
from domain.reconcile import Difference
from domain.rules import TradeRules
from domain.trigger import TouchSource, Trigger, trade_id
from store.claims import Claims
from store.corrections import Corrections
from store.markets import Markets
from store.orders import Orders
from store.positions import Positions
from venue.polymarket import Venue

OWNER = "reconciliation"


class Adopting:
    """Makes the rows an adopted trade needs and says how to start it; starts nothing."""

    def __init__(
        self,
        venue: Venue,
        markets: Markets,
        claims: Claims,
        positions: Positions,
        corrections: Corrections,
        orders: Orders,
        rules: TradeRules,
        clock: Clock,
    ) -> None:
        self._venue, self._markets, self._claims = venue, markets, claims
        self._positions, self._corrections, self._orders = positions, corrections, orders
        self._rules, self._clock = rules, clock

    async def orphan(self, mode: Mode, d: Difference) -> Adoptee | None:
        """Return how to start the trade of shares that we bought and whose run is gone."""
        position = await self._positions.get(d.workflow_id, mode)
        market = await self._market(d.condition_id)
        claim = await self._claims.get(mode, d.workflow_id)
        if position is None or market is None or claim is None:
            return None
        known = position.opened_at is not None and position.age_source is not AgeSource.UNKNOWN
        return Adoptee(
            trigger=self._trigger(mode, market, position.token_id, claim.threshold),
            cause="adopted: its run is gone",
            held_since=position.opened_at or self._clock(),
            age_known=known,
            cost=position.cost if position.cost_known else None,
        )

    async def stranger(self, mode: Mode, d: Difference, as_of: datetime) -> Adoptee | None:
        """Take shares that no trade of ours explains into the books, and say how to start.

        The age follows the hold policy: `actual` asks the venue's trade history, `mature` takes
        an age for granted, `new` and an unknown history leave the age unknown (G10, Q9).
        `as_of` is when the venue's figures began to be read. None when the shares do not fit
        into the books (see Corrections.adopt), or when a person was left with the trade: its
        shares count, and no run looks after them.

        Raises:
            OtherToken: the market's trade is about another token.
        """
        condition = await self._venue.condition_of(d.token_id)
        market = await self._market(condition)
        if market is None or d.theirs is None:
            return None
        opened, source = await self._age(d.token_id)
        threshold = await self._threshold(mode, d.token_id)
        token = market.token(d.token_id)
        workflow_id = trade_id(condition, threshold)
        taken = await self._corrections.adopt(
            mode,
            workflow_id,
            condition,
            d.token_id,
            "unknown" if token is None else token.outcome,
            0 if token is None else token.index,
            threshold,
            market.event_id,
            OWNER,
            Shares(d.theirs),
            None,
            opened,
            source,
            HoldPolicy(self._rules.reconcile.hold_policy),
            self._clock(),
            as_of,
        )
        if taken is None or taken.token_id != d.token_id or taken.shares <= 0:
            return None
        if taken.state is PositionState.UNMANAGED:
            return None
        return Adoptee(
            trigger=self._trigger(mode, market, d.token_id, threshold),
            cause="adopted: shares that no trade of ours explains",
            held_since=opened or self._clock(),
            age_known=opened is not None,
            cost=None,
        )

    async def worthless(self, token_id: str) -> bool:
        """Return whether the token's market is over and pays it nothing: nobody need care."""
        resolution = await self._venue.resolution(await self._venue.condition_of(token_id))
        return resolution is not None and resolution.payouts.get(token_id) == 0

    async def order(self, mode: Mode, order_id: str) -> None:
        """Take an unknown live order into the books, so that its promise and fills count.

        It is not ours to cancel: a person or another program placed it. One of ours that the
        books call over is cancelled; one that they hold open came while the venue was read.

        Raises:
            OtherToken: the market's trade is about another token.
        """
        order = await self._venue.order(order_id)
        if order is None:
            return
        ours = await self._orders.get(order_id)
        if ours is not None:
            if ours.closed_at is not None and not ours.adopted:
                await self._venue.cancel(order_id)
            return
        market = await self._market(order.condition_id)
        if market is None:
            return
        threshold = await self._threshold(mode, order.token_id)
        token = market.token(order.token_id)
        workflow_id = trade_id(order.condition_id, threshold)
        await self._corrections.adopt(
            mode,
            workflow_id,
            order.condition_id,
            order.token_id,
            "unknown" if token is None else token.outcome,
            0 if token is None else token.index,
            threshold,
            market.event_id,
            OWNER,
            Shares(ONE - ONE),
            None,
            None,
            AgeSource.UNKNOWN,
            HoldPolicy(self._rules.reconcile.hold_policy),
            self._clock(),
        )
        await self._corrections.adopt_order(
            self._intent(mode, workflow_id, market, order), order, self._clock()
        )

    async def _threshold(self, mode: Mode, token_id: str) -> Price:
        """Return the threshold of the trade that holds most of a token, or today's setting.

        The setting may have changed since: a sale booked to a trade that holds nothing would be
        all profit, and hide a loss as large from the daily limit.
        """
        held = await self._positions.of_token(mode, token_id)
        if held:
            most = max(held, key=lambda p: p.shares)
            claim = await self._claims.get(mode, most.workflow_id)
            if claim is not None:
                return claim.threshold
        return self._rules.trigger.threshold

    def _intent(self, mode: Mode, workflow_id: str, market: Market, order: VenueOrder) -> Intent:
        buys = order.side.value == "BUY"
        attempt = int(order.order_id[-7:], 16) + 1_000  # apart from the attempts of trades
        return Intent(
            mode=mode,
            workflow_id=workflow_id,
            run_id=OWNER,
            leg=Leg.ENTRY if buys else Leg.EXIT,
            attempt=attempt,
            condition_id=order.condition_id,
            token_id=order.token_id,
            event_id=market.event_id,
            side=order.side,
            tif=TimeInForce.GTC,
            limit=order.price,
            shares=order.original,
            funds=Usd(order.price * order.original if buys else ONE - ONE),
            tick=market.tick,
            neg_risk=market.neg_risk,
            post_before=order.created_at or self._clock(),
        )

    async def _age(self, token_id: str) -> tuple[datetime | None, AgeSource]:
        policy, now = self._rules.reconcile, self._clock()
        if policy.hold_policy == "mature":
            return now - policy.mature_age, AgeSource.UNKNOWN
        if policy.hold_policy == "actual":
            for position in await self._venue.positions():
                if position.token_id == token_id and position.opened_at is not None:
                    return position.opened_at, AgeSource.ACTUAL
        return None, AgeSource.UNKNOWN

    async def _market(self, condition_id: str) -> Market | None:
        market = await self._markets.get(condition_id) or await self._venue.market(condition_id)
        if market is not None:
            await self._markets.upsert([market])
        return market

    def _trigger(self, mode: Mode, market: Market, token_id: str, threshold: Price) -> Trigger:
        token, now = market.token(token_id), self._clock()
        return Trigger(
            mode=mode,
            condition_id=market.condition_id,
            token_id=token_id,
            outcome="unknown" if token is None else token.outcome,
            outcome_index=0 if token is None else token.index,
            threshold=threshold,
            price=threshold,
            source=TouchSource.BACKFILL,
            venue_time=now,
            seen_at=now,
            question=market.question,
            slug=market.slug,
            event_id=market.event_id,
        )
