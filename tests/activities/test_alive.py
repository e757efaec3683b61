"""activities/alive.py: long work heartbeats, so that a killed worker is noticed in seconds."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from temporalio.testing import ActivityEnvironment

import activities.alive
from activities.alive import EVERY, alive
from tests.waiting import eventually
from workflows import alerts, reconcile
from workflows.options import SILENCE


async def test_long_work_heartbeats_until_it_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(activities.alive, "EVERY", 0.01)
    environment, beats = ActivityEnvironment(), 0

    def beat(*_: object) -> None:
        nonlocal beats
        beats += 1

    async def twice() -> bool:
        return beats >= 2

    async def work() -> None:
        before = asyncio.all_tasks()
        async with alive():
            await eventually(twice)
        await eventually(lambda: asyncio.all_tasks() == before)  # nobody is left who would beat

    environment.on_heartbeat = beat
    await environment.run(work)


def test_the_death_of_a_worker_is_noticed_long_before_its_work_would_be_too_slow() -> None:
    for config in (reconcile.READ, alerts.DELIVER):
        assert config["heartbeat_timeout"] == SILENCE
        assert config["start_to_close_timeout"] is not None
        assert SILENCE * 4 < config["start_to_close_timeout"]
    assert timedelta(seconds=3 * EVERY) < SILENCE
