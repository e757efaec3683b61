"""Reconcile: on a schedule, bring the venue's truth into the books and wake or adopt trades."""

from __future__ import annotations

from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import ApplicationError, WorkflowAlreadyStartedError
from temporalio.workflow import ParentClosePolicy

from activities.messages import Adoptee, ReconcileReport, ReconcileRequest
from activities.reconciling import ReconcileActivities
from domain.market import Mode
from domain.record import Record
from workflows.messages import Adoption, TradeStart, VenueEvent
from workflows.options import SILENCE, say
from workflows.trade import TradeWorkflow

# A whole reading of the venue; repeated a few times, then left to the next scheduled run.
READ = workflow.ActivityConfig(
    start_to_close_timeout=timedelta(minutes=5),
    heartbeat_timeout=SILENCE,
    retry_policy=RetryPolicy(initial_interval=timedelta(seconds=1), maximum_attempts=3),
)


class ReconcileStart(Record):
    """Reconcile one mode; a dry run changes nothing and only reports."""

    mode: Mode
    dry_run: bool = False


@workflow.defn(name="ReconcileWorkflow")
class ReconcileWorkflow:
    """One comparison of venue and store. Scheduled with overlap policy skip, and at start."""

    @workflow.run
    async def run(self, start: ReconcileStart) -> ReconcileReport:
        """Return what was found and done."""
        info = workflow.info()
        report = await workflow.execute_activity_method(
            ReconcileActivities.reconcile,
            ReconcileRequest(
                mode=start.mode, run_key=f"{info.workflow_id}:{info.run_id}", dry_run=start.dry_run
            ),
            **say(READ, "Compare the venue with our books"),
        )
        for adoptee in report.adopt:
            await self._adopt(adoptee)
        for workflow_id in report.wake:
            await self._wake(workflow_id)
        return report

    async def _adopt(self, adoptee: Adoptee) -> None:
        """Start the trade of shares nobody looks after; it outlives this workflow.

        Even after a completed run (a late fill, a reversed sale): its claim is entered, so the
        new run can only sell, redeem and settle.
        """
        try:
            await workflow.start_child_workflow(
                TradeWorkflow.run,
                TradeStart(
                    trigger=adoptee.trigger,
                    adoption=Adoption(
                        cause=adoptee.cause,
                        held_since=adoptee.held_since,
                        age_source="actual" if adoptee.age_known else "unknown",
                        cost=adoptee.cost,
                    ),
                ),
                id=adoptee.trigger.workflow_id,
                id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
                parent_close_policy=ParentClosePolicy.ABANDON,
            )
        except WorkflowAlreadyStartedError:
            workflow.logger.info("already_running", extra={"id": adoptee.trigger.workflow_id})

    async def _wake(self, workflow_id: str) -> None:
        """Hint the owning trade to look again; one that is gone needs no hint."""
        event = VenueEvent(order_id="reconciliation", kind="reconciled")
        try:
            await workflow.get_external_workflow_handle(workflow_id).signal(
                TradeWorkflow.venue_event, event
            )
        except ApplicationError:
            workflow.logger.warning("owner_not_running", extra={"id": workflow_id})
