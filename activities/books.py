"""Rows of our own database that a trade writes: endings, questions, levels, alerts."""

from __future__ import annotations

from datetime import timedelta

from temporalio import activity

from activities.clock import Clock
from activities.messages import AlertRequest, AskRequest, EndRequest, LevelsRequest
from domain.trade import Stage
from store.alerts import Alert, Alerts
from store.approvals import Approval, Approvals
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
        await self._orders.close_unposted(key.workflow_id, request.reason, now)
        await self._levels.clear(key.workflow_id)
        if request.ending is Stage.ABANDONED:
            await self._positions.mark_unmanaged(key.workflow_id, now)
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

    @activity.defn
    async def ask_person(self, request: AskRequest) -> None:
        """Store the question and its deadline, and alert; one row for each screening."""
        key, now = request.key, self._clock()
        await self._approvals.ask(
            Approval(
                workflow_id=key.workflow_id,
                mode=key.mode,
                seq=request.seq,
                question=request.question,
                outcome=request.outcome,
                limit=request.limit,
                stake=request.stake,
                reason=request.reason,
                expires_at=request.until,
            ),
            now,
        )
        await self._alerts.raise_(
            Alert(
                mode=key.mode,
                key=f"approval:{key.workflow_id}:{request.seq}",
                level="warning",
                title="A trade waits for your answer",
                text=(
                    f"Buy {request.outcome} for {request.stake:f} dollars at {request.limit:f} or"
                    f" better: {request.question}. Answer until {request.until:%H:%M:%S} UTC with"
                    f" `touchline approve {key.workflow_id}` or `touchline reject`; without an"
                    " answer nothing is bought."
                ),
                workflow_id=key.workflow_id,
            ),
            timedelta(minutes=5),
            now,
        )

    @activity.defn
    async def store_levels(self, request: LevelsRequest) -> None:
        """Store the levels that ingest compares; the store notifies it."""
        await self._levels.set(
            Level(
                workflow_id=request.key.workflow_id,
                mode=request.key.mode,
                token_id=request.key.token_id,
                target=request.target,
                stop=request.stop,
                active_from=request.active_from,
            ),
            self._clock(),
        )

    @activity.defn
    async def raise_alert(self, request: AlertRequest) -> None:
        """Put an alert into the outbox; the same key within its cool-down is one alert."""
        await self._alerts.raise_(
            Alert(
                mode=request.mode,
                key=request.key,
                level=request.level,
                title=request.title,
                text=request.text,
                workflow_id=request.workflow_id or None,
            ),
            timedelta(seconds=request.cooldown_s),
            self._clock(),
        )
