"""Fault matrix O2: settings are read once, at the start; each decision says which were in force."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import WorkflowFailureError

from settings.errors import SettingsError
from settings.load import load_settings
from store.decisions import Decisions
from store.orders import Orders
from tests.house import House
from tests.whole.conftest import Opener


async def refused(house: House) -> Any:
    """Return the decision on a touch that was not bought."""
    shown = house.market()
    trade = await house.trade(house.touch(shown, size="50"))
    with pytest.raises(WorkflowFailureError):
        await asyncio.wait_for(trade.result(), 60)
    (row,) = await Decisions(house.desk.pool).of_condition(shown.condition_id)
    assert await Orders(house.desk.pool).of_workflow(trade.id) == []
    return row


async def test_a_file_that_changes_changes_nothing_until_the_next_start(
    houses: Opener, tmp_path: Path
) -> None:
    """Neither a wrong value nor another threshold reaches a process that runs."""
    async with houses("strategy.min_trade_size=60") as house:
        file = tmp_path / "touchline.toml"
        for text in ('[strategy]\nmin_trade_size = "few"\n', "[strategy]\nmin_trade_size = 10\n"):
            file.write_text(text)
            row = await refused(house)
            assert row.decision.filter == "trade_size"
            assert row.settings_hash == house.settings.rules_hash
        assert load_settings(environ={}, folder=tmp_path).rules_hash != row.settings_hash


def test_a_wrong_file_keeps_the_next_process_from_starting_and_says_why(tmp_path: Path) -> None:
    (tmp_path / "touchline.toml").write_text("[trigger]\nthreshold = 1.5\nmax_agee = 1\n")
    with pytest.raises(SettingsError) as failure:
        load_settings(environ={}, folder=tmp_path)
    assert "trigger.max_agee" in str(failure.value)
    (tmp_path / "touchline.toml").write_text("[trigger]\nthreshold = 1.5\n")
    with pytest.raises(SettingsError) as failure:
        load_settings(environ={}, folder=tmp_path)
    assert "trigger.threshold" in str(failure.value) and "less than 1" in str(failure.value)


async def test_two_processes_with_different_thresholds_sign_their_decisions_differently(
    houses: Opener,
) -> None:
    hashes = set()
    for size in ("60", "70"):
        async with houses(f"strategy.min_trade_size={size}") as house:
            row = await refused(house)
            assert row.settings_hash == house.settings.rules_hash
            hashes.add(row.settings_hash)
    assert len(hashes) == 2
