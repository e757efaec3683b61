"""Repairs: what reconciliation does about each kind of difference, and no more than is proven."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from temporalio.exceptions import ApplicationError

from activities.adoption import Adopting
from activities.clock import Clock
from activities.leftovers import Leftovers
from activities.messages import Adoptee, OrderRequest, OrderTruth, ReconcileReport
from domain.market import Mode
from domain.money import ZERO, Shares
from domain.reconcile import Difference, Kind, OurTrade, share_out
from domain.rules import ReconcileRules
from store.alerts import Alerts, Priority
from store.claims import Claims
from store.corrections import Corrections
from store.errors import FillConflict, OtherToken
from store.positions import Positions
from venue.errors import VenueError
from venue.polymarket import Venue

ReadOrder = Callable[[OrderRequest], Awaitable[OrderTruth]]


class Repairs:
    """Carries out one comparison. Starting and waking trades is left to the workflow."""

    def __init__(
        self,
        venue: Venue,
        claims: Claims,
        positions: Positions,
        corrections: Corrections,
        alerts: Alerts,
        adopting: Adopting,
        leftovers: Leftovers,
        read_order: ReadOrder,
        rules: ReconcileRules,
        clock: Clock,
    ) -> None:
        self._venue, self._claims, self._positions = venue, claims, positions
        self._corrections, self._alerts = corrections, alerts
        self._adopting, self._leftovers = adopting, leftovers
        self._read_order, self._rules, self._clock = read_order, rules, clock

    async def carry_out(
        self,
        mode: Mode,
        trades: list[OurTrade],
        differences: list[Difference],
        report: ReconcileReport,
        as_of: datetime,
    ) -> ReconcileReport:
        """Repair each difference and return the report with what was done.

        `as_of` is when the venue began to be read. One repair that fails waits for the next
        run; the others do not.
        """
        await self._forget_misses(mode, trades, differences)
        for difference in differences:
            try:
                done = await self._repair(mode, trades, difference, report, as_of)
            except OtherToken:
                await self._tell_stray(mode, difference)
                continue
            except (VenueError, ApplicationError, FillConflict) as e:
                await self._tell_failed(mode, difference, e)
                continue
            report = report if done is None else done
        return await self._leftovers.settle(mode, trades, differences, report)

    async def _repair(
        self,
        mode: Mode,
        trades: list[OurTrade],
        d: Difference,
        report: ReconcileReport,
        as_of: datetime,
    ) -> ReconcileReport | None:
        if d.kind is Kind.ORDER_ORPHAN:
            return await self._settle_order(d, report)
        if d.kind is Kind.CLAIM_ORPHAN:
            return await self._release(mode, d, report)
        if d.kind is Kind.TRADE_ORPHAN:
            adoption = await self._adopting.orphan(mode, d)
            return _adopt(report, adoption, d)
        if d.kind is Kind.SHARES_STRANGER:
            return await self._take_in(mode, d, report, as_of)
        if d.kind is Kind.ORDER_STRANGER:
            await self._adopting.order(mode, d.order_id)
            return _repaired(report, d)
        return await self._resize(mode, trades, d, report, as_of)

    async def _take_in(
        self, mode: Mode, d: Difference, report: ReconcileReport, as_of: datetime
    ) -> ReconcileReport | None:
        """Adopt shares nobody looks after; where the books have no room, tell a person."""
        adoptee = await self._adopting.stranger(mode, d, as_of)
        if adoptee is None and not await self._adopting.worthless(d.token_id):
            await self._tell_stray(mode, d)
        return _adopt(report, adoptee, d)

    async def _settle_order(self, d: Difference, report: ReconcileReport) -> ReconcileReport | None:
        """Cancel and read back the order of a run that is gone; close it on proof alone."""
        truth = await self._read_order(OrderRequest(order_id=d.order_id, stop=True))
        return _repaired(report, d) if truth.terminal else None

    async def _release(
        self, mode: Mode, d: Difference, report: ReconcileReport
    ) -> ReconcileReport | None:
        """Give back a claim with nothing behind it; the store refuses if there is."""
        claim = await self._claims.get(mode, d.workflow_id)
        if claim is None:
            return None
        released = await self._claims.release(
            mode,
            claim.condition_id,
            claim.threshold,
            claim.owner_run,
            "its run is gone; released by reconciliation",
            None,
            self._clock(),
        )
        return _repaired(report, d) if released else None

    async def _resize(
        self,
        mode: Mode,
        trades: list[OurTrade],
        d: Difference,
        report: ReconcileReport,
        as_of: datetime,
    ) -> ReconcileReport | None:
        """Take over the venue's size once it was seen often enough and nothing explains it.

        A resolved market explains missing shares: its trade redeems and settles itself; what a
        person was left with is booked by Leftovers, by the misses counted here.
        """
        held = [(t.workflow_id, t.shares) for t in trades if t.token_id == d.token_id and t.shares]
        apart = self._rules.grace / 2  # a retry of this run is no second reading
        readings = [await self._corrections.missed(w, mode, as_of, apart) for w, _ in held]
        if min(readings, default=0) < self._rules.misses or d.theirs is None:
            return None
        resolution = await self._venue.resolution(d.condition_id)
        if resolution is not None:
            return None  # the trade itself redeems what is left and settles at the payout
        cause = f"{d.kind.value}: the venue holds {d.theirs}"
        before, now = dict(held), self._clock()
        for workflow_id, shares in share_out(held, d.theirs).items():
            compared = before[workflow_id]  # sold meanwhile: the figure is old
            await self._corrections.adjust(workflow_id, mode, shares, None, cause, now, compared)
            await self._corrections.seen(workflow_id, mode)
        await self._tell(mode, d, now)
        wake = (*report.wake, *(w for w, _ in held))
        return _repaired(report, d).model_copy(update={"wake": wake})

    async def _forget_misses(
        self, mode: Mode, trades: list[OurTrade], differences: list[Difference]
    ) -> None:
        """A position that agrees again starts to count from zero."""
        differing = {d.token_id for d in differences}
        for trade in trades:
            if trade.shares > Shares(ZERO) and trade.token_id not in differing:
                await self._corrections.seen(trade.workflow_id, mode)

    async def _tell_stray(self, mode: Mode, d: Difference) -> None:
        what = f"{d.theirs} shares" if d.theirs is not None else f"Order {d.order_id}"
        await self._alerts.put(
            f"stray:{mode}:{d.token_id}",
            Priority.HIGH,
            "Something in the wallet that no trade looks after",
            f"{what} of token {d.token_id}. Its market has a trade of another outcome, one that"
            " was settled or abandoned, or one that changes at this moment: the bot leaves it"
            " alone. If it is yours, sell, redeem or cancel it by hand.",
            timedelta(days=1),
            self._clock(),
            mode,
        )

    async def _tell_failed(self, mode: Mode, d: Difference, error: Exception) -> None:
        await self._alerts.put(
            f"repair-failed:{mode}:{d.order_id or d.workflow_id or d.token_id}",
            Priority.NORMAL,
            "Reconciliation could not repair a difference",
            f"{d}: {error}. Nothing was changed; the next run tries again.",
            timedelta(hours=1),
            self._clock(),
            mode,
        )

    async def _tell(self, mode: Mode, d: Difference, now: datetime) -> None:
        await self._alerts.put(
            f"resized:{mode}:{d.token_id}",
            Priority.HIGH,
            "A position was changed to what the venue holds",
            f"{d}. It was seen {self._rules.misses} times in a row and no fill of ours explains"
            " it: shares were moved or sold outside the bot. Check the wallet.",
            timedelta(minutes=5),
            now,
            mode,
        )


def _repaired(report: ReconcileReport, d: Difference) -> ReconcileReport:
    return report.model_copy(update={"repaired": (*report.repaired, str(d))})


def _adopt(
    report: ReconcileReport, adoptee: Adoptee | None, d: Difference
) -> ReconcileReport | None:
    if adoptee is None:
        return None
    return _repaired(report, d).model_copy(update={"adopt": (*report.adopt, adoptee)})
