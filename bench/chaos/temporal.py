"""A small Temporal in this process: runs the real workflow code on our clock.

It keeps what the story relies on: attempts with time-outs, back-off and their own next delay,
cancellation of waiters while an attempt goes on, local activities that begin again after the
death of a worker, signals, updates, continue-as-new, the id policies of ingest, termination.
It does not replay histories: `tests/workflows` and the whole-stack variant do.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

from temporalio import activity, workflow
from temporalio.client import WorkflowExecutionStatus
from temporalio.exceptions import (
    ActivityError,
    ApplicationError,
    TimeoutType,
    WorkflowAlreadyStartedError,
)
from temporalio.exceptions import TimeoutError as ActivityTimeout
from temporalio.service import RPCError, RPCStatusCode
from temporalio.testing import ActivityEnvironment

from bench.chaos.nemesis import Attempt, Died, Nemesis, current
from bench.chaos.runs import Handle, How, Renewed, Run, answer, fail, running
from bench.chaos.runtime import Runtime

TASK_TIMEOUT = 10.0  # seconds until the server gives the work of a dead worker to another


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
        workflow._Runtime.set_on_loop(loop, Runtime())  # type: ignore[abstract]  # the SDK finds its runtime there
        self._client: Any = SimpleNamespace(get_workflow_handle=self._handle)

    def start(
        self, kind: type[Any], argument: Any, workflow_id: str, *, again: bool = False
    ) -> Run:
        """Start a workflow as ingest does: one run at a time, a new one only after a failure.

        `again`: also after one that completed, as reconciliation adopts.

        Raises:
            WorkflowAlreadyStartedError: the id runs, or completed.
        """
        last = self.runs.get(workflow_id)
        completed = WorkflowExecutionStatus.COMPLETED
        if last is not None and (last.open or (last.status is completed and not again)):
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
        token = running.set(run)
        try:
            run.task = asyncio.create_task(self._live(run))
        finally:
            running.reset(token)
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

    def schedule(self, run: Run, method: Callable[..., Any], argument: Any, how: How) -> Handle:
        """Begin an activity for a run."""
        name = _name(method)
        run.history += 1 if how.local else 6
        handle = Handle(name)
        task = asyncio.create_task(self._attempts(run, handle, self._by_name[name], argument, how))
        run.attempts.add(task)
        task.add_done_callback(run.attempts.discard)
        return handle

    async def _attempts(
        self, run: Run, handle: Handle, method: Callable[..., Any], argument: Any, how: How
    ) -> None:
        """Attempt until it is done, refused for good, out of time, or not wanted any more."""
        running.set(None)
        loop = asyncio.get_running_loop()
        begun, number, beats = loop.time(), 0, []  # type: float, int, list[Any]
        label = f"{run.workflow_id[-14:]}/{handle.name}"
        await asyncio.sleep(self.nemesis.draw(f"dispatch:{label}").uniform(0.001, 0.02))
        while not handle.done() and run.open:
            number += 1
            fate = self.nemesis.attempt(f"{label}#{number}")
            run.doing[label] = f"attempt {number} since {loop.time() - begun:.0f} s"
            tried = asyncio.create_task(self._attempt(run, method, argument, fate, number, beats))
            limit = TASK_TIMEOUT if how.local else how.start_to_close
            done, _ = await asyncio.wait({tried}, timeout=None if how.local else limit)
            error = tried.exception() if done else None
            if done and error is None:
                run.doing.pop(label, None)
                return answer(run, handle, tried.result())
            if isinstance(error, Died) or not done:  # nobody answers: the server finds out late
                spent = loop.time() - begun if how.local else 0
                silence = min(limit, max(limit - spent, 0.1), how.heartbeat or limit)
                await asyncio.sleep(silence if done else 0)
                error = ActivityTimeout(
                    "timed out", type=TimeoutType.START_TO_CLOSE, last_heartbeat_details=[]
                )
                if how.local:
                    begun, number = loop.time(), 0  # the task begins again, and the activity
            run.doing[label] = f"attempt {number} failed: {error!r}"
            pause = how.pause(error, number, loop.time() - begun)
            if pause is None:
                return fail(run, handle, error)
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


def _name(method: Callable[..., Any]) -> str:
    return str(activity._Definition.must_from_callable(method).name)


def _takes_start(kind: type[Any]) -> bool:
    return bool(getattr(kind.__init__, "__temporal_workflow_init", False))
