"""Settlement activities: redeem what won, wait for the proceeds, close the books."""

from __future__ import annotations

from datetime import timedelta

from temporalio import activity

from activities.balance import refresh_balance
from activities.clock import Clock
from activities.messages import Booked, Redeemed, RedeemRequest, SettleRequest
from activities.venue_errors import nothing_yet, venue_failures
from domain.money import DUST, ZERO, Usd, usd
from domain.rules import PaceRules
from store.account import Account
from store.claims import Claims
from store.levels import Levels
from store.positions import Positions
from venue.polymarket import Venue


class SettlementActivities:
    """Bound to one account; built once per worker in worker/bootstrap.py."""

    def __init__(
        self,
        venue: Venue,
        positions: Positions,
        claims: Claims,
        levels: Levels,
        account: Account,
        pace: PaceRules,
        clock: Clock,
    ) -> None:
        self._venue, self._positions, self._claims = venue, positions, claims
        self._levels, self._account = levels, account
        self._pace, self._clock = pace, clock

    @activity.defn
    async def redeem(self, request: RedeemRequest) -> Redeemed:
        """Redeem the shares of a resolved market until the venue shows that they are gone.

        Redeeming burns the shares, so a repeat finds nothing and pays nothing twice; "nothing
        to redeem" is success (auto-redeem, an earlier attempt). Losers are not redeemed.

        Raises:
            ApplicationError: NothingYet while the transaction or the proceeds are not visible.

        Source: facts 6.3; findings G4, EXE-M3; fault R1.
        """
        position = await self._positions.get(request.key.workflow_id)
        payout = request.resolution.payouts.get(request.key.token_id, ZERO)
        if position is None or position.shares <= 0 or payout <= 0:
            with venue_failures():
                await refresh_balance(self._venue, self._account, request.key.mode, self._clock)
            return Redeemed(text="nothing to redeem: the shares pay nothing")
        with venue_failures():
            redemption = await self._venue.redeem(request.key.condition_id)
            if redemption.state == "pending":
                raise nothing_yet(f"transaction {redemption.tx} is pending", self._retry)
            left = await self._venue.shares(request.key.token_id, refresh=True)
            if left >= DUST:
                raise nothing_yet(f"{left} shares are still in the wallet", self._retry)
            await refresh_balance(self._venue, self._account, request.key.mode, self._clock)
        return Redeemed(
            proceeds=usd(position.shares * payout), transaction=redemption.tx, text=redemption.state
        )

    @property
    def _retry(self) -> timedelta:
        return self._pace.redeem_retry

    @activity.defn
    async def settle(self, request: SettleRequest) -> Booked:
        """Close the books of a trade with exactly one exit event (XD-3); safe to repeat."""
        now = self._clock()
        payout = None
        if request.resolution is not None:
            payout = request.resolution.payouts.get(request.key.token_id)
        settled = await self._positions.settle(
            request.key.workflow_id,
            payout=payout,
            proceeds=request.proceeds if payout is not None else Usd(ZERO),
            resolution=request.reason,
            at=now,
        )
        await self._levels.clear(request.key.workflow_id)
        return Booked(
            shares=settled.shares,
            cost=settled.cost,
            proceeds=settled.proceeds,
            fees=settled.fees,
            profit=settled.profit,
        )
