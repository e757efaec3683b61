"""Histories of every release replay on this code: a deploy must not strand an open trade.

Record those of a release with `TOUCHLINE_RECORD_HISTORIES=tests/histories/VERSION ./touchline
test tests/workflows/test_trade.py`, once, when it is cut; never change them afterwards.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from temporalio.client import WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Replayer

from worker.runner import sandboxed
from workflows.trade import TradeWorkflow

FOLDER = Path(__file__).parents[1] / "histories"
HISTORIES = sorted(FOLDER.rglob("*.json"))


def test_there_are_histories_of_all_paths() -> None:
    assert len(HISTORIES) >= 20


@pytest.mark.parametrize("path", HISTORIES, ids=lambda p: f"{p.parent.name}-{p.stem}")
async def test_a_stored_history_replays(path: Path) -> None:
    replayer = Replayer(
        workflows=[TradeWorkflow],
        data_converter=pydantic_data_converter,
        workflow_runner=sandboxed(),
    )
    history = WorkflowHistory.from_json(path.stem, path.read_text())
    result = await replayer.replay_workflow(history, raise_on_replay_failure=False)
    assert result.replay_failure is None
