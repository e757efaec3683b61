"""Selling: prepare the sale of what the venue says we hold, through the exit gate (G12, G13)."""

from __future__ import annotations

from temporalio import activity

from activities.clock import Clock
from activities.messages import ExitPrepared, ExitRequest
from activities.opening import reference
from activities.signing import Signing
from activities.venue_errors import venue_failures
from domain.book import Book
from domain.decision import DecisionStage, hold
from domain.entry import OrderPlan, plan_exit
from domain.gates import exit_gate
from domain.money import DUST, MICRO, Price, Shares
from domain.orders import Leg
from domain.positions import Position
from store.decisions import DecisionRow, Decisions
from store.markets import Markets
from store.orders import Orders, Refusal
from store.positions import Positions
from venue.errors import Refused
from venue.polymarket import Venue


class SellingActivities:
    """Bound to one account; built once per worker in worker/bootstrap.py."""

    def __init__(
        self,
        venue: Venue,
        orders: Orders,
        positions: Positions,
        markets: Markets,
        decisions: Decisions,
        signing: Signing,
        clock: Clock,
    ) -> None:
        self._venue, self._orders, self._positions = venue, orders, positions
        self._markets, self._decisions, self._signing = markets, decisions, signing
        self._clock = clock

    @activity.defn
    async def prepare_exit(self, request: ExitRequest) -> ExitPrepared:
        """Return a stored SELL at a verified bid, the gate that blocks it, or nothing left.

        Sells the smaller of what the trade holds, settled, and what the venue says is in the
        wallet: shares of an unsettled buy are not there yet (G2), those sold elsewhere no more.

        Raises:
            ApplicationError: the venue did not answer; a gate that cannot be checked blocks.
        """
        key = request.key
        request = await self._after_earlier_runs(request)
        stored = await self._orders.stored(key.workflow_id, Leg.EXIT, request.attempt, key.mode)
        if stored is not None:
            return ExitPrepared(order=reference(stored))
        position = await self._positions.get(key.workflow_id, key.mode)
        if position is None or position.shares < DUST:
            return ExitPrepared(nothing_left=True)
        with venue_failures():
            wallet = await self._venue.shares(key.token_id, refresh=True)
            book = await self._book(key.token_id)
        sellable = Shares(min(position.shares, position.shares_confirmed, wallet))
        if sellable < DUST:
            return ExitPrepared(blocked="no settled shares in the wallet yet")
        return await self._prepare(request, position, sellable, book)

    async def _after_earlier_runs(self, request: ExitRequest) -> ExitRequest:
        """Count this run's exits after those of runs that are gone (adoption)."""
        orders = await self._orders.of_workflow(request.key.workflow_id, request.key.mode)
        earlier = [
            order.intent.attempt
            for order in orders
            if order.intent.leg is Leg.EXIT
            and not order.adopted
            and order.intent.run_id != request.key.owner
        ]
        attempt = request.attempt + max(earlier, default=0)
        return request.model_copy(update={"attempt": attempt})

    async def _book(self, token_id: str) -> Book | None:
        try:
            return await self._venue.book(token_id)
        except Refused:
            return None

    async def _prepare(
        self, request: ExitRequest, position: Position, sellable: Shares, book: Book | None
    ) -> ExitPrepared:
        cost = Price((position.cost / position.shares).quantize(MICRO))
        refused = exit_gate(book, cost, request.reference, request.rules)
        if refused is not None or book is None or book.best_bid is None:
            return await self._blocked(request, refused.reason if refused else "nobody bids")
        limit = max(book.best_bid, request.min_price or book.best_bid)
        if limit > book.best_bid:
            return await self._blocked(request, f"best bid {book.best_bid} is below {limit}")
        plan = plan_exit(sellable, Price(limit), book)
        market = await self._markets.get(request.key.condition_id)
        if not isinstance(plan, OrderPlan) or market is None:
            why = "the market is not known" if isinstance(plan, OrderPlan) else plan.reason
            return await self._blocked(request, why)
        stored = await self._signing.exit(request, request.attempt, plan, market, self._clock())
        if isinstance(stored, Refusal):
            return await self._blocked(request, stored.text)
        await self._orders.explain(stored.signed.order_id, request.reason)
        return ExitPrepared(order=reference(stored))

    async def _blocked(self, request: ExitRequest, why: str) -> ExitPrepared:
        """Write the decision down: a blocked exit is never silent (Q11)."""
        key = request.key
        await self._decisions.record(
            DecisionRow(
                workflow_id=key.workflow_id,
                run_id=key.owner,
                seq=request.seq,
                mode=key.mode,
                condition_id=key.condition_id,
                token_id=key.token_id,
                threshold=key.threshold,
                stage=DecisionStage.EXIT,
                decision=hold("exit_gate", why),
                book=None,
                settings_hash=request.settings_hash,
                at=self._clock(),
            )
        )
        return ExitPrepared(blocked=why)
