"""Rows of our own database that a trade writes: endings, questions, levels, alerts."""

from __future__ import annotations

from datetime import datetime, timedelta

from temporalio import activity

from activities.clock import Clock
from activities.killpoint import passing
from activities.messages import (
    AlertRequest,
    AnswerRequest,
    AskRequest,
    EndRequest,
    LevelsRequest,
    TradeKey,
)
from domain.trade import Stage
from store.alerts import Alerts, Priority
from store.approvals import Approval, Approvals, ApprovalState
from store.claims import Claims
from store.levels import Level, Levels
from store.orders import Orders
from store.positions import Positions


class BookActivities:
    """Bound to one database; built once per worker in worker/bootstrap.py."""

    def __init__(
        self,
        claims: Claims,
        orders: Orders,
        positions: Positions,
        levels: Levels,
        approvals: Approvals,
        alerts: Alerts,
        clock: Clock,
    ) -> None:
        self._claims, self._orders, self._positions = claims, orders, positions
        self._levels, self._approvals, self._alerts = levels, approvals, alerts
        self._clock = clock

    @activity.defn
    async def end_trade(self, request: EndRequest) -> None:
        """Write an ending down: unposted orders are closed, the claim follows the table.

        A claim that was entered stays entered whatever the ending says: the database refuses
        to go back (design 5). Safe to repeat.
        """
        key, now = request.key, self._clock()
        passing("end:before")
        await self._orders.close_unposted(key.workflow_id, request.reason, now, key.mode)
        await self._levels.remove(key.workflow_id, key.mode, now)
        if request.ending is Stage.ABANDONED:
            await self._leave(key, now)
        elif request.ending is Stage.NOT_ENTERED:
            await self._claims.release(
                key.mode,
                key.condition_id,
                key.threshold,
                key.owner,
                request.reason,
                now + timedelta(seconds=request.retry_after_s),
                now,
            )
        else:
            await self._claims.decline(
                key.mode, key.condition_id, key.threshold, key.owner, request.reason, now
            )
        passing("end:after")

    async def _leave(self, key: TradeKey, now: datetime) -> None:
        """Mark what is held, and what may still come of an unknown order, as unmanaged."""
        await self._claims.abandon(key.mode, key.workflow_id, now)
        if await self._positions.get(key.workflow_id, key.mode) is not None:
            await self._positions.mark_unmanaged(key.workflow_id, now, key.mode)

    @activity.defn
    async def ask_person(self, request: AskRequest) -> None:
        """Store the question and its deadline, and alert; one question for each run."""
        key, now = request.key, self._clock()
        await self._approvals.ask(
            Approval(
                workflow_id=key.workflow_id,
                run_id=key.owner,
                mode=key.mode,
                condition_id=key.condition_id,
                token_id=key.token_id,
                question=request.question,
                price=request.limit,
                max_price=request.limit,
                stake=request.stake,
                asked_at=now,
                deadline=request.until,
            )
        )
        await self._alerts.put(
            f"approval:{key.workflow_id}:{key.owner}",
            Priority.HIGH,
            "A trade waits for your answer",
            f"Buy {request.outcome} for {request.stake:f} dollars at {request.limit:f} or"
            f" better: {request.question}. Answer until {request.until:%H:%M:%S} UTC with"
            f" `touchline approve {key.workflow_id}` or `touchline reject {key.workflow_id}`;"
            " without an answer nothing is bought.",
            timedelta(minutes=5),
            now,
            key.mode,
        )

    @activity.defn
    async def close_approval(self, request: AnswerRequest) -> None:
        """Store how the question was answered; the first answer stays."""
        await self._approvals.answer(
            request.key.workflow_id,
            request.key.owner,
            ApprovalState(request.state),
            request.who,
            request.why,
            self._clock(),
        )

    @activity.defn
    async def store_levels(self, request: LevelsRequest) -> None:
        """Store the levels that ingest compares; the store notifies it. None removes them."""
        await self._levels.set(
            Level(
                workflow_id=request.key.workflow_id,
                mode=request.key.mode,
                token_id=request.key.token_id,
                above=request.target,
                below=request.stop,
                set_at=self._clock(),
            )
        )

    @activity.defn
    async def raise_alert(self, request: AlertRequest) -> None:
        """Put an alert into the outbox; the same key within its cool-down is one alert."""
        await self._alerts.put(
            request.key,
            Priority(request.priority),
            request.title,
            request.text,
            timedelta(seconds=request.cooldown_s),
            self._clock(),
            request.mode,
        )
