"""Leftovers: what a person was left with, booked once its market is over and the proof is there.

An abandoned trade has no run that would settle it. The result of two sources, undisputed, is
enough for shares that pay nothing. Shares that pay are booked when a person redeemed them: gone
from the wallet in several reconciliations in a row, gone from the indexer, and the payment listed.
Each booking is one transaction that finds the position as it was looked at, or changes nothing.
"""

from __future__ import annotations

import logging
from datetime import timedelta

from activities.clock import Clock
from activities.messages import ReconcileReport, TradeKey
from activities.proceeds import UNLISTED, Proceeds
from domain.market import Mode
from domain.money import DUST, ZERO, Price, Shares, Usd
from domain.reconcile import Difference, OurTrade, emptied, left_over
from domain.rules import ReconcileRules
from store.alerts import Alerts, Priority
from store.claims import Claims
from store.corrections import Corrections
from store.positions import Positions
from venue.errors import VenueError
from venue.polymarket import Venue

log = logging.getLogger(__name__)


class Leftovers:
    """Settles abandoned positions; a venue that does not answer settles nothing."""

    def __init__(
        self,
        venue: Venue,
        claims: Claims,
        positions: Positions,
        corrections: Corrections,
        proceeds: Proceeds,
        alerts: Alerts,
        rules: ReconcileRules,
        clock: Clock,
    ) -> None:
        self._venue, self._claims, self._positions = venue, claims, positions
        self._corrections, self._proceeds = corrections, proceeds
        self._alerts, self._rules, self._clock = alerts, rules, clock

    async def settle(
        self,
        mode: Mode,
        trades: list[OurTrade],
        differences: list[Difference],
        report: ReconcileReport,
    ) -> ReconcileReport:
        """Book every abandoned position that is proven to be over; return the report with them.

        The misses of this reconciliation must have been counted before.
        """
        gone = emptied(differences)
        for trade in left_over(trades):
            try:
                done = await self._settle(mode, trade, gone=trade.token_id in gone)
            except VenueError as e:  # nothing is known: it stays as it is and counted
                log.warning("leftover_unread", extra={"id": trade.workflow_id, "error": str(e)})
                continue
            if done:
                line = f"abandoned: {trade.workflow_id}: {done}"
                report = report.model_copy(update={"repaired": (*report.repaired, line)})
        return report

    async def _settle(self, mode: Mode, trade: OurTrade, *, gone: bool) -> str:
        """Return what was booked, or nothing."""
        resolution = await self._venue.resolution(trade.condition_id)
        if resolution is None or resolution.disputed:
            return ""
        payout = resolution.payouts.get(trade.token_id)
        if payout is None:
            return ""
        if payout == 0 or trade.shares < DUST:  # nobody would notice that dust was redeemed
            return await self._book(mode, trade, payout, Usd(ZERO))
        if not gone:  # some are still there: only looks at an empty wallet count
            await self._corrections.seen(trade.workflow_id, mode)
            return ""
        return await self._redeemed(mode, trade, payout)

    async def _redeemed(self, mode: Mode, trade: OurTrade, payout: Price) -> str:
        """Book what a redemption outside the bot brought, once nothing speaks against it."""
        position = await self._positions.get(trade.workflow_id, mode)
        if position is None or position.misses < self._rules.misses:
            return ""
        listed = await self._venue.positions()
        if any(p.token_id == trade.token_id and p.shares >= DUST for p in listed):
            return ""
        key = await self._key(mode, trade)
        if key is None:
            return ""
        ours = await self._positions.at_result(mode, trade.condition_id, trade.token_id)
        paid = await self._proceeds.listed(key, trade.shares, ours, payout)
        if paid is not None:
            return await self._book(mode, trade, payout, paid)
        return await self._give_up(mode, trade) if position.misses >= UNLISTED else ""

    async def _book(self, mode: Mode, trade: OurTrade, payout: Price, proceeds: Usd) -> str:
        why = f"the market resolved at {payout:f} after the trade was abandoned"
        settled = await self._positions.settle_left(
            trade.workflow_id, mode, trade.shares, payout, proceeds, why, self._clock()
        )
        return f"{trade.shares} shares settled for {proceeds} USD" if settled else ""

    async def _give_up(self, mode: Mode, trade: OurTrade) -> str:
        """Close what left the wallet without a redemption: for how much, nobody told us."""
        cause, now = "left the wallet before the market resolved", self._clock()
        await self._corrections.adjust(
            trade.workflow_id, mode, Shares(ZERO), None, cause, now, trade.shares
        )
        await self._alerts.put(
            f"leftover:{mode}:{trade.workflow_id}",
            Priority.HIGH,
            "Abandoned shares are gone, and no payment is listed",
            f"{trade.shares} shares of {trade.workflow_id} are no longer in the wallet, and the"
            f" venue lists no redemption after {UNLISTED} readings: they were sold or moved by"
            " hand. The books are closed with an unknown profit. Check the wallet.",
            timedelta(days=1),
            now,
            mode,
        )
        return f"{trade.shares} shares gone for an unknown sum"

    async def _key(self, mode: Mode, trade: OurTrade) -> TradeKey | None:
        claim = await self._claims.get(mode, trade.workflow_id)
        if claim is None:
            return None
        return TradeKey(
            mode=mode,
            workflow_id=trade.workflow_id,
            owner=claim.owner_run,
            condition_id=trade.condition_id,
            token_id=trade.token_id,
            threshold=claim.threshold,
        )
