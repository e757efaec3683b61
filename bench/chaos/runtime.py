"""What the SDK asks of the runtime a workflow is called in, answered by our small server."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any, NoReturn

from temporalio import workflow
from temporalio.common import WorkflowIDReusePolicy
from temporalio.exceptions import ActivityError, ApplicationError

from bench.chaos.clock import epoch
from bench.chaos.runs import Renewed, here, how_of

HISTORY = 20  # events; a seed that renews answers `LONG` once
LONG = 5_000


class Runtime(workflow._Runtime):
    """What `temporalio.workflow` asks of the workflow it is called in."""

    @property
    def logger_details(self) -> Mapping[str, Any]:
        return {}

    def workflow_all_handlers_finished(self) -> bool:
        return True

    def workflow_continue_as_new(self, *args: Any, **_: Any) -> NoReturn:
        raise Renewed(args[0])

    def workflow_get_current_history_length(self) -> int:
        run = here()
        if run.server.renewing and run.renewals < 1:
            return LONG
        return HISTORY

    def workflow_get_external_workflow_handle(self, id: str, *, run_id: str | None) -> Any:
        server = here().server

        async def signal(method: Any, argument: Any) -> None:
            if not server.signal(id, method.__name__, argument):
                raise ApplicationError(f"expected {id} to run, was gone")

        return SimpleNamespace(signal=signal)

    def workflow_info(self) -> Any:
        run = here()
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
        run = here()
        return run.server.schedule(run, activity, args[0], how_of(how, local=False))

    def workflow_start_local_activity(self, activity: Any, *args: Any, **how: Any) -> Any:
        run = here()
        return run.server.schedule(run, activity, args[0], how_of(how, local=True))

    async def workflow_start_child_workflow(self, workflow: Any, *args: Any, **how: Any) -> Any:
        server = here().server
        kind = getattr(
            __import__("sys").modules[workflow.__module__], workflow.__qualname__.split(".")[0]
        )
        again = how.get("id_reuse_policy") is WorkflowIDReusePolicy.ALLOW_DUPLICATE
        return server.start(kind, args[0], how["id"], again=again)

    def workflow_time_ns(self) -> int:
        return int(epoch() * 1e9)

    def workflow_upsert_search_attributes(self, attributes: Any, **_: Any) -> None:
        here().history += 1

    async def workflow_sleep(self, duration: float, **_: Any) -> None:
        here().history += 2
        await asyncio.sleep(duration)

    async def workflow_wait_condition(
        self, fn: Callable[[], bool], *, timeout: float | None = None, **_: Any
    ) -> None:
        run = here()
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


for _asked in Runtime.__abstractmethods__:
    setattr(Runtime, _asked, _missing(_asked))
Runtime.__abstractmethods__ = frozenset()
