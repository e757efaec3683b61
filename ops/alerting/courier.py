"""Courier: takes alerts out of the outbox and carries each to every channel, once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from ops.alerting.channels import Channel, Undelivered
from ops.alerting.quiet import QuietHours
from store.alerts import Alert, Alerts, Priority
from store.desk_deliveries import Deliveries

log = structlog.get_logger()

FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=5), timedelta(minutes=10)
GIVE_UP = timedelta(days=2)  # of failing; the alert stays visible in store and dashboard
LOUDNESS = {Priority.LOW: 0, Priority.NORMAL: 1, Priority.HIGH: 2}


@dataclass(frozen=True, slots=True)
class Round:
    """What one look at the outbox did."""

    sent: int = 0
    failed: int = 0
    held: int = 0


class Courier:
    """Delivers. Many may work on one outbox: a lease gives each alert to one of them.

    A channel that took an alert is written down at once and not asked again. Between its answer
    and that row a power cut can repeat one message; no channel offers better than that.
    """

    def __init__(
        self,
        alerts: Alerts,
        deliveries: Deliveries,
        log_channel: Channel,
        channels: Sequence[Channel],
        quiet: QuietHours,
        least: Priority,
        clock: Callable[[], datetime],
    ) -> None:
        self._alerts, self._deliveries = alerts, deliveries
        self._log, self._channels = log_channel, tuple(channels)
        self._quiet, self._least, self._clock = quiet, least, clock

    async def deliver(self) -> Round:
        """Carry every alert that is due now."""
        sent = failed = held = 0
        for alert in await self._alerts.due(self._clock()):
            until = self._held_until(alert)
            if until is not None:
                await self._alerts.failed(alert.alert_id, "waits for the end of quiet hours", until)
                held += 1
            elif await self._carry(alert):
                sent += 1
            else:
                failed += 1
        return Round(sent, failed, held)

    def _held_until(self, alert: Alert) -> datetime | None:
        if alert.priority is Priority.HIGH or not self._push(alert):
            return None
        return self._quiet.until(self._clock())

    def _push(self, alert: Alert) -> bool:
        return bool(self._channels) and LOUDNESS[alert.priority] >= LOUDNESS[self._least]

    async def _carry(self, alert: Alert) -> bool:
        """Offer the alert to every channel that has not taken it; True when all have."""
        taken = await self._deliveries.taken(alert.alert_id)
        troubles: list[tuple[str, Undelivered]] = []
        for channel in (self._log, *(self._channels if self._push(alert) else ())):
            if channel.name in taken:
                continue
            try:
                await channel.send(alert)
            except Undelivered as trouble:
                troubles.append((channel.name, trouble))
            else:
                await self._deliveries.take(alert.alert_id, channel.name, self._clock())
        if not troubles:
            await self._alerts.sent(alert.alert_id, self._clock())
            return True
        await self._put_back(alert, troubles)
        return False

    async def _put_back(self, alert: Alert, troubles: list[tuple[str, Undelivered]]) -> None:
        now = self._clock()
        text = "; ".join(f"{name}: {trouble}" for name, trouble in troubles)
        hopeless = all(trouble.final for _, trouble in troubles) or now > alert.raised_at + GIVE_UP
        asked = timedelta(seconds=max(trouble.wait for _, trouble in troubles))
        pause = min(FIRST_PAUSE * 2 ** min(alert.attempts - 1, 10), LONGEST_PAUSE)
        retry_at = None if hopeless else now + max(pause, asked)
        log.warning("alert_not_delivered", key=alert.key, error=text, again=str(retry_at))
        await self._alerts.failed(alert.alert_id, text[:500], retry_at)
