"""Episode: one whole stack under one script, from its start to the verdict."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import asyncpg
import httpx
from temporalio.client import Client
from temporalio.service import RPCError

from domain.market import Mode
from domain.trade import HaltState
from ops.chaos.script import Step, script
from ops.chaos.stack import ChaosStack
from ops.chaos.verdict import Caps, Evidence, faults
from ops.supervision.process import ProcessPart
from ops.supervision.supervisor import BackOff, Event, Supervisor
from store.account import Account
from store.books import BookKeeping
from store.orders import Orders
from store.pool import open_pool
from store.views import Views

MODE = Mode.PAPER
PLAY = 34.0  # seconds of blows; the markets live 36 s, some shorter
REST = 240.0  # seconds within which everything must have come to rest
QUIET = 3  # looks in a row without anything open
BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)  # older than any row
# What our own questions meet while a part is being hurt.
AWAY = (OSError, httpx.HTTPError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError)
LIVE = frozenset({"screening", "entering", "holding", "unknown"})


@dataclass
class Result:
    """What an episode came to."""

    seed: int
    faults: list[str]
    story: list[str]
    seconds: float = 0.0
    rest_seconds: float = 0.0
    kills: dict[str, int] = field(default_factory=dict)
    points: list[str] = field(default_factory=list)
    endings: dict[str, int] = field(default_factory=dict)
    reasons: dict[str, int] = field(default_factory=dict)
    orders: int = 0
    halt_ms: list[int] = field(default_factory=list)  # halt to the last order at the venue
    restarts: dict[str, int] = field(default_factory=dict)


class Episode:
    """Starts a stack in a new directory, hurts it, waits, judges, removes it."""

    def __init__(
        self, seed: int, points: tuple[str, ...], markets: int = 16, speed: int = 25
    ) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="touchline-chaos-"))
        self.folder.chmod(0o711)  # the database's account must pass
        (self.folder / "state").mkdir(mode=0o711)
        self.seed, self.points = seed, points
        self.stack = ChaosStack(self.folder, seed, markets, speed)
        self.result = Result(seed, [], [])
        self._begun = time.monotonic()
        self._frozen = False
        self._halts: list[tuple[datetime, datetime, str]] = []
        self._halting = asyncio.Lock()  # the end of one halt would lift another

    async def run(self, keep: bool = False) -> Result:
        """Return what it came to; `keep` leaves the logs of a failed one."""
        self.supervisor = Supervisor(
            self.stack.parts(), self._hear, BackOff(first=0.2, most=1.0, healthy_after=5.0)
        )
        steps = script(self.seed, PLAY, self.points)
        for step in steps:
            if step.act == "point":
                self.stack.kill_at[step.who] = step.how["point"]
                self.result.points.append(step.how["point"])
                self._note(f"{step.who} will die at {step.how['point']}")
        try:
            await self.supervisor.start()
            watching = asyncio.create_task(self.supervisor.watch())
            try:
                await self._live([step for step in steps if step.act != "point"])
            finally:
                watching.cancel()
                await asyncio.gather(watching, return_exceptions=True)
        finally:
            await self._clean(keep)
        self.result.seconds = time.monotonic() - self._begun
        return self.result

    async def _clean(self, keep: bool) -> None:
        for process in self.stack.processes.values():
            process._grace = 2.0  # nothing is left to lose
        await self.supervisor.stop()
        await self.stack.database.close()
        await self.stack.temporal.close()
        self.stack.close()
        if keep and self.result.faults:
            self._note(f"logs are kept in {self.folder}")
        else:
            shutil.rmtree(self.folder, ignore_errors=True)

    async def _live(self, steps: list[Step]) -> None:
        sim = self.stack.sim
        assert sim is not None  # noqa: S101  # for mypy: the stack runs here
        await sim._ask("POST", "/play")
        began = time.monotonic()
        acts: list[asyncio.Task[None]] = []
        for step in steps:
            await asyncio.sleep(max(began + step.at - time.monotonic(), 0))
            acts.append(asyncio.create_task(self._do(step)))
        await asyncio.gather(*acts)
        await self._peace()
        await self._come_to_rest()
        await self._judge()

    async def _do(self, step: Step) -> None:
        self._note(f"{step.act} {step.who} {step.how or ''}")
        acts: dict[str, Callable[[Step], Awaitable[None]]] = {
            "kill": self._kill,
            "freeze": self._freeze,
            "cut": self._cut,
            "stall": self._stall,
            "fault": self._fault,
            "halt": self._halt,
        }
        try:
            await acts[step.act](step)
        except AWAY as e:
            self._note(f"  in vain: {e!r}")

    async def _kill(self, step: Step) -> None:
        pid = self._pid(step.who)
        if pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
                self.result.kills[step.who] = self.result.kills.get(step.who, 0) + 1

    def _pid(self, name: str) -> int:
        if name == "postgres":
            return self.stack.server.pid if self.stack.server.running() else 0
        part: ProcessPart = self.stack.processes[name]
        return part.pid if part.alive() else 0

    async def _freeze(self, step: Step) -> None:
        pid = self._pid(step.who)
        if not pid:
            return
        self._frozen = True
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGSTOP)
            await asyncio.sleep(step.how["seconds"])
            os.kill(pid, signal.SIGCONT)

    async def _cut(self, step: Step) -> None:
        proxy = self.stack.database if step.who == "database" else self.stack.temporal
        self._note(f"  {proxy.cut()} connections")

    async def _stall(self, step: Step) -> None:
        proxy = self.stack.database if step.who == "database" else self.stack.temporal
        await proxy.stall(step.how["seconds"])

    async def _fault(self, step: Step) -> None:
        assert self.stack.sim is not None  # noqa: S101  # for mypy: the stack runs here
        await self.stack.sim._ask("POST", "/faults", {"name": step.who, **step.how})

    async def _halt(self, step: Step) -> None:
        """Halt, wait, go on: the time of the acknowledgement is ours, of the posts the venue's."""
        async with self._halting, _pool(self.stack.dsn) as pool:
            account = Account(pool)
            await account.halt(MODE, HaltState(step.who), "chaos", "drill", datetime.now(UTC))
            begun = datetime.now(UTC)
            await asyncio.sleep(step.how["seconds"])
            ended = datetime.now(UTC)
            await account.halt(MODE, HaltState.ACTIVE, "chaos", "over", ended)
        self._halts.append((begun, ended, step.who))

    async def _peace(self) -> None:
        """Take every fault away, wake what sleeps, and let the halt be over."""
        self._note("peace")
        assert self.stack.sim is not None  # noqa: S101  # for mypy: the stack runs here
        for _ in range(60):
            with contextlib.suppress(*AWAY):
                await self.stack.sim._ask("DELETE", "/faults")
                async with _pool(self.stack.dsn) as pool:
                    active = HaltState.ACTIVE
                    await Account(pool).halt(MODE, active, "chaos", "peace", datetime.now(UTC))
                return
            await asyncio.sleep(1)

    async def _come_to_rest(self) -> None:
        """Wait until the tape is over and neither the store nor Temporal has anything open."""
        began, quiet = time.monotonic(), 0
        while quiet < QUIET and time.monotonic() - began < REST:
            await asyncio.sleep(1)
            try:
                quiet = quiet + 1 if await self._at_rest() else 0
            except (*AWAY, RPCError, RuntimeError):
                quiet = 0
        self.result.rest_seconds = time.monotonic() - began
        await asyncio.sleep(6)  # one more reconciliation

    async def _at_rest(self) -> bool:
        assert self.stack.sim is not None  # noqa: S101  # for mypy: the stack runs here
        if not (await self.stack.sim.status())["tape_done"]:
            return False
        async with _pool(self.stack.dsn) as pool:
            trades = await Views(pool).trades(MODE)
            if any(trade.state in LIVE for trade in trades) or await Orders(pool).open(MODE):
                return False
        return not await self._running()

    async def _running(self) -> list[str]:
        temporal = self.stack.settings.temporal
        client = await asyncio.wait_for(
            Client.connect(self.stack.temporal_address, namespace=temporal.namespace), 5
        )
        query = "WorkflowType = 'TradeWorkflow' AND ExecutionStatus = 'Running'"
        return [found.id async for found in client.list_workflows(query)]

    async def _judge(self) -> None:
        assert self.stack.sim is not None  # noqa: S101  # for mypy: the stack runs here
        ledger = await self.stack.sim.ledger()
        async with _pool(self.stack.dsn) as pool:
            trades = await Views(pool).trades(MODE)
            self.result.reasons = await Views(pool).reasons(MODE, BEGINNING)
            seen = Evidence(
                ledger=ledger,
                books=await BookKeeping(pool).read(MODE),
                trades=tuple(trades),
                open_orders=tuple(o.signed.order_id for o in await Orders(pool).open(MODE)),
                drift=tuple(str(line) for line in await Account(pool).drift()),
                caps=Caps(per_market=Decimal(self.stack.settings.risk.max_per_market)),
                running=tuple(await self._running()),
            )
        result = self.result
        result.faults = faults(seen) + self._late_posts(ledger)
        result.orders = len(ledger["orders"])
        result.restarts = {k: v for k, v in self.supervisor.restarts.items() if v}
        for trade in trades:
            result.endings[trade.state] = result.endings.get(trade.state, 0) + 1

    def _late_posts(self, ledger: dict[str, Any]) -> list[str]:
        """Measure the time from each halt to the last new order; a frozen process may be late."""
        found = []
        for begun, ended, state in self._halts:
            first, last = begun.timestamp() * 1000, ended.timestamp() * 1000
            late = [
                order["created_ms"] - first
                for order in ledger["orders"]
                if first < order["created_ms"] < last
                and (state == "halted" or order["side"] == "BUY")
            ]
            self.result.halt_ms.append(round(max(late, default=0)))
            if late and max(late) > 1000 and not self._frozen:
                found.append(f"an order came {max(late):.0f} ms after {state}")
        return found

    def _hear(self, event: Event) -> None:
        if event.kind in ("crashed", "restarted", "failed"):
            self._note(f"{event.name} {event.kind} {event.text[:200]}")

    def _note(self, text: str) -> None:
        self.result.story.append(f"{time.monotonic() - self._begun:7.2f} {text}")


@contextlib.asynccontextmanager
async def _pool(dsn: str) -> Any:
    pool = await open_pool(dsn, max_size=2, connect_timeout=5)
    try:
        yield pool
    finally:
        pool.terminate()
