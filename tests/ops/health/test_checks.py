"""ops/health: every check, made to fire."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleIntervalSpec,
    ScheduleSpec,
    ScheduleState,
)

from domain.market import Mode
from domain.money import price, usd
from domain.rules import RiskRules
from domain.trade import HaltState
from ops.health import (
    balance,
    books,
    clock,
    disk,
    duties,
    halt,
    orders,
    outbox,
    positions,
    reconciliation,
    stream,
    touches,
    workers,
)
from ops.health.report import Finding, Status
from ops.health.run import CHECKS, CachedHealth, examine
from ops.health.scene import Scene
from store.account import Account
from store.alerts import Alerts, Priority
from store.pulse import Heartbeat, SyncOutcome, SyncRun
from store.touches import LostTouch, Touches, TouchKind
from tests.ops.health.scene import beat, make_well, now, scene
from tests.ops.traded import Morning

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
HEALTHY, WARNING = Status.HEALTHY, Status.WARNING
DEGRADED, UNHEALTHY = Status.DEGRADED, Status.UNHEALTHY


def beats(age: float = 1, shard: str = "0/1", **changes: object) -> list[Heartbeat]:
    detail: dict[str, object] = {
        "sockets": 1,
        "sockets_connected": 1,
        "tokens_wanted": 36,
        "frames": 1000,
        "oldest_data_seconds": 0.4,
        **changes,
    }
    at = NOW - timedelta(seconds=age)
    return [Heartbeat(process="ingest", instance=f"{shard} here 7", at=at, detail=detail)]


@pytest.mark.parametrize(
    ("found", "status"),
    [
        ([], UNHEALTHY),
        (beats(), HEALTHY),
        (beats(age=31), UNHEALTHY),
        (beats(age=-60), DEGRADED),
        (beats(frames=0), DEGRADED),
        (beats(oldest_data_seconds=None), DEGRADED),
        (beats(oldest_data_seconds=300), HEALTHY),
        (beats(oldest_data_seconds=300.1), DEGRADED),
        (beats(sockets_connected=0), UNHEALTHY),
        (beats(sockets=0, sockets_connected=0), UNHEALTHY),
        (beats(tokens_wanted=0), WARNING),
        ([Heartbeat(process="ingest", instance="0/1", at=NOW)], WARNING),
        (beats() + beats(frames=0), DEGRADED),
        (beats(tokens_overdue=0), HEALTHY),
        (beats(tokens_overdue=1), WARNING),
        (beats(tokens_overdue=300, tokens_wanted=30_000), HEALTHY),
        (beats(tokens_overdue=301, tokens_wanted=30_000), WARNING),
    ],
)
def test_a_stream_that_never_spoke_is_not_healthy(found: list[Heartbeat], status: Status) -> None:
    """MON-M1: none, null, zero, future and stale each have their answer."""
    assert stream.judge(found, NOW).status is status


@pytest.mark.parametrize(
    ("found", "text"),
    [
        (beats(shard="0/2") + beats(shard="1/2", age=300), "nobody runs shard 1/2"),
        (beats(shard="1/3") + beats(shard="1/3"), "nobody runs shard 0/3 and 2/3"),
        (beats(shard="0/2") + beats(shard="1/2"), None),
        (beats(shard="0/2") + beats(shard="0/2", age=300) + beats(shard="1/2"), None),
        (beats(shard="0/1") + beats(shard="0/2"), None),  # while the count is changed
        (beats(shard="of my own"), None),
    ],
)
def test_a_shard_that_nobody_runs_is_unhealthy_although_the_others_are_fine(
    found: list[Heartbeat], text: str | None
) -> None:
    """MON-M1: half of the markets unwatched is not half healthy."""
    seen = stream.judge(found, NOW)
    assert (seen.status, seen.text) == (UNHEALTHY, text) if text else seen.status is HEALTHY


@pytest.mark.parametrize(
    ("taken", "status"),
    [(0, HEALTHY), (44, HEALTHY), (45, WARNING), (50, WARNING), (51, UNHEALTHY)],
)
def test_positions_warn_at_nine_tenths_and_cry_above_the_limit(taken: int, status: Status) -> None:
    """MON-L1: 44, 45, 50 and 51 of 50."""
    assert positions.judge(taken, 50).status is status


async def test_positions_are_counted_with_pending_buys_and_claims(
    pool: Any, tmp_path: Path
) -> None:
    """MON-L1: one held, one of unknown fate, on the real rows."""
    await Morning(pool).whole()
    risk = RiskRules(max_positions=2)
    found = await positions.check(scene(pool, tmp_path, risk=risk))
    assert (found.status, found.text) == (WARNING, "2 of 2 positions")
    found = await positions.check(scene(pool, tmp_path, risk=RiskRules(max_positions=1)))
    assert found.status is UNHEALTHY


@pytest.mark.parametrize(
    ("dollars", "age_s", "status"),
    [
        (None, 0, DEGRADED),
        ("9.99", 0, UNHEALTHY),
        ("10", 0, DEGRADED),
        ("49.99", 0, DEGRADED),
        ("50", 0, WARNING),
        ("99.99", 0, WARNING),
        ("100", 0, WARNING),  # no rung, but all of it is the reserve floor
        ("101", 0, HEALTHY),
        ("101", 300, HEALTHY),
        ("101", 301, WARNING),
    ],
)
async def test_the_balance_has_a_ladder_and_an_age(
    pool: Any, tmp_path: Path, dollars: str | None, age_s: int, status: Status
) -> None:
    """Q10, XD-13, XD-15: an unknown balance is not zero, and not healthy either."""
    amount = None if dollars is None else usd(dollars)
    await Account(pool).set_balance(Mode.PAPER, amount, NOW)
    later = NOW + timedelta(seconds=age_s)
    found = await balance.check(scene(pool, tmp_path, clock=lambda: later))
    assert found.status is status


async def test_a_balance_that_is_all_reserved_is_told(pool: Any, tmp_path: Path) -> None:
    """Q10: tradeable 0 lets nothing be bought, however much lies there."""
    await Account(pool).set_balance(Mode.PAPER, usd(500), NOW)
    risk = RiskRules(reserve_floor=usd(500))
    found = await balance.check(scene(pool, tmp_path, risk=risk, clock=lambda: NOW))
    assert (found.status, "promised or reserved" in found.text) == (WARNING, True)


async def test_an_order_of_unknown_fate_is_told_after_a_minute(pool: Any, tmp_path: Path) -> None:
    await Morning(pool).whole()
    early = scene(pool, tmp_path, clock=lambda: NOW + timedelta(seconds=30))
    assert (await orders.check(early)).status is HEALTHY
    found = await orders.check(scene(pool, tmp_path, clock=lambda: NOW + timedelta(minutes=2)))
    assert found.status is UNHEALTHY
    assert found.text.startswith("1 of unknown fate, the oldest since 09:00:00")


async def test_lost_touches_of_the_last_hour_are_told(pool: Any, tmp_path: Path) -> None:
    lost = LostTouch(
        mode=Mode.PAPER,
        condition_id="0xa",
        token_id="1",
        threshold=price("0.95"),
        kind=TouchKind.UNSEEN,
        seen_at=NOW,
        reason="gap",
    )
    await Touches(pool).record([lost])
    here = scene(pool, tmp_path, clock=lambda: NOW + timedelta(minutes=59))
    assert (await touches.check(here)).status is WARNING
    later = scene(pool, tmp_path, clock=lambda: NOW + timedelta(minutes=61))
    assert (await touches.check(later)).status is HEALTHY


def run(age_s: float, outcome: SyncOutcome | None, dry: bool = False) -> SyncRun:
    ended = None if outcome is None else NOW - timedelta(seconds=age_s)
    return SyncRun(
        sync_id=1,
        run_key="k",
        mode=Mode.PAPER,
        kind="full",
        dry_run=dry,
        started_at=NOW - timedelta(seconds=age_s),
        ended_at=ended,
        outcome=outcome,
        counts={},
        differences=[],
    )


@pytest.mark.parametrize(
    ("runs", "status"),
    [
        ([], DEGRADED),
        ([run(1, SyncOutcome.CLEAN)], HEALTHY),
        ([run(1, SyncOutcome.REPAIRED)], HEALTHY),
        ([run(1, None), run(60, SyncOutcome.CLEAN)], HEALTHY),
        ([run(1, SyncOutcome.REFUSED)], DEGRADED),
        ([run(1, SyncOutcome.FAILED), run(181, SyncOutcome.CLEAN)], WARNING),
        ([run(601, SyncOutcome.CLEAN)], UNHEALTHY),
        ([run(1, SyncOutcome.CLEAN, dry=True)], DEGRADED),
    ],
)
def test_reconciliation_is_only_as_young_as_its_last_complete_run(
    runs: list[SyncRun], status: Status
) -> None:
    """XD-13: observed to run."""
    assert reconciliation.judge(runs, timedelta(minutes=1), NOW).status is status


async def test_a_clock_that_is_wrong_is_told_against_database_and_venue(
    pool: Any, tmp_path: Path
) -> None:
    async def venue() -> datetime:
        return now() + timedelta(seconds=5)

    assert (await clock.check(scene(pool, tmp_path))).status is HEALTHY
    found = await clock.check(scene(pool, tmp_path, venue_time=venue))
    assert found.status is WARNING and "venue" in found.text
    wrong = scene(pool, tmp_path, clock=lambda: now() - timedelta(seconds=11))
    assert (await clock.check(wrong)).status is UNHEALTHY


@pytest.mark.parametrize(
    ("used", "free", "status"),
    [
        (50.0, 2**30, HEALTHY),
        (98.0, 6 * 2**30, HEALTHY),
        (90.0, 2**30, WARNING),
        (97.0, 2**30, UNHEALTHY),
    ],
)
def test_a_full_disk_is_told(used: float, free: int, status: Status) -> None:
    assert disk.judge(used, free).status is status


async def test_a_halt_that_somebody_forgot_is_told(pool: Any, tmp_path: Path) -> None:
    here = scene(pool, tmp_path)
    assert (await halt.check(here)).status is HEALTHY
    await Account(pool).halt(Mode.PAPER, HaltState.REDUCING, "ann", "odd books", NOW)
    found = await halt.check(here)
    assert found.status is WARNING and "odd books" in found.text


async def test_alerts_that_reached_nobody_are_told(pool: Any, tmp_path: Path) -> None:
    await Alerts(pool).put("k", Priority.HIGH, "t", "x", timedelta(minutes=1), NOW)
    early = scene(pool, tmp_path, clock=lambda: NOW + timedelta(minutes=4))
    assert (await outbox.check(early)).status is HEALTHY
    late = scene(pool, tmp_path, clock=lambda: NOW + timedelta(minutes=6))
    assert (await outbox.check(late)).status is DEGRADED


async def test_totals_that_drift_from_their_rows_are_told(pool: Any, tmp_path: Path) -> None:
    await Morning(pool).whole()
    here = scene(pool, tmp_path)
    assert (await books.check(here)).status is HEALTHY
    await pool.execute(
        "UPDATE account SET position_cost = position_cost + $1 WHERE mode = 'paper'", Decimal(1)
    )
    assert (await books.check(here)).status is UNHEALTHY


async def test_a_queue_without_workers_is_unhealthy(
    pool: Any, tmp_path: Path, temporal_client: Client
) -> None:
    here = scene(pool, tmp_path, temporal_client, task_queue="nobody-works-here")
    found = await workers.check(here)
    assert found.status is UNHEALTHY and "nobody-works-here" in found.text
    assert (await workers.check(scene(pool, tmp_path))).status is UNHEALTHY


async def test_a_duty_that_is_missing_paused_or_never_ran_is_told(
    pool: Any, tmp_path: Path, temporal_client: Client
) -> None:
    """XD-13: each scheduled duty is observed to run."""
    action = ScheduleActionStartWorkflow("NoWorkflow", id="duty-run", task_queue="nobody")
    handle = await temporal_client.create_schedule(
        "duty-test",
        Schedule(
            action=action,
            spec=ScheduleSpec(intervals=[ScheduleIntervalSpec(every=timedelta(hours=10))]),
            state=ScheduleState(paused=True),
        ),
    )
    here = scene(pool, tmp_path, temporal_client, duties=("duty-test", "duty-none"))
    found = await duties.check(here)
    assert found.text == "duty-test is paused; duty-none has no schedule"
    await handle.unpause()
    fine = scene(pool, tmp_path, temporal_client, duties=("duty-test",))
    assert (await duties.check(fine)).status is HEALTHY
    late = scene(
        pool,
        tmp_path,
        temporal_client,
        duties=("duty-test",),
        clock=lambda: now() + timedelta(hours=31),
    )
    assert (await duties.check(late)).text == "duty-test never ran"
    await handle.delete()


async def test_all_checks_of_a_healthy_installation_are_healthy(
    pool: Any, tmp_path: Path, temporal_client: Client
) -> None:
    await make_well(pool)
    report = await examine(scene(pool, tmp_path, temporal_client))
    troubles = {finding.check: finding.text for finding in report.troubles}
    assert set(troubles) <= {"workers", "disk"}  # no worker here, and perhaps a full disk
    assert {finding.check for finding in report.findings} == set(CHECKS)
    await beat(pool, frames=0)
    report = await examine(scene(pool, tmp_path, temporal_client))
    assert "stream" in {finding.check for finding in report.troubles}


async def test_without_a_database_and_temporal_there_is_a_report_all_the_same(
    pool: Any, tmp_path: Path
) -> None:
    await pool.close()
    report = await examine(scene(pool, tmp_path))
    assert report.overall is UNHEALTHY
    assert {f.check for f in report.troubles} >= {"database", "temporal", "workers", "stream"}


async def test_a_check_that_hangs_or_breaks_is_unhealthy_and_holds_no_other_up(
    pool: Any, tmp_path: Path
) -> None:
    async def hangs(_: Scene) -> Finding:
        await asyncio.Event().wait()
        raise AssertionError

    async def breaks(_: Scene) -> Finding:
        raise ValueError("expected a table, was none")

    async def well(_: Scene) -> Finding:
        return Finding(check="well", status=HEALTHY, text="well")

    checks: dict[str, Callable[[Scene], Awaitable[Finding]]] = {
        "hangs": hangs,
        "breaks": breaks,
        "well": well,
    }
    report = await examine(scene(pool, tmp_path), checks, budget=0.05)
    assert [f.text for f in report.findings] == [
        "no answer within 0.05 s",
        "ValueError: expected a table, was none",
        "well",
    ]
    assert report.overall is UNHEALTHY


async def test_a_warning_alone_makes_the_whole_degraded(pool: Any, tmp_path: Path) -> None:
    async def warns(_: Scene) -> Finding:
        return Finding(check="w", status=WARNING, text="soon")

    assert (await examine(scene(pool, tmp_path), {"w": warns})).overall is DEGRADED


async def test_many_readers_share_one_report(pool: Any, tmp_path: Path) -> None:
    asked = 0

    def here() -> Scene:
        nonlocal asked
        asked += 1
        return scene(pool, tmp_path)

    health = CachedHealth(here, fresh=60)
    reports = await asyncio.gather(*(health.report() for _ in range(20)))
    assert asked == 1 and len({id(report) for report in reports}) == 1
