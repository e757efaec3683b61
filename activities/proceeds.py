"""Proceeds: what a redemption really paid, compared with what the resolution promised (R1)."""

from __future__ import annotations

from datetime import timedelta

from temporalio import activity

from activities.clock import Clock
from activities.messages import TradeKey
from activities.venue_errors import nothing_yet
from domain.money import CENT, DUST, Price, Shares, Usd, moved, usd
from store.alerts import Alerts, Priority
from venue.polymarket import Venue

READINGS = 3  # of "nothing to redeem" before it is believed
UNLISTED = 20  # readings without the payment in the indexer before the books go on without it
COOL_DOWN = timedelta(days=1)


class Proceeds:
    """Counts its readings in the heartbeat of the running activity, which survives retries."""

    def __init__(self, venue: Venue, alerts: Alerts, retry: timedelta, clock: Clock) -> None:
        self._venue, self._alerts = venue, alerts
        self._retry, self._clock = retry, clock

    async def believe_nothing(self, key: TradeKey) -> None:
        """Believe "nothing to redeem" only when the indexer agrees, and only the third time.

        One zero of the venue's balance cache proves nothing: it lags behind settlements (facts
        2.7).

        Raises:
            ApplicationError: NothingYet.
        """
        listed = await self._venue.positions()
        if any(p.token_id == key.token_id and p.shares >= DUST for p in listed):
            raise nothing_yet("the indexer still lists the shares", self._retry)
        nothing, unlisted = _readings()
        if nothing + 1 < READINGS:
            activity.heartbeat(nothing + 1, unlisted)
            raise nothing_yet(f"nothing to redeem, reading {nothing + 1}", self._retry)

    async def paid(self, key: TradeKey, shares: Shares, payout: Price) -> Usd:
        """Return what the burnt shares brought, in dollars, as the venue lists the redemption.

        The indexer's figures are doubles, so within a cent the exact product stands. Another sum
        is what really came: it is booked, and a person is told.

        Raises:
            ApplicationError: NothingYet while the redemption is not listed.
        """
        expected = moved(payout, shares)
        seen = (await self._venue.redeemed(key.condition_id)).get(key.token_id)
        if seen is None:
            await self._unlisted(key, expected)
            return expected
        paid = usd(shares * seen.usd / seen.shares)  # of a token that several trades hold, our part
        if abs(paid - expected) <= CENT:
            return expected
        await self._tell(
            key,
            Priority.HIGH,
            "A redemption paid another sum than the market's result",
            f"{shares} shares at {payout} should have brought {expected} USD, the venue lists"
            f" {paid}. The books hold {paid}. Look at the transaction of condition"
            f" {key.condition_id}, and ask the venue.",
        )
        return paid

    async def _unlisted(self, key: TradeKey, expected: Usd) -> None:
        nothing, unlisted = _readings()
        if unlisted + 1 < UNLISTED:
            activity.heartbeat(nothing, unlisted + 1)
            raise nothing_yet("the redemption is not listed yet", self._retry)
        await self._tell(
            key,
            Priority.NORMAL,
            "A redemption is not listed by the venue",
            f"The shares are gone, but the venue lists no payment for them. The books hold the"
            f" {expected} USD that the result pays. Compare with the wallet's balance.",
        )

    async def _tell(self, key: TradeKey, priority: Priority, title: str, text: str) -> None:
        name = f"redemption:{key.mode}:{key.workflow_id}"
        await self._alerts.put(name, priority, title, text, COOL_DOWN, self._clock(), key.mode)


def _readings() -> tuple[int, int]:
    """Return how often there was nothing to redeem, and how often no payment was listed."""
    memory = activity.info().heartbeat_details if activity.in_activity() else ()
    return (int(memory[0]), int(memory[1])) if len(memory) == 2 else (0, 0)
