"""A run of a workflow, and an activity call as the run sees it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from temporalio import workflow
from temporalio.client import WorkflowExecutionStatus
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError, CancelledError, RetryState

if TYPE_CHECKING:
    from bench.chaos.temporal import Server

running: ContextVar[Run | None] = ContextVar("run", default=None)


class Renewed(workflow.ContinueAsNewError):
    """The run ends and the next begins with this argument."""

    def __init__(self, argument: object) -> None:
        super().__init__(argument)
        self.argument = argument


class Handle(asyncio.Future[Any]):
    """An activity as its workflow sees it: cancelling it is a request, answered at once."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name

    def cancel(self, msg: Any = None) -> bool:
        """Stop waiting; the attempt under way goes on where it runs."""
        if self.done():
            return False
        self.set_exception(
            _failure(self.name, CancelledError("cancelled"), RetryState.CANCEL_REQUESTED)
        )
        return True


@dataclass
class Run:
    """One run of one workflow."""

    server: Server
    workflow_id: str
    run_id: str
    first_run_id: str
    kind: type[Any]
    argument: Any
    status: WorkflowExecutionStatus = WorkflowExecutionStatus.RUNNING
    result: Any = None
    error: BaseException | None = None
    instance: Any = None
    task: asyncio.Task[Any] | None = None
    history: int = 0
    renewals: int = 0
    waiting: list[tuple[Callable[[], bool], asyncio.Future[None]]] = field(default_factory=list)
    attempts: set[asyncio.Task[None]] = field(default_factory=set)
    tasks: WeakSet[asyncio.Task[Any]] = field(default_factory=WeakSet)  # all of its code
    doing: dict[str, str] = field(default_factory=dict)  # activities under way, for a story

    @property
    def open(self) -> bool:
        """Return whether it runs."""
        return self.status is WorkflowExecutionStatus.RUNNING

    def poke(self, again: int = 8) -> None:
        """Look at the conditions that are waited for, as after every activation."""
        for condition, future in list(self.waiting):
            if not future.done() and condition():
                future.set_result(None)
        if again:
            asyncio.get_running_loop().call_soon(self.poke, again - 1)

    def act(self, act: Callable[[], Any]) -> Any:
        """Run a handler of the workflow in its context."""
        token = running.set(self)
        try:
            return act()
        finally:
            running.reset(token)
            self.poke()


@dataclass
class How:
    """The options of one activity call."""

    local: bool
    policy: RetryPolicy
    start_to_close: float
    schedule_to_close: float | None
    heartbeat: float | None = None

    def pause(self, error: BaseException | None, number: int, spent: float) -> float | None:
        """Return seconds until the next attempt, or None when there is none."""
        if isinstance(error, ApplicationError):
            refused = self.policy.non_retryable_error_types or ()
            if error.non_retryable or error.type in refused:
                return None
        if self.policy.maximum_attempts and number >= self.policy.maximum_attempts:
            return None
        first = self.policy.initial_interval.total_seconds()
        pause = first * self.policy.backoff_coefficient ** min(max(number - 1, 0), 60)
        longest = self.policy.maximum_interval
        pause = min(pause, longest.total_seconds() if longest else first * 100)
        if isinstance(error, ApplicationError) and error.next_retry_delay is not None:
            pause = error.next_retry_delay.total_seconds()
        if self.schedule_to_close is not None and spent + pause > self.schedule_to_close:
            return None
        return pause


def how_of(given: Mapping[str, Any], *, local: bool) -> How:
    def seconds(value: timedelta | None) -> float | None:
        return None if value is None else value.total_seconds()

    return How(
        local=local,
        policy=given.get("retry_policy") or RetryPolicy(),
        start_to_close=seconds(given.get("start_to_close_timeout")) or 10.0,
        schedule_to_close=seconds(given.get("schedule_to_close_timeout")),
        heartbeat=seconds(given.get("heartbeat_timeout")),
    )


def of_run(task: asyncio.Task[Any]) -> None:
    """Note a new task as one of the run whose code made it."""
    run = running.get()
    if run is not None:
        run.tasks.add(task)


def here() -> Run:
    run = running.get()
    assert run is not None, "called outside of a workflow"
    return run


def answer(run: Run, handle: Handle, result: Any) -> None:
    if not handle.done():
        handle.set_result(result)
    run.poke()


def fail(run: Run, handle: Handle, error: BaseException | None) -> None:
    if not handle.done():
        handle.set_exception(_failure(handle.name, error, RetryState.NON_RETRYABLE_FAILURE))
    run.poke()


def _failure(name: str, cause: BaseException | None, state: RetryState) -> ActivityError:
    error = ActivityError(
        "activity failed",
        scheduled_event_id=1,
        started_event_id=2,
        identity="chaos",
        activity_type=name,
        activity_id=name,
        retry_state=state,
    )
    error.__cause__ = cause
    return error
