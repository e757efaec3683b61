"""The trades as ingest sees them: a workflow to start, or to send a hint to."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from pydantic import BaseModel
from temporalio.client import Client
from temporalio.common import (
    SearchAttributePair,
    TypedSearchAttributes,
    WorkflowIDConflictPolicy,
    WorkflowIDReusePolicy,
)
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from domain.entry import worst_price
from domain.rules import EntryRules
from domain.trade import Stage
from domain.trigger import Trigger
from workflows import display
from workflows.messages import WORKFLOW, TradeStart

SUMMARY_BYTES = 200  # what the server keeps of a static summary
_PATIENCE = timedelta(seconds=5)  # for one attempt; the caller repeats


class NotNow(Exception):
    """Temporal did not answer or refused for now; the same call may be repeated."""


def _not_now(error: RPCError | RuntimeError) -> NotNow:
    """Return the error as NotNow; a lazy client tells of no connection by a bare RuntimeError."""
    if isinstance(error, RPCError) or str(error).startswith("Failed client connect"):
        return NotNow(str(error))
    raise error


class Trades:
    """Starts and signals TradeWorkflow, by name."""

    def __init__(self, client: Client, task_queue: str, site_url: str, entry: EntryRules) -> None:
        """`site_url` and `entry` only go into what people see."""
        self._client, self._queue = client, task_queue
        self._site, self._entry = site_url.rstrip("/"), entry

    async def start(self, trigger: Trigger) -> bool:
        """Start the trade of this trigger; False if its id is running or spent (G2).

        Safe to repeat: an unanswered start that did happen answers False.

        Raises:
            NotNow: Temporal did not answer.
        """
        try:
            await self._client.start_workflow(
                WORKFLOW,
                TradeStart(trigger=trigger),
                id=trigger.workflow_id,
                task_queue=self._queue,
                id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY,
                id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
                static_summary=self._summary(trigger),
                memo=self._memo(trigger),
                search_attributes=search_attributes(trigger),
                rpc_timeout=_PATIENCE,
            )
        except WorkflowAlreadyStartedError:
            return False
        except (RPCError, RuntimeError) as error:
            raise _not_now(error) from error
        return True

    async def tell(self, workflow_id: str, signal: str, message: BaseModel) -> bool:
        """Signal a trade; False if there is none running under this id.

        Raises:
            NotNow: Temporal did not answer.
        """
        try:
            handle = self._client.get_workflow_handle(workflow_id)
            await handle.signal(signal, message, rpc_timeout=_PATIENCE)
        except (RPCError, RuntimeError) as error:
            if isinstance(error, RPCError) and error.status is RPCStatusCode.NOT_FOUND:
                return False
            raise _not_now(error) from error
        return True

    def _summary(self, trigger: Trigger) -> str:
        limit = worst_price(trigger.price, self._entry)
        question = display.clean(trigger.question or trigger.condition_id)
        text = f"Buy {display.clean(trigger.outcome)} ≤ {display.number(limit)} · {question}"
        return text.encode()[:SUMMARY_BYTES].decode(errors="ignore")

    def _memo(self, trigger: Trigger) -> dict[str, str]:
        memo = {"question": trigger.question}
        if trigger.slug:
            memo["link"] = f"{self._site}/market/{trigger.slug}"
        return memo


def search_attributes(trigger: Trigger) -> TypedSearchAttributes:
    """Return what the trade can be found by; visibility only, never used to decide."""
    pairs: list[SearchAttributePair[str] | SearchAttributePair[float]] = [
        SearchAttributePair(display.MODE, trigger.mode.value),
        SearchAttributePair(display.STAGE, Stage.SCREENING.value),
        SearchAttributePair(display.CONDITION, trigger.condition_id),
        SearchAttributePair(display.TOKEN, trigger.token_id),
        SearchAttributePair(display.THRESHOLD, _double(trigger.threshold)),
    ]
    if trigger.event_id:
        pairs.append(SearchAttributePair(display.EVENT, trigger.event_id))
    return TypedSearchAttributes(pairs)


def _double(value: Decimal) -> float:
    """A search attribute is a double by Temporal's types; nobody computes with it."""
    return value.__float__()
