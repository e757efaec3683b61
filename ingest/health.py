"""Health of ingest: one picture for the heartbeat row, the metrics and the log."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import structlog

from ingest.catalogue import Catalogue
from ingest.dispatch import Dispatch, utc_now
from ingest.feed import Feed
from ingest.filling import Filling
from ingest.fold import Fold
from ingest.gaps import Gaps
from ingest.journal import Journal
from ingest.levels import Levels
from ingest.near import Near
from ingest.news import News
from ingest.outage import STORE_AWAY
from ingest.pipeline import Pipeline
from ingest.signals import Signals
from ingest.user_feed import UserFeed
from store.pulse import Heartbeats

log = structlog.get_logger()

Gauge = float | Mapping[str, float]  # one value, or one for each socket

BEAT = 2.0  # seconds between two heartbeats
PROCESS = "ingest"


@dataclass(slots=True)
class Parts:
    """Everything whose health is shown; `news` and `user` come when there are credentials."""

    feed: Feed
    fold: Fold
    pipeline: Pipeline
    dispatch: Dispatch
    signals: Signals
    gaps: Gaps
    journal: Journal
    catalogue: Catalogue
    filling: Filling
    levels: Levels
    near: Near
    news: News | None = None
    user: UserFeed | None = None


class Health:
    """Gathers the counters of all parts."""

    def __init__(self, parts: Parts) -> None:
        """Look at these parts."""
        self._parts = parts

    def gauges(self) -> dict[str, Gauge]:
        """Return what goes up and down. Times in seconds; some have one value a socket."""
        parts, feed = self._parts, self._parts.feed.health()
        ordered = sorted(parts.feed.timings) or [0]
        return {
            "sockets": feed.sockets,
            "sockets_connected": feed.connected,
            "tokens_wanted": feed.wanted,
            "tokens_subscribed": feed.subscribed,
            "tokens_overdue": feed.overdue,
            "frames": feed.frames,
            "bytes": feed.bytes,
            "epochs": feed.epochs,
            "oldest_data_seconds": round(feed.oldest_data, 1),
            "dispatch_waiting": parts.dispatch.waiting,
            "fold_p50_seconds": ordered[len(ordered) // 2] / 1e9,
            "fold_p99_seconds": ordered[len(ordered) * 99 // 100] / 1e9,
            "above_at_first_sight": parts.fold.above_at_first,
            "socket_data_age_seconds": {
                str(number): one.data_age
                for number, one in feed.by_socket.items()
                if one.data_age is not None
            },
            "socket_missing_books": {
                str(number): one.missing for number, one in feed.by_socket.items()
            },
            **self._of_user(),
        }

    def _of_user(self) -> dict[str, Gauge]:
        """Return the state of the user socket; PONG counts: orders may rest for hours."""
        if self._parts.user is None:
            return {}
        health = self._parts.user.stream.health
        found: dict[str, Gauge] = {
            "user_connected": int(health.connected),
            "user_epochs": health.connects,
        }
        if health.connected:
            found["user_heard_age_seconds"] = round(time.monotonic() - health.heard_at, 1)
        return found

    def counters(self) -> dict[str, Mapping[str, int]]:
        """Return what only grows, by name and label."""
        parts = self._parts
        found: dict[str, Mapping[str, int]] = {
            "unknown_kinds": parts.feed.decoder.unknown,
            "malformed": parts.feed.decoder.malformed,
            "odd": parts.fold.odd,
            "pipeline": parts.pipeline.counts,
            "dispatch": parts.dispatch.counts,
            "signals": parts.signals.counts,
            "gaps": parts.gaps.counts,
            "rows": parts.journal.counts,
            "catalogue": parts.catalogue.counts,
            "filling": parts.filling.counts,
            "levels": parts.levels.counts,
            "near": parts.near.counts,
            "reconnects": parts.feed.ends(),
        }
        if parts.news is not None:
            found["user"] = parts.news.counts
        if parts.user is not None:
            found["user_reconnects"] = parts.user.stream.health.ends
        return found

    def counted(self) -> dict[str, Mapping[str, int]]:
        """Return the counters as they are now, for somebody who reads them later."""
        return {name: dict(counts) for name, counts in self.counters().items()}

    def picture(self) -> dict[str, Any]:
        """Return all of it as plain JSON; empty counters are left out."""
        counted = {name: counts for name, counts in self.counted().items() if counts}
        return {**self.gauges(), **counted}

    async def beat(self, heartbeats: Heartbeats, instance: str) -> None:
        """Write the heartbeat row every few seconds, until cancelled."""
        while True:
            try:
                await heartbeats.beat(PROCESS, instance, utc_now(), self.picture())
            except STORE_AWAY as error:
                log.warning("store_away", error=repr(error)[:200])
            await asyncio.sleep(BEAT)
