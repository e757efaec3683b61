"""Opening: claim a trigger, screen it, and prepare the entry, in one step before the post.

All of it leaves nothing at the venue. If the process dies between two lines, the repeat finds
its own claim, its own decision row and its own stored order, and signs nothing again.
"""

from __future__ import annotations

from datetime import datetime

from temporalio import activity

from activities.clock import Clock
from activities.evidence import Evidence, Gathered
from activities.killpoint import passing
from activities.messages import Opened, OpenRequest, OrderRef, TradeKey, TradePlan
from activities.signing import Signing
from domain.decision import Decision, DecisionStage, Verdict, hold
from domain.entry import OrderPlan
from domain.market import Fee, Market
from domain.orders import Leg
from domain.rules import TradeRules
from domain.screen import check_entry, needs_person, screen
from domain.strategy import Strategy
from store.claims import Claims
from store.decisions import DecisionRow, Decisions
from store.levels import Levels
from store.orders import Orders, Refusal, StoredOrder


class OpeningActivities:
    """Bound to one account and one set of rules; built once per worker."""

    def __init__(
        self,
        claims: Claims,
        decisions: Decisions,
        orders: Orders,
        levels: Levels,
        evidence: Evidence,
        signing: Signing,
        strategy: Strategy,
        rules: TradeRules,
        settings_hash: str,
        clock: Clock,
    ) -> None:
        self._claims, self._decisions, self._orders = claims, decisions, orders
        self._levels, self._evidence, self._signing = levels, evidence, signing
        self._strategy = strategy
        self._rules, self._hash, self._clock = rules, settings_hash, clock

    @activity.defn
    async def open_trade(self, request: OpenRequest) -> Opened:
        """Claim, screen and, where the answer is ENTER, reserve, sign and store the order.

        Safe to repeat: by (workflow id, leg, attempt) the stored order is found again, and
        only stored bytes are ever posted.

        Raises:
            ApplicationError: the venue or the database did not answer; retried.
        """
        passing("claim:before")
        claim = await self._claims.take(request.trigger, request.key.owner, self._clock())
        passing("claim:after")
        if not claim.won:
            text = f"the claim is {claim.state.value}, owned by run {claim.owner_run}"
            return self._answer(hold("claim", text), None, won=False)
        attempt = claim.attempt_base + request.attempt
        stored = await self._orders.stored(
            request.key.workflow_id, Leg.ENTRY, attempt, request.key.mode
        )
        if stored is not None:
            return self._again(stored, await self._evidence.market(request.key.condition_id))
        seen = await self._evidence.gather(request)
        decision = screen(seen.context, self._rules, self._strategy)
        await self._record(request, seen, decision)
        if decision.verdict is not Verdict.ENTER:
            return self._answer(decision, seen)
        if not request.approved and needs_person(decision, self._rules.approval):
            return self._ask(decision, seen)
        return await self._prepare(request, attempt, seen, decision)

    @activity.defn
    async def take_over(self, key: TradeKey) -> TradePlan:
        """Make a claim whose run is gone belong to this one, and return the plan to go on by.

        Levels that were in force stay: a person may have set them. An order of the dead run that
        was never posted is closed, or its promise would hold up every exit; after the claim has
        moved the dead run can store no other.
        """
        now, gone = self._clock(), "its run is gone, and it was never posted"
        await self._claims.take_over(key.mode, key.workflow_id, key.owner, "adopted", now)
        await self._orders.close_unposted(key.workflow_id, gone, now, key.mode)
        plan = self._plan(await self._evidence.market(key.condition_id))
        kept = await self._levels.get(key.workflow_id, key.mode)
        if kept is None:
            return plan
        levels = {"target": kept.above, "stop": kept.below}
        return plan.model_copy(update={"exits": plan.exits.model_copy(update=levels)})

    def _ask(self, decision: Decision, seen: Gathered) -> Opened:
        until = self._clock() + self._rules.approval.deadline
        answer = self._answer(decision, seen)
        return answer.model_copy(update={"ask_person": True, "ask_until": until})

    async def _prepare(
        self, request: OpenRequest, attempt: int, seen: Gathered, decision: Decision
    ) -> Opened:
        """Check price and book once more with the clock of now, then promise the money."""
        now = self._clock()
        plan = check_entry(seen.context.model_copy(update={"now": now}), self._rules, decision)
        if not isinstance(plan, OrderPlan):
            return self._answer(plan, seen)
        prepared = await self._signing.entry(request.key, attempt, plan, seen, now)
        if isinstance(prepared, Refusal):
            refused = hold(prepared.limit.value, prepared.text)
            await self._record(request, seen, refused, stage=DecisionStage.ENTRY)
            return self._answer(decision, seen).model_copy(update={"refusal": prepared.text})
        return self._answer(decision, seen).model_copy(update={"order": reference(prepared)})

    def _again(self, stored: StoredOrder, market: Market | None) -> Opened:
        """Answer a repeat, a reset or a crash with the order that was stored then."""
        decision = Decision(
            verdict=Verdict.ENTER, reason="prepared before", filter="strategy", values={}
        )
        again = {"order": reference(stored), "plan": self._plan(market)}
        return self._answer(decision, None).model_copy(update=again)

    def _answer(self, decision: Decision, seen: Gathered | None, *, won: bool = True) -> Opened:
        plan = self._plan(None if seen is None else seen.context.market)
        stake = decision.stake or self._rules.entry.stake
        return Opened(won=won, decision=decision, plan=plan, stake=stake)

    def _plan(self, market: Market | None) -> TradePlan:
        """Return the settings and market facts a trade keeps for its life."""
        rules = self._rules
        return TradePlan(
            pace=rules.pace,
            exits=rules.exits,
            watch=rules.watch,
            entry_attempts=rules.entry.attempts,
            retry_after_s=int(rules.trigger.retry_after.total_seconds()),
            end_time=None if market is None else market.end_time,
            fee=Fee() if market is None else market.fee,
            strategy=self._strategy.name,
            settings_hash=self._hash,
        )

    async def _record(
        self,
        request: OpenRequest,
        seen: Gathered,
        decision: Decision,
        stage: DecisionStage | None = None,
    ) -> None:
        """Write the decision row: why it did, or did not, at this moment."""
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
                stage=stage or request.stage,
                decision=decision,
                book=_book_row(seen),
                settings_hash=self._hash,
                at=self._clock(),
            )
        )


def reference(order: StoredOrder) -> OrderRef:
    """Return what a workflow knows of a stored order: no bytes, no signature."""
    intent = order.intent
    return OrderRef(
        order_id=order.signed.order_id,
        leg=intent.leg,
        attempt=intent.attempt,
        side=intent.side,
        tif=intent.tif,
        limit=intent.limit,
        shares=intent.shares,
        post_before=intent.post_before,
        expires_at=intent.expires_at,
    )


def _book_row(seen: Gathered) -> dict[str, object] | None:
    """Return the best ten levels of each side that the decision saw."""
    book = seen.context.book
    if book is None:
        return None
    bids = sorted(book.bids, key=lambda level: -level.price)[:10]
    asks = sorted(book.asks, key=lambda level: level.price)[:10]
    return {
        "bids": [[str(level.price), str(level.shares)] for level in bids],
        "asks": [[str(level.price), str(level.shares)] for level in asks],
        "seen_at": _iso(book.seen_at),
        "venue_time": _iso(book.venue_time),
        "hash": book.hash,
    }


def _iso(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()
