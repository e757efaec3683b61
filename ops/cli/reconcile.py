"""touchline reconcile: compare the venue with our books now, and tell what differs; audited."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import typer
from temporalio.client import WorkflowFailureError
from temporalio.service import RPCError

from ops.cli.control import who
from ops.cli.exits import CliError, Exit
from ops.cli.options import Json, Profile, Set, load
from ops.cli.reach import run_within, store, temporal
from ops.cli.show import out, print_json
from settings.model import Settings
from store.audit import Audit

WORKFLOW = "ReconcileWorkflow"
WITHIN = 120.0  # seconds; a wallet with many pages takes its time

DryRun = Annotated[bool, typer.Option("--dry-run", help="Change nothing, only tell.")]


def reconcile(
    dry_run: DryRun = False, json: Json = False, profile: Profile = None, set_: Set = None
) -> None:
    """Compare the venue's orders, trades, shares and balance with our books, and repair."""
    settings = load(profile, set_)
    report = run_within(lambda: _run(settings, dry_run), WITHIN)
    if json:
        print_json(report)
    else:
        _tell(report)
    if report.get("refused"):
        raise CliError(Exit.ERROR, f"nothing was changed: {report['refused']}")


async def _run(settings: Settings, dry_run: bool) -> dict[str, Any]:
    client, now = await temporal(settings), datetime.now(UTC)
    async with store(settings) as pool:
        try:
            report: dict[str, Any] = await client.execute_workflow(
                WORKFLOW,
                {"mode": settings.mode.value, "dry_run": dry_run},
                id=f"reconcile-{settings.mode.value}-by-hand-{now:%Y%m%dT%H%M%S%f}",
                task_queue=settings.temporal.task_queue,
                execution_timeout=timedelta(seconds=WITHIN),
                result_type=dict,
            )
        except WorkflowFailureError as e:
            raise CliError(Exit.ERROR, f"reconciliation failed: {e.cause}") from e
        except RPCError as e:
            raise CliError(Exit.ERROR, f"Temporal does not answer: {e.message}") from e
        found = f"{len(report['differences'])} differences, {len(report['repaired'])} repaired"
        what = "reconcile dry run" if dry_run else "reconcile"
        await Audit(pool).write(who(), what, settings.mode, "", report["refused"] or found, now)
    return report


def _tell(report: dict[str, Any]) -> None:
    for name in ("differences", "repaired"):
        for line in report[name]:
            out.print(f"{name}: {line}", markup=False, soft_wrap=True)
    count, fills = len(report["differences"]), report["fills"]
    out.print(f"{count} differences, {fills} new fills, {len(report['adopt'])} adopted")
