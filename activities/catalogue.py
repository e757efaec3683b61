"""Catalogue activity: one pass over the venue's markets into the store."""

from __future__ import annotations

from datetime import timedelta

from temporalio import activity

from activities.venue_errors import venue_failures
from domain.record import Record
from venue.discovery import Discovery


class DiscoverReport(Record):
    """What a pass found. `done` is False when a younger pass of somebody made it needless."""

    done: bool
    markets: int = 0
    counts: dict[str, int] = {}


class CatalogueActivities:
    """Bound to one store and venue; built once per worker."""

    def __init__(self, discovery: Discovery) -> None:
        self._discovery = discovery

    @activity.defn
    async def discover(self, every: timedelta) -> DiscoverReport:
        """Read all open markets and store what changed; safe to repeat, heartbeats every page.

        Listeners of the store's channel `markets` hear of each page at once.

        Raises:
            ApplicationError: the venue did not answer; pages read so far are kept.
        """
        if not await self._discovery.due(every * 0.9):  # a pass begins a little after its time
            return DiscoverReport(done=False)
        before = dict(self._discovery.counts)
        with venue_failures():
            found = await self._discovery.fill(activity.heartbeat)
        after = self._discovery.counts
        counts = {name: after[name] - before.get(name, 0) for name in after}
        return DiscoverReport(done=True, markets=found, counts=counts)
