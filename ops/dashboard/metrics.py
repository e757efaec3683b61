"""Metrics: money, trades and health in Prometheus form, read from the store when asked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from ops.dashboard.desk import Desk
from ops.dashboard.pages.overview import BEGINNING
from ops.health.report import Status
from store.account import Account
from store.desk_standing import Standing
from store.pulse import Heartbeats, SyncOutcome, SyncRuns

PREFIX = "touchline_"
LEVEL = {Status.HEALTHY: 0, Status.WARNING: 1, Status.DEGRADED: 2, Status.UNHEALTHY: 3}


@dataclass(eq=False)
class Snapshot(Collector):
    """Gauges without labels, and two families with one label each."""

    gauges: dict[str, tuple[str, object]] = field(default_factory=dict)
    health: dict[str, int] = field(default_factory=dict)
    beats: dict[str, float] = field(default_factory=dict)  # seconds since
    results: dict[str, int] = field(default_factory=dict)

    def collect(self) -> Iterator[Metric]:
        """Yield every metric of this moment."""
        for name, (text, value) in self.gauges.items():
            gauge = GaugeMetricFamily(PREFIX + name, text)
            gauge.add_metric([], float("nan") if value is None else float(str(value)))
            yield gauge
        health = GaugeMetricFamily(
            PREFIX + "health", "0 healthy, 1 warning, 2 degraded, 3 unhealthy", labels=["check"]
        )
        for check, level in self.health.items():
            health.add_metric([check], level)
        yield health
        beats = GaugeMetricFamily(
            PREFIX + "heartbeat_age_seconds", "age of the last sign of life", labels=["process"]
        )
        for process, age in self.beats.items():
            beats.add_metric([process], age)
        yield beats
        exits = CounterMetricFamily(PREFIX + "exits", "exits by result", labels=["result"])
        for result, count in self.results.items():
            exits.add_metric([result], count)
        yield exits


async def snapshot(desk: Desk) -> Snapshot:
    """Return the figures of now. Dollars; ages in seconds; NaN is unknown."""
    now = desk.clock()
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    account = await Account(desk.pool).get(desk.mode)
    standing = Standing(desk.pool)
    result = await standing.result(desk.mode, BEGINNING, midnight)
    facts = await standing.facts(
        desk.mode, now - desk.settings.pace.escalate_after, now - timedelta(hours=1), now
    )
    report = await desk.health.report()
    syncs = await SyncRuns(desk.pool).recent(desk.mode)
    good = (SyncOutcome.CLEAN, SyncOutcome.REPAIRED)
    ended = [run.ended_at for run in syncs if run.outcome in good and run.ended_at]
    found = Snapshot()
    found.gauges = {
        "balance_usd": ("the venue's balance", account.balance),
        "reserved_usd": ("promised to open buys", account.reserved + account.fee_reserved),
        "position_cost_usd": ("cost of what is held", account.position_cost),
        "open_slots": ("trades that count against the limit", account.open_slots),
        "max_positions": ("the limit", desk.settings.risk.max_positions),
        "profit_usd": ("booked profit, net of fees", result.profit),
        "profit_today_usd": ("booked since midnight UTC", result.today),
        "unknown_orders": ("orders of unknown fate", facts.unknown_orders),
        "touches_lost": ("unseen or missed in the last hour", facts.unseen + facts.missed),
        "alerts_queued": ("alerts not delivered yet", facts.undelivered),
        "halted": ("0 active, 1 reducing, 2 halted", _halt_level(account.halt.value)),
        "healthy": ("1 unless something is unhealthy", int(report.overall != Status.UNHEALTHY)),
        "reconciled_age_seconds": (
            "since the last complete reconciliation",
            (now - max(ended)).total_seconds() if ended else None,
        ),
    }
    found.health = {f.check: LEVEL[f.status] for f in report.findings}
    for beat in await Heartbeats(desk.pool).all(now - timedelta(hours=1)):
        age = max((now - beat.at).total_seconds(), 0.0)
        found.beats[beat.process] = min(age, found.beats.get(beat.process, age))
    found.results = {"won": result.won, "lost": result.lost, "unknown": result.unknown}
    return found


def _halt_level(state: str) -> int:
    return ("active", "reducing", "halted").index(state)


async def exposition(desk: Desk) -> bytes:
    """Return the text that Prometheus reads."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(await snapshot(desk))
    return generate_latest(registry)
