"""Reconciliation activities: read the venue to the end, compare, repair what is proven.

An answer that is empty, cut or refused changes nothing: the run is recorded as refused and an
alert goes out (XD-2). Every repair is keyed or counted, so a repeated run repairs once.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from temporalio import activity
from temporalio.client import WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

from activities.alive import alive
from activities.balance import refresh_balance
from activities.breakers import Breakers
from activities.clock import Clock
from activities.fills import apply_fills
from activities.messages import ReconcileReport, ReconcileRequest
from activities.repairs import Repairs
from domain.market import Mode
from domain.money import Shares
from domain.orders import Fill, FillStatus
from domain.positions import PositionState
from domain.reconcile import Difference, OurTrade, Theirs, compare
from domain.rules import ReconcileRules
from domain.trade import ClaimState
from store.account import Account
from store.alerts import Alerts, Priority
from store.booking import StoredPosition
from store.claims import ClaimRow, Claims
from store.errors import UnknownOrder
from store.fills import Fills
from store.orders import Orders, StoredOrder
from store.positions import Positions
from store.pulse import SyncOutcome, SyncRuns
from venue.errors import VenueError
from venue.polymarket import Venue

FINAL = frozenset({FillStatus.CONFIRMED, FillStatus.FAILED})
READ_WELL = frozenset({SyncOutcome.CLEAN, SyncOutcome.REPAIRED})
SETTLES_WITHIN = timedelta(minutes=15)  # usually seconds (facts 3.7)
FIRST_LOOK = timedelta(days=1)  # how far back a first run reads trades


class ReconcileActivities:
    """Bound to one account; built once per worker in worker/bootstrap.py."""

    def __init__(
        self,
        venue: Venue,
        claims: Claims,
        orders: Orders,
        fills: Fills,
        positions: Positions,
        account: Account,
        runs: SyncRuns,
        alerts: Alerts,
        repairs: Repairs,
        breakers: Breakers,
        rules: ReconcileRules,
        clock: Clock,
    ) -> None:
        self._venue, self._claims, self._orders = venue, claims, orders
        self._fills, self._positions, self._account = fills, positions, account
        self._runs, self._alerts, self._repairs = runs, alerts, repairs
        self._breakers, self._rules, self._clock = breakers, rules, clock

    @activity.defn
    async def reconcile(self, request: ReconcileRequest) -> ReconcileReport:
        """Compare everything once; repair unless this is a dry run; write the run down."""
        async with alive():
            return await self._reconcile(request)

    async def _reconcile(self, request: ReconcileRequest) -> ReconcileReport:
        started = self._clock()
        number = await self._runs.start(
            request.run_key, request.mode, "full", request.dry_run, started
        )
        if not request.dry_run:  # first: nothing that cannot be read or repaired may skip it
            await self._breakers.check(request.mode)
        try:
            theirs, applied = await self._read(request, started)
        except VenueError as e:
            return await self._refused(request, number, str(e))
        trades = await self._trades(request.mode, self._clock())
        differences = compare(trades, theirs)
        report = ReconcileReport(differences=tuple(str(d) for d in differences), fills=applied)
        if not request.dry_run:
            report = await self._repairs.carry_out(
                request.mode, trades, differences, report, started
            )
        await self._end(number, differences, report)
        return report

    async def _read(self, request: ReconcileRequest, now: datetime) -> tuple[Theirs, int]:
        """Read balance, trades, orders and shares; any of them failing fails the whole."""
        applied = 0 if request.dry_run else await self._apply_fills(request.mode, now)
        if not request.dry_run:
            await refresh_balance(self._venue, self._account, request.mode, self._clock)
        orders = {o.order_id: o.token_id for o in await self._venue.open_orders()}
        listed = {p.token_id for p in await self._venue.positions()}
        listed -= await self._positions.worthless(request.mode, sorted(listed))
        held = {p.token_id for p in await self._positions.open(request.mode)}
        shares: dict[str, Shares] = {}
        for token_id in sorted(listed | held):  # the indexer lags: the venue's ledger decides
            shares[token_id] = await self._venue.shares(token_id, refresh=True)
        moving = await self._fills.moving(request.mode, now - self._rules.grace)
        return Theirs(open_orders=orders, shares=shares, moving=frozenset(moving)), applied

    async def _apply_fills(self, mode: Mode, now: datetime) -> int:
        """Apply every trade since the last run, with overlap; strangers are counted only."""
        runs = await self._runs.recent(mode)
        last = next((r for r in runs if r.outcome in READ_WELL and not r.dry_run), None)
        since = now - FIRST_LOOK if last is None else last.started_at - self._rules.overlap
        changed = await self._apply(mode, await self._venue.fills_since(since))
        return changed + await self._settle_old_fills(mode)

    async def _apply(self, mode: Mode, fills: list[Fill]) -> int:
        changed = 0
        for fill in fills:
            try:
                news, conflicts = await apply_fills(self._fills, mode, [fill], self._clock)
            except UnknownOrder:
                continue  # of another program on this wallet: its shares show as a stranger
            changed += news
            for conflict in conflicts:
                key = f"fill-conflict:{fill.trade_id}"
                await self._alert(mode, key, "A fill changed", conflict, Priority.HIGH)
        return changed

    async def _settle_old_fills(self, mode: Mode) -> int:
        """Ask again for every fill that is not final, whoever holds it now and however old."""
        changed = 0
        for order_id in sorted({f.order_id for f in await self._fills.unsettled(mode)}):
            order = await self._orders.get(order_id)
            if order is not None:
                found = await self._venue.fills(order_id, order.intent.condition_id)
                changed += await self._apply(mode, found)
        for fill in await self._fills.unsettled(mode):
            if self._clock() - fill.matched_at > SETTLES_WITHIN:
                await self._alert(
                    mode,
                    f"unsettled:{fill.trade_id}",
                    "A match does not settle",
                    f"{fill.side} {fill.shares} shares of token {fill.token_id}, matched at"
                    f" {fill.matched_at:%H:%M:%S} UTC, is still {fill.status.value}. Its trade"
                    " waits. Look at the venue's status page and at the transaction.",
                )
        return changed

    async def _trades(self, mode: Mode, now: datetime) -> list[OurTrade]:
        """Return every trade that may still have something at the venue.

        Orders are read before claims: an order whose run does not own its claim is then of an
        earlier run, never of one that took the claim over while we read.
        """
        orders: dict[str, list[StoredOrder]] = {}
        for order in await self._orders.open(mode):
            orders.setdefault(order.intent.workflow_id, []).append(order)
        claims = [
            *await self._claims.in_state(mode, ClaimState.CLAIMED, now),
            *await self._claims.in_state(mode, ClaimState.ENTERED, now),
        ]
        positions = {p.workflow_id: p for p in await self._positions.open(mode)}
        trades = []
        for claim in claims:
            position, open_orders = positions.get(claim.workflow_id), orders.get(claim.workflow_id)
            if claim.state is ClaimState.CLAIMED or position or open_orders:
                trades.append(await self._trade(claim, position, open_orders or [], now))
        return trades

    async def _trade(
        self,
        claim: ClaimRow,
        position: StoredPosition | None,
        orders: list[StoredOrder],
        now: datetime,
    ) -> OurTrade:
        fills = await self._fills.of_workflow(claim.workflow_id, claim.mode)
        held = position is not None
        return OurTrade(
            workflow_id=claim.workflow_id,
            condition_id=claim.condition_id,
            token_id=position.token_id if position else claim.token_id,
            claim=claim.state,
            running=await running(claim.workflow_id),
            young=now - claim.changed_at < self._rules.grace,
            open_orders=tuple(o.signed.order_id for o in orders),
            adopted=tuple(o.signed.order_id for o in orders if o.adopted),
            left_behind=tuple(
                o.signed.order_id
                for o in orders
                if not o.adopted and o.intent.run_id != claim.owner_run
            ),
            unsettled=any(f.status not in FINAL for f in fills),
            shares=position.shares if position else Shares(claim.threshold - claim.threshold),
            managed=not held or (position is not None and position.state is PositionState.OPEN),
        )

    async def _refused(self, request: ReconcileRequest, number: int, why: str) -> ReconcileReport:
        """Change nothing on a failed answer, and say so."""
        await self._runs.end(number, SyncOutcome.REFUSED, {}, [{"refused": why}], self._clock())
        await self._alert(
            request.mode,
            "reconcile-refused",
            "Reconciliation could not read the venue",
            f"{why}. Nothing was changed; the next run tries again.",
        )
        return ReconcileReport(refused=why)

    async def _end(
        self, number: int, differences: list[Difference], report: ReconcileReport
    ) -> None:
        counts: dict[str, int] = {"fills": report.fills, "repaired": len(report.repaired)}
        for difference in differences:
            counts[difference.kind.value] = counts.get(difference.kind.value, 0) + 1
        changed = report.repaired or report.fills
        outcome = SyncOutcome.REPAIRED if changed else SyncOutcome.CLEAN
        rows: list[dict[str, object]] = [d.model_dump(mode="json") for d in differences]
        await self._runs.end(number, outcome, counts, rows, self._clock())

    async def _alert(
        self, mode: Mode, key: str, title: str, text: str, priority: Priority = Priority.NORMAL
    ) -> None:
        await self._alerts.put(
            key, priority, title, text, timedelta(minutes=15), self._clock(), mode
        )


async def running(workflow_id: str) -> bool:
    """Return whether Temporal runs this workflow id now; asked directly, not by visibility.

    Raises:
        RPCError: Temporal did not answer; a failure to look is not "does not run".
    """
    try:
        found = await activity.client().get_workflow_handle(workflow_id).describe()
    except RPCError as e:
        if e.status is RPCStatusCode.NOT_FOUND:
            return False
        raise
    return found.status is WorkflowExecutionStatus.RUNNING
