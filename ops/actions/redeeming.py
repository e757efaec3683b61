"""Redeeming on request: nudge the trade that owns the shares, and tell what it saw.

Redemption is a step of the trade's own workflow. Nothing is redeemed from here, so two
redemptions can never race: the trade is sent the same hint that the user stream sends, looks at
the resolution at once, and takes the step itself where there is one to take.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import asyncpg
from temporalio.client import Client, WorkflowExecutionStatus, WorkflowHandle
from temporalio.exceptions import ApplicationError, TemporalError
from temporalio.service import RPCError, RPCStatusCode

from domain.record import Record
from domain.trade import Stage
from ops.actions.refusal import Refused
from store.audit import Audit
from workflows.messages import TradeResult, TradeStatus, VenueEvent

WITHIN = timedelta(seconds=10)  # for one trade; a look takes two requests to the venue
EVERY = 0.1  # seconds between two questions about what it is doing
HELD = frozenset({Stage.HOLDING, Stage.EXITING})
PAYING = frozenset({Stage.RESOLVED, Stage.REDEEMING})
WATCH, REDEEM = "watch_position", "redeem"  # the activities a trade waits in


class Seen(Record):
    """What one trade answered: its stage now, and its own words."""

    trade: str
    stage: Stage
    text: str


class Redeeming:
    """Asks trades to look at the resolution now. Every call is a row of the audit."""

    def __init__(
        self,
        pool: asyncpg.Pool[Any],
        client: Client,
        clock: Callable[[], datetime],
        within: timedelta = WITHIN,
    ) -> None:
        self._audit, self._client, self._clock = Audit(pool), client, clock
        self._within = within

    async def look(self, trade: str, who: str, why: str = "") -> Seen:
        """Make a trade look at its resolution now, and redeem where it resolved.

        Raises:
            Refused: it holds nothing, is over, or nobody answers.
        """
        try:
            seen = await asyncio.wait_for(self._look(trade), self._within.total_seconds())
        except (TimeoutError, TemporalError, Refused) as e:
            refusal = e if isinstance(e, Refused) else _refusal(trade, e)
            await self._write(trade, who, why, f"refused: {refusal}")
            raise refusal from e
        await self._write(trade, who, why, seen.text)
        return seen

    async def _write(self, trade: str, who: str, why: str, result: str) -> None:
        await self._audit.write(who, "redeem", trade, why, result[:500], self._clock())

    async def _look(self, trade: str) -> Seen:
        handle = self._client.get_workflow_handle(trade, result_type=TradeResult)
        await self._require_running(handle)
        status: TradeStatus = await handle.query("status", result_type=TradeStatus)
        if status.stage not in HELD | PAYING:
            raise Refused(f"it is {status.stage.value} and holds nothing that could be redeemed")
        before = await self._waiting_in(handle, WATCH)
        if status.stage in HELD:
            event = VenueEvent(order_id="operator", kind="look")
            await handle.signal("venue_event", event)
        while True:
            seen = await self._answer(handle, before)
            if seen is not None:
                return seen
            await asyncio.sleep(EVERY)

    async def _require_running(self, handle: WorkflowHandle[Any, TradeResult]) -> None:
        described = await handle.describe()
        if described.status is WorkflowExecutionStatus.RUNNING:
            return
        ending = described.status.name.lower() if described.status else "over"
        with contextlib.suppress(Exception):  # a failed run has no result
            ending = (await handle.result(follow_runs=False)).ending.value
        text = f"the trade is over ({ending}): nobody looks after shares it may have left"
        raise Refused(text if ending != Stage.SETTLED else "the trade is settled", missing=True)

    async def _answer(self, handle: WorkflowHandle[Any, TradeResult], before: str) -> Seen | None:
        """Return what came of the hint, or None while it is still under way."""
        described = await handle.describe()
        if described.status is not WorkflowExecutionStatus.RUNNING:
            result = await handle.result()
            profit = "unknown" if result.profit is None else f"${result.profit:.2f}"
            text = f"{result.ending.value}, profit {profit}"
            return Seen(trade=handle.id, stage=result.ending, text=text)
        for pending in described.raw_description.pending_activities:
            if not pending.HasField("last_failure"):
                continue  # its first attempt is under way
            kind, said = pending.activity_type.name, await self._words(pending.last_failure)
            if kind == REDEEM:
                due = pending.scheduled_time.ToDatetime()
                text = f"redeeming, looks again at {due:%H:%M:%S} UTC: {said}"
                return Seen(trade=handle.id, stage=Stage.REDEEMING, text=text)
            if kind == WATCH and pending.activity_id != before:
                text = f"looked again, not to be redeemed yet: {said}"
                return Seen(trade=handle.id, stage=Stage.HOLDING, text=text)
        return None

    async def _waiting_in(self, handle: WorkflowHandle[Any, TradeResult], kind: str) -> str:
        pending = (await handle.describe()).raw_description.pending_activities
        return next((p.activity_id for p in pending if p.activity_type.name == kind), "")

    async def _words(self, failure: Any) -> str:
        decoded = await self._client.data_converter.decode_failure(failure)
        return decoded.message if isinstance(decoded, ApplicationError) else str(decoded)


def _refusal(trade: str, error: TimeoutError | TemporalError) -> Refused:
    if isinstance(error, TimeoutError):
        return Refused(
            "no answer in time; the trade was asked, or is asked by its own timer, and looks"
            " when a worker runs again",
            timeout=True,
        )
    if isinstance(error, RPCError) and error.status is RPCStatusCode.NOT_FOUND:
        return Refused(f"no trade {trade} is under way", missing=True)
    return Refused(f"Temporal does not answer: {error}")
