"""Actions on one trade: updates of its workflow, each audited with what came of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import asyncpg
from temporalio.client import (
    Client,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from domain.money import Price
from domain.record import Record
from ops.actions.refusal import Refused
from store.audit import Audit
from workflows.messages import Abandon, Answer, Approve, ExitNow, Reject, SetLevels

WITHIN = timedelta(seconds=10)  # a worker answers in milliseconds; without one nobody does


class TradeActions:
    """What a person may tell a trade. Every call is a row of the audit, refused ones too."""

    def __init__(
        self,
        pool: asyncpg.Pool[Any],
        client: Client,
        clock: Callable[[], datetime],
        within: timedelta = WITHIN,
    ) -> None:
        self._audit, self._client, self._clock = Audit(pool), client, clock
        self._within = within

    async def approve(self, trade: str, who: str, why: str = "") -> Answer:
        """Say yes to an entry that waits. Raises Refused, like all below."""
        return await self._tell(trade, "approve", Approve(who=who, why=why), who, why)

    async def reject(self, trade: str, who: str, why: str = "") -> Answer:
        """Say no for good."""
        return await self._tell(trade, "reject", Reject(who=who, why=why), who, why)

    async def exit_now(
        self, trade: str, who: str, why: str = "", min_price: Price | None = None
    ) -> Answer:
        """Sell what is held, through the exit gate, at `min_price` or better."""
        wish = ExitNow(who=who, why=why, min_price=min_price)
        return await self._tell(trade, "exit_now", wish, who, why)

    async def set_levels(
        self, trade: str, who: str, target: Price | None, stop: Price | None
    ) -> Answer:
        """Replace target and stop; None removes a level."""
        levels = SetLevels(who=who, target=target, stop=stop)
        return await self._tell(trade, "set_levels", levels, who, "")

    async def abandon(self, trade: str, who: str, why: str = "") -> Answer:
        """Stop looking after a trade; its shares stay, unmanaged."""
        return await self._tell(trade, "abandon", Abandon(who=who, why=why), who, why)

    async def _tell(self, trade: str, update: str, message: Record, who: str, why: str) -> Answer:
        try:
            answer = await self._send(trade, update, message)
        except Refused as refusal:
            await self._write(trade, update, message, who, why, f"refused: {refusal}")
            raise
        await self._write(trade, update, message, who, why, answer.text)
        return answer

    async def _send(self, trade: str, update: str, message: Record) -> Answer:
        handle = self._client.get_workflow_handle(trade)
        try:
            answer: Answer = await asyncio.wait_for(
                handle.execute_update(
                    update, message, result_type=Answer, rpc_timeout=self._within
                ),
                self._within.total_seconds(),
            )
        except WorkflowUpdateFailedError as e:
            reason = e.cause.message if isinstance(e.cause, ApplicationError) else str(e.cause)
            raise Refused(reason) from e
        except (TimeoutError, WorkflowUpdateRPCTimeoutOrCancelledError) as e:
            raise Refused(
                f"no answer within {self._within.total_seconds():g} s; it may still be carried"
                " out when a worker runs again: look at the trade before you repeat it",
                timeout=True,
            ) from e
        except RPCError as e:
            if e.status is RPCStatusCode.NOT_FOUND:
                raise Refused(f"no trade {trade} is under way", missing=True) from e
            raise Refused(f"Temporal does not answer: {e.message}") from e
        return answer

    async def _write(
        self, trade: str, update: str, message: Record, who: str, why: str, result: str
    ) -> None:
        detail = message.model_dump(mode="json", exclude={"who", "why"}, exclude_none=True)
        await self._audit.write(who, update, trade, why, result[:500], self._clock(), detail)
