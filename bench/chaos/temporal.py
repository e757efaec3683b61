"""A small Temporal in this process: runs the real workflow code on our clock.

It keeps what the story relies on: attempts with time-outs, back-off and their own next delay,
cancellation of waiters while an attempt goes on, local activities that begin again after the
death of a worker, signals, updates, continue-as-new, the id policies of ingest, termination.
It does not replay histories: `tests/workflows` and the whole-stack variant do.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, NoReturn
from weakref import WeakSet

from temporalio import activity, workflow
from temporalio.client import WorkflowExecutionStatus
from temporalio.common import RetryPolicy
from temporalio.exceptions import (
    ActivityError,
    ApplicationError,
    CancelledError,
    RetryState,
    TimeoutType,
    WorkflowAlreadyStartedError,
)
from temporalio.exceptions import TimeoutError as ActivityTimeout
from temporalio.service import RPCError, RPCStatusCode
from temporalio.testing import ActivityEnvironment

from bench.chaos.clock import epoch
from bench.chaos.nemesis import Attempt, Died, Nemesis, current

TASK_TIMEOUT = 10.0  # seconds until the server gives the work of a dead worker to another
HISTORY = 20  # events; a seed that renews answers `LONG` once
LONG = 5_000

_running: ContextVar[Run | None] = ContextVar("run", default=None)


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
        token = _running.set(self)
        try:
            return act()
        finally:
            _running.reset(token)
            self.poke()


class Server:
    """Runs workflows; `activities` are the bound methods a worker registers."""

    def __init__(self, activities: list[Callable[..., Any]], nemesis: Nemesis) -> None:
        self._by_name = {_name(method): method for method in activities}
        self.nemesis = nemesis
        self.runs: dict[str, Run] = {}
        self.all: list[Run] = []
        self.max_history = 0
        self.renewing = False
        loop = asyncio.get_running_loop()
        workflow._Runtime.set_on_loop(loop, _Runtime())  # type: ignore[abstract]  # the SDK finds its runtime there
        self._client: Any = SimpleNamespace(get_workflow_handle=self._handle)

    def start(self, kind: type[Any], argument: Any, workflow_id: str) -> Run:
        """Start a workflow as ingest does: one run at a time, a new one only after a failure.

        Raises:
            WorkflowAlreadyStartedError: the id runs, or completed.
        """
        last = self.runs.get(workflow_id)
        if last is not None and last.status in (
            WorkflowExecutionStatus.RUNNING,
            WorkflowExecutionStatus.COMPLETED,
        ):
            raise WorkflowAlreadyStartedError(workflow_id, kind.__name__)
        return self._begin(kind, argument, workflow_id, "")

    def signal(self, workflow_id: str, name: str, argument: Any) -> bool:
        """Deliver a signal; False when nobody runs."""
        run = self.runs.get(workflow_id)
        if run is None or not run.open:
            return False
        run.act(lambda: getattr(run.instance, name)(argument))
        return True

    def update(self, workflow_id: str, validator: str, name: str, argument: Any) -> bool:
        """Send an update; False when it is refused or nobody runs."""
        run = self.runs.get(workflow_id)
        if run is None or not run.open:
            return False
        try:
            if validator:
                run.act(lambda: getattr(run.instance, validator)(argument))
            run.act(lambda: getattr(run.instance, name)(argument))
        except ValueError:
            return False
        return True

    def cancel(self, workflow_id: str) -> None:
        """Ask a workflow to stop."""
        run = self.runs.get(workflow_id)
        if run is not None and run.open and run.task is not None:
            run.task.cancel()
            run.poke()

    def terminate(self, workflow_id: str) -> None:
        """End a workflow without a word."""
        run = self.runs.get(workflow_id)
        if run is None or not run.open:
            return
        run.status = WorkflowExecutionStatus.TERMINATED
        for task in list(run.tasks):
            if task not in run.attempts:
                task.cancel()

    @property
    def busy(self) -> list[Run]:
        """Return the runs that have not ended."""
        return [run for run in self.all if run.open]

    def _begin(self, kind: type[Any], argument: Any, workflow_id: str, first: str) -> Run:
        run_id = f"run-{len(self.all) + 1}"
        run = Run(self, workflow_id, run_id, first or run_id, kind, argument)
        self.runs[workflow_id] = run
        self.all.append(run)
        token = _running.set(run)
        try:
            run.task = asyncio.create_task(self._live(run))
        finally:
            _running.reset(token)
        return run

    async def _live(self, run: Run) -> None:
        try:
            run.instance = run.kind(run.argument) if _takes_start(run.kind) else run.kind()
            run.result = await run.instance.run(run.argument)
            self._end(run, WorkflowExecutionStatus.COMPLETED)
        except Renewed as renewed:
            self._end(run, WorkflowExecutionStatus.CONTINUED_AS_NEW)
            follower = self._begin(run.kind, renewed.argument, run.workflow_id, run.first_run_id)
            follower.renewals = run.renewals + 1
        except asyncio.CancelledError:
            self._end(run, WorkflowExecutionStatus.CANCELED)
        except (ApplicationError, ActivityError) as error:
            run.error = error
            self._end(run, WorkflowExecutionStatus.FAILED)
        except Exception as error:  # a bug of the story: the server would retry it for ever
            run.error = error
            run.status = WorkflowExecutionStatus.TIMED_OUT
            self.nemesis.note(f"{run.workflow_id} broke: {error!r}")

    def _end(self, run: Run, status: WorkflowExecutionStatus) -> None:
        if run.open:
            run.status = status
        self.max_history = max(self.max_history, run.history)

    def _handle(self, workflow_id: str) -> Any:
        async def describe() -> Any:
            run = self.runs.get(workflow_id)
            if run is None:
                raise RPCError("not found", RPCStatusCode.NOT_FOUND, b"")
            return SimpleNamespace(status=run.status)

        return SimpleNamespace(describe=describe)

    def schedule(self, run: Run, method: Callable[..., Any], argument: Any, how: _How) -> Handle:
        """Begin an activity for a run."""
        name = _name(method)
        run.history += 1 if how.local else 6
        handle = Handle(name)
        task = asyncio.create_task(self._attempts(run, handle, self._by_name[name], argument, how))
        run.attempts.add(task)
        task.add_done_callback(run.attempts.discard)
        return handle

    async def _attempts(
        self, run: Run, handle: Handle, method: Callable[..., Any], argument: Any, how: _How
    ) -> None:
        """Attempt until it is done, refused for good, out of time, or not wanted any more."""
        _running.set(None)
        loop = asyncio.get_running_loop()
        begun, number, beats = loop.time(), 0, []  # type: float, int, list[Any]
        label = f"{run.workflow_id[-14:]}/{handle.name}"
        await asyncio.sleep(self.nemesis.draw(f"dispatch:{label}").uniform(0.001, 0.02))
        while not handle.done() and run.open:
            number += 1
            fate = self.nemesis.attempt(f"{label}#{number}")
            tried = asyncio.create_task(self._attempt(run, method, argument, fate, number, beats))
            limit = TASK_TIMEOUT if how.local else how.start_to_close
            done, _ = await asyncio.wait({tried}, timeout=None if how.local else limit)
            error = tried.exception() if done else None
            if done and error is None:
                return _answer(run, handle, tried.result())
            if isinstance(error, Died) or not done:  # nobody answers: the server finds out late
                spent = loop.time() - begun if how.local else 0
                await asyncio.sleep(min(limit, max(limit - spent, 0.1)) if done else 0)
                error = ActivityTimeout(
                    "timed out", type=TimeoutType.START_TO_CLOSE, last_heartbeat_details=[]
                )
                if how.local:
                    begun, number = loop.time(), 0  # the task begins again, and the activity
            pause = how.pause(error, number, loop.time() - begun)
            if pause is None:
                return _fail(run, handle, error)
            await asyncio.sleep(pause)

    async def _attempt(
        self,
        run: Run,
        method: Callable[..., Any],
        argument: Any,
        fate: Attempt,
        number: int,
        beats: list[Any],
    ) -> Any:
        current.set(fate)
        environment = ActivityEnvironment(client=self._client)
        environment.info = replace(
            environment.info,
            attempt=number,
            heartbeat_details=list(beats),
            workflow_id=run.workflow_id,
            workflow_run_id=run.run_id,
        )

        def beat(*details: Any) -> None:
            beats[:] = details

        environment.on_heartbeat = beat
        await self.nemesis.step("start")
        result = await environment.run(method, argument)
        await self.nemesis.step("end")
        return result


@dataclass
class _How:
    """The options of one activity call."""

    local: bool
    policy: RetryPolicy
    start_to_close: float
    schedule_to_close: float | None

    def pause(self, error: BaseException | None, number: int, spent: float) -> float | None:
        """Return seconds until the next attempt, or None when there is none."""
        if isinstance(error, ApplicationError):
            refused = self.policy.non_retryable_error_types or ()
            if error.non_retryable or error.type in refused:
                return None
        if self.policy.maximum_attempts and number >= self.policy.maximum_attempts:
            return None
        first = self.policy.initial_interval.total_seconds()
        pause = first * self.policy.backoff_coefficient ** max(number - 1, 0)
        longest = self.policy.maximum_interval
        pause = min(pause, longest.total_seconds() if longest else first * 100)
        if isinstance(error, ApplicationError) and error.next_retry_delay is not None:
            pause = error.next_retry_delay.total_seconds()
        if self.schedule_to_close is not None and spent + pause > self.schedule_to_close:
            return None
        return pause


class _Runtime(workflow._Runtime):
    """What `temporalio.workflow` asks of the workflow it is called in."""

    @property
    def logger_details(self) -> Mapping[str, Any]:
        return {}

    def workflow_all_handlers_finished(self) -> bool:
        return True

    def workflow_continue_as_new(self, *args: Any, **_: Any) -> NoReturn:
        raise Renewed(args[0])

    def workflow_get_current_history_length(self) -> int:
        run = _here()
        if run.server.renewing and run.renewals < 1:
            return LONG
        return HISTORY

    def workflow_get_external_workflow_handle(self, id: str, *, run_id: str | None) -> Any:
        server = _here().server

        async def signal(method: Any, argument: Any) -> None:
            if not server.signal(id, method.__name__, argument):
                raise ApplicationError(f"expected {id} to run, was gone")

        return SimpleNamespace(signal=signal)

    def workflow_info(self) -> Any:
        run = _here()
        return SimpleNamespace(
            workflow_id=run.workflow_id,
            run_id=run.run_id,
            first_execution_run_id=run.first_run_id,
            get_current_history_length=self.workflow_get_current_history_length,
        )

    def workflow_is_replaying(self) -> bool:
        return False

    def workflow_is_replaying_history_events(self) -> bool:
        return False

    def workflow_start_activity(self, activity: Any, *args: Any, **how: Any) -> Any:
        run = _here()
        return run.server.schedule(run, activity, args[0], _how(how, local=False))

    def workflow_start_local_activity(self, activity: Any, *args: Any, **how: Any) -> Any:
        run = _here()
        return run.server.schedule(run, activity, args[0], _how(how, local=True))

    async def workflow_start_child_workflow(self, workflow: Any, *args: Any, **how: Any) -> Any:
        server = _here().server
        kind = getattr(
            __import__("sys").modules[workflow.__module__], workflow.__qualname__.split(".")[0]
        )
        return server.start(kind, args[0], how["id"])

    def workflow_time_ns(self) -> int:
        return int(epoch() * 1e9)

    def workflow_upsert_search_attributes(self, attributes: Any, **_: Any) -> None:
        _here().history += 1

    async def workflow_sleep(self, duration: float, **_: Any) -> None:
        _here().history += 2
        await asyncio.sleep(duration)

    async def workflow_wait_condition(
        self, fn: Callable[[], bool], *, timeout: float | None = None, **_: Any
    ) -> None:
        run = _here()
        if fn():
            return
        run.history += 0 if timeout is None else 2
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        run.waiting.append((fn, future))
        try:
            await asyncio.wait_for(future, timeout)
        finally:
            with contextlib.suppress(ValueError):
                run.waiting.remove((fn, future))

    def workflow_set_current_details(self, details: str) -> None:
        pass

    def workflow_get_current_details(self) -> str:
        return ""

    def workflow_is_failure_exception(self, err: BaseException) -> bool:
        return isinstance(err, ApplicationError | ActivityError)


# Whatever else the SDK may ask is not used by our workflows; asking for it fails loudly.
def _missing(name: str) -> Callable[..., Any]:
    def refuse(*_: Any, **__: Any) -> Any:
        raise NotImplementedError(f"the small Temporal does not know {name}")

    return refuse


for _asked in _Runtime.__abstractmethods__:
    setattr(_Runtime, _asked, _missing(_asked))
_Runtime.__abstractmethods__ = frozenset()


def of_run(task: asyncio.Task[Any]) -> None:
    """Note a new task as one of the run whose code made it."""
    run = _running.get()
    if run is not None:
        run.tasks.add(task)


def _here() -> Run:
    run = _running.get()
    assert run is not None, "called outside of a workflow"
    return run


def _name(method: Callable[..., Any]) -> str:
    return str(activity._Definition.must_from_callable(method).name)


def _takes_start(kind: type[Any]) -> bool:
    return bool(getattr(kind.__init__, "__temporal_workflow_init", False))


def _how(given: Mapping[str, Any], *, local: bool) -> _How:
    def seconds(value: timedelta | None) -> float | None:
        return None if value is None else value.total_seconds()

    return _How(
        local=local,
        policy=given.get("retry_policy") or RetryPolicy(),
        start_to_close=seconds(given.get("start_to_close_timeout")) or 10.0,
        schedule_to_close=seconds(given.get("schedule_to_close_timeout")),
    )


def _answer(run: Run, handle: Handle, result: Any) -> None:
    if not handle.done():
        handle.set_result(result)
    run.poke()


def _fail(run: Run, handle: Handle, error: BaseException | None) -> None:
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
