"""Settlement activities: redeem what won, wait for the proceeds, close the books."""

from __future__ import annotations

from datetime import timedelta

from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.balance import refresh_balance
from activities.clock import Clock
from activities.killpoint import passing
from activities.messages import Booked, Redeemed, RedeemRequest, SettleRequest, TradeKey
from activities.proceeds import Proceeds
from activities.venue_errors import nothing_yet, venue_failures
from domain.money import DUST, ZERO, Price, Shares, Usd
from domain.rules import PaceRules
from store.account import Account
from store.levels import Levels
from store.positions import Positions
from venue.polymarket import Venue


class SettlementActivities:
    """Bound to one account; built once per worker in worker/bootstrap.py."""

    def __init__(
        self,
        venue: Venue,
        positions: Positions,
        levels: Levels,
        account: Account,
        proceeds: Proceeds,
        pace: PaceRules,
        clock: Clock,
    ) -> None:
        self._venue, self._positions = venue, positions
        self._levels, self._account, self._proceeds = levels, account, proceeds
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
        try:
            return await self._redeem(request)
        except ApplicationError as e:
            await self._proceeds.late(request.key, e)
            raise

    async def _redeem(self, request: RedeemRequest) -> Redeemed:
        key = request.key
        position = await self._positions.get(key.workflow_id, key.mode)
        payout = request.resolution.payouts.get(key.token_id)
        if payout is None:
            raise nothing_yet("the resolution does not name our token", self._retry)
        if position is None or position.shares <= 0 or payout <= 0:
            with venue_failures():
                await refresh_balance(self._venue, self._account, key.mode, self._clock)
            return Redeemed(text="nothing to redeem: the shares pay nothing")
        with venue_failures():
            passing("redeem:before")
            redemption = await self._venue.redeem(key.condition_id)
            passing("redeem:after")
            if redemption.state == "pending":
                raise nothing_yet(f"transaction {redemption.tx} is pending", self._retry)
            left = await self._venue.shares(key.token_id, refresh=True)
            if left >= DUST:
                raise nothing_yet(f"{left} shares are still in the wallet", self._retry)
            if redemption.state == "nothing":
                await self._proceeds.believe_nothing(key)
            ours = await self._positions.at_result(key.mode, key.condition_id, key.token_id)
            paid = await self._proceeds.paid(key, position.shares, ours, payout)
            await refresh_balance(self._venue, self._account, key.mode, self._clock)
        return Redeemed(proceeds=paid, transaction=redemption.tx, text=redemption.state)

    @property
    def _retry(self) -> timedelta:
        return self._pace.redeem_retry

    @activity.defn
    async def settle(self, request: SettleRequest) -> Booked:
        """Close the books of a trade with exactly one exit event (XD-3); safe to repeat."""
        key, now = request.key, self._clock()
        await self._levels.remove(key.workflow_id, key.mode, now)
        position = await self._positions.get(key.workflow_id, key.mode)
        if position is None:
            return Booked(profit=Usd(ZERO))
        if request.resolution is not None:
            payout = Price(request.resolution.payouts.get(key.token_id, ZERO))
            passing("settle:before")
            await self._positions.settle(
                key.workflow_id, payout, request.proceeds, request.reason, now, key.mode
            )
            passing("settle:after")
        elif position.shares > 0:
            why = f"{position.shares} shares of dust written off"
            await self._positions.write_off(key.workflow_id, why, now, key.mode)
        return await self._booked(key)

    async def _booked(self, key: TradeKey) -> Booked:
        """Return the sums over all exits of the trade; one unknown profit makes all unknown."""
        exits = await self._positions.exits(key.workflow_id, key.mode)
        profits = [e.profit for e in exits]
        known = [p for p in profits if p is not None]
        return Booked(
            shares=Shares(sum((e.shares for e in exits), ZERO)),
            cost=Usd(sum((e.cost for e in exits), ZERO)),
            proceeds=Usd(sum((e.proceeds or ZERO for e in exits), ZERO)),
            fees=Usd(sum((e.fees for e in exits), ZERO)),
            profit=Usd(sum(known, ZERO)) if len(known) == len(profits) else None,
        )
