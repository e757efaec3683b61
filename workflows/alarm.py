"""The alarm of one order: a person hears in time that nobody knows its fate."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

from temporalio import workflow

from activities.messages import OrderRef, OrderTruth
from domain.orders import OrderStatus
from workflows.alerting import alert
from workflows.state import TradeState


class Alarm:
    """Rings `pace.escalate_after` after the post, whatever the trade is busy with then.

    It only listens to what the trade finds out: an order that is proven, or rests in the book,
    silences it, and one that is lost sight of sets it again.
    """

    def __init__(self, state: TradeState, order: OrderRef) -> None:
        """Begin to count at this moment, just before the post."""
        self._state, self._order = state, order
        self._since: datetime | None = workflow.now()
        self._ringing: asyncio.Task[None] | None = None

    def hear(self, truth: OrderTruth, *, may_rest: bool) -> None:
        """Take in what is known now; `may_rest`: being in the book is no reason to ring."""
        if truth.terminal or (may_rest and truth.status is not OrderStatus.UNKNOWN):
            self.stop()
        elif self._ringing is None:
            self._since = self._since or workflow.now()
            self._ringing = asyncio.create_task(self._ring(self._since))

    def stop(self) -> None:
        """Be silent: there is an answer."""
        self._since = None
        if self._ringing is not None:
            self._ringing.cancel()
            self._ringing = None

    async def _ring(self, since: datetime) -> None:
        due = since + self._state.plan.pace.escalate_after
        left = max(due - workflow.now(), timedelta(0))
        await workflow.sleep(left, summary="until a person is told that the fate is not known")
        # Again when the outbox did not answer for a minute. A cancelled alert looks like a failed
        # one, so `stop` is asked for by what it leaves behind.
        while self._since == since and not await self._tell():
            pass

    async def _tell(self) -> bool:
        order = self._order
        return await alert(
            self._state,
            key=f"unknown-order:{order.order_id}",
            priority="high",
            title="An order's fate is not known",
            text=(
                f"{order.side.value} {order.shares} at {order.limit}, order {order.order_id}."
                " The venue has not proven whether it filled. The money stays reserved and"
                " the bot keeps asking; nothing is signed again. Check the order at the"
                " venue, then wait, or abandon the trade."
            ),
        )
