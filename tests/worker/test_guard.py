"""worker/guard.py"""

from __future__ import annotations

import pytest
from temporalio import activity
from temporalio.exceptions import ApplicationError
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput

from activities.messages import ReconcileRequest, TradeKey
from domain.market import Mode
from domain.money import price
from worker.guard import ModeGuard, mode_of


class Ran(ActivityInboundInterceptor):
    """The activity behind the guard."""

    def __init__(self) -> None:
        self.ran = False

    async def execute_activity(self, input: ExecuteActivityInput) -> object:
        self.ran = True
        return "done"


def key(mode: Mode) -> TradeKey:
    return TradeKey(
        mode=mode,
        workflow_id="w",
        owner="r",
        condition_id="0xc",
        token_id="7",
        threshold=price("0.95"),
    )


@activity.defn
async def anything(request: object) -> None:
    """Stand for any activity."""


def asked(*requests: object) -> ExecuteActivityInput:
    return ExecuteActivityInput(fn=anything, args=list(requests), executor=None, headers={})


async def test_a_worker_of_play_money_never_serves_a_live_trade() -> None:
    behind = Ran()
    guarded = ModeGuard(Mode.PAPER).intercept_activity(behind)
    with pytest.raises(ApplicationError, match="expected a request of mode paper, was live") as e:
        await guarded.execute_activity(asked(key(Mode.LIVE)))
    assert not behind.ran and not e.value.non_retryable


async def test_its_own_mode_and_requests_without_one_pass() -> None:
    behind = Ran()
    guarded = ModeGuard(Mode.LIVE).intercept_activity(behind)
    assert await guarded.execute_activity(asked(key(Mode.LIVE))) == "done"
    assert await guarded.execute_activity(asked("no mode at all")) == "done"
    assert behind.ran


def test_the_mode_is_found_in_the_request_or_in_its_key() -> None:
    assert mode_of(ReconcileRequest(mode=Mode.LIVE, run_key="r")) is Mode.LIVE
    assert mode_of(key(Mode.PAPER)) is Mode.PAPER
    assert mode_of(7) is None
