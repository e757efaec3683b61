"""Proceeds: what a redemption really paid, compared with what the resolution promised (R1)."""

from __future__ import annotations

from datetime import timedelta

from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.clock import Clock
from activities.messages import TradeKey
from activities.venue_errors import nothing_yet
from domain.money import CENT, DUST, Price, Shares, Usd, moved, usd
from store.alerts import Alerts, Priority
from venue.polymarket import Venue

READINGS = 3  # of "nothing to redeem" before it is believed
UNLISTED = 20  # readings without the payment in the indexer before the books go on without it
LATE = timedelta(minutes=15)
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

    async def paid(self, key: TradeKey, shares: Shares, ours: Shares, payout: Price) -> Usd:
        """Return what `shares` of one trade brought, in dollars; see `listed`.

        Raises:
            ApplicationError: NothingYet while the redemption is not listed.
        """
        paid = await self.listed(key, shares, ours, payout)
        if paid is not None:
            return paid
        expected = moved(payout, shares)
        await self._unlisted(key, expected)
        return expected

    async def listed(
        self, key: TradeKey, shares: Shares, ours: Shares, payout: Price
    ) -> Usd | None:
        """Return what `shares` of one trade brought as the venue lists it; None: not listed.

        `ours` are the shares of this token in all trades, those settled at the result too: when
        fewer were burnt, some had left the wallet before, and each trade bears its part. The
        indexer's figures are doubles, so within a cent the exact product stands. Another sum is
        what really came: it is to be booked, and a person is told.
        """
        expected = moved(payout, shares)
        seen = (await self._venue.redeemed(key.condition_id)).get(key.token_id)
        if seen is None:
            return None
        burnt = seen.shares if seen.shares + DUST >= ours else ours
        paid = usd(shares * seen.usd / burnt)
        if abs(paid - expected) <= CENT:
            return expected
        await self._tell(
            key,
            Priority.HIGH,
            "A redemption paid another sum than the market's result",
            f"{shares} shares at {payout} should have brought {expected} USD. The venue lists"
            f" {seen.shares} shares redeemed for {seen.usd} USD; the books hold {paid}. Look at"
            f" the transaction of condition {key.condition_id}, and ask the venue.",
        )
        return paid

    async def late(self, key: TradeKey, error: ApplicationError) -> None:
        """Tell a person, once a day, when a redemption is tried for long without success."""
        began = activity.info().scheduled_time if activity.in_activity() else self._clock()
        waited = self._clock() - began
        if waited >= LATE:
            minutes = waited.total_seconds() / 60
            await self._alerts.put(
                f"redemption-late:{key.mode}:{key.workflow_id}",
                Priority.HIGH,
                "A resolved trade cannot be redeemed",
                f"Tried for {minutes:.0f} minutes: {error.message}. The bot goes on trying."
                f" Redeem condition {key.condition_id} by hand at the venue if it lasts: the"
                " trade then finds the shares gone and settles.",
                COOL_DOWN,
                self._clock(),
                key.mode,
            )

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
