"""Session: one run of the whole stack, from the first step to the orderly end."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import structlog

from ops.cli.screen import Screen
from ops.report.build import Report, build_report
from ops.report.text import summary
from ops.stack.assembly import Stack
from ops.stack.runfile import Running, forget
from ops.supervision.identity import Identity, end_leftovers
from ops.supervision.supervisor import Supervisor
from settings.model import Settings
from store.pool import open_pool
from store.views import TradeLine, Views

LOOK_EVERY = 1.0  # seconds between two looks at the trades
STOPPERS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)  # the last: the terminal was closed
QUIET = 3  # looks in a row without an open trade that count as the end
OPEN = frozenset({"screening", "entering", "holding", "unknown"})

log = structlog.get_logger()


class Session:
    """Runs a stack until it is told to stop, or until the tape and every trade are done."""

    def __init__(self, settings: Settings, stack: Stack, screen: Screen) -> None:
        self._settings = settings
        self._stack = stack
        self._screen = screen
        self._stop = asyncio.Event()
        self._told = False
        self._quiet = 0
        self._begun = datetime.now(UTC)

    async def run(self, *, exit_when_done: bool, report: Path | None) -> Report | None:
        """Start, watch, stop; return the report of a tape that was played to its end."""
        left = end_leftovers(self._stack.state, str(self._stack.state / "temporal.db"))
        if left:
            self._screen.line(f"  ended what the last run left: {', '.join(left)}", "yellow")
        supervisor = Supervisor(self._stack.parts(), self._screen.event)
        with self._signals():
            if not await self._start(supervisor):
                return None
            try:
                return await self._watch(supervisor, exit_when_done, report)
            finally:
                self._screen.end_table()
                self._screen.line("Stopping …")
                await supervisor.stop()
                forget(self._stack.state)

    @contextlib.contextmanager
    def _signals(self) -> Any:
        loop = asyncio.get_running_loop()
        for number in STOPPERS:
            loop.add_signal_handler(number, self._stop.set)
        try:
            yield
        finally:
            for number in STOPPERS:
                loop.remove_signal_handler(number)

    async def _start(self, supervisor: Supervisor) -> bool:
        """Start everything; False when we were told to stop meanwhile."""
        starting = asyncio.ensure_future(supervisor.start())
        stopping = asyncio.ensure_future(self._stop.wait())
        await asyncio.wait({starting, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if not starting.done():
            starting.cancel()
            await asyncio.wait({starting})
            return False
        starting.result()
        self._save()
        self._screen.links(self._stack.links)
        return True

    def _save(self) -> None:
        stack, sim = self._stack, self._stack.sim
        Running(
            supervisor=Identity.of(os.getpid()),
            started_at=self._begun,
            profile=self._settings.profile,
            mode=self._settings.mode,
            links=stack.links,
            temporal_address=stack.temporal_address,
            namespace=self._settings.temporal.namespace,
            sim_control=sim.control_url if sim else "",
            venue=sim.addresses if sim else {},
            sim_token=sim.token if sim else "",
        ).save(stack.state)

    async def _watch(
        self, supervisor: Supervisor, exit_when_done: bool, report: Path | None
    ) -> Report | None:
        watching = asyncio.ensure_future(supervisor.watch())
        found: Report | None = None
        try:
            async with _pool(self._stack.dsn) as pool:
                while not self._stop.is_set() and not watching.done():
                    ended = await self._look(pool)
                    if ended and found is None:
                        found = await self._finish(pool, report)
                    if ended and exit_when_done:
                        return found
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(self._stop.wait(), LOOK_EVERY)
            return found
        finally:
            watching.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await watching

    async def _look(self, pool: asyncpg.Pool[Any]) -> bool:
        """Show the trades; return whether the tape and every trade are done."""
        try:
            trades = await Views(pool).trades(self._settings.mode)
            sim = await self._stack.sim.status() if self._stack.sim else {}
        except (OSError, TimeoutError, asyncpg.PostgresError, httpx.HTTPError) as e:
            log.info("look_failed", error=repr(e))  # a part restarts; the next look tells more
            self._quiet = 0
            return False
        self._screen.trades(trades, footer(trades, sim))
        busy = any(trade.state in OPEN for trade in trades)
        self._quiet = self._quiet + 1 if sim.get("tape_done") and not busy else 0
        return self._quiet >= QUIET

    async def _finish(self, pool: asyncpg.Pool[Any], path: Path | None) -> Report:
        assert self._stack.sim is not None  # noqa: S101 (only a tape ends)
        report = await build_report(
            pool,
            self._settings.mode,
            await self._stack.sim.status(),
            await self._stack.sim.ledger(),
        )
        self._screen.end_table()
        for line in summary(report):
            self._screen.line(line)
        if path is not None:
            await asyncio.to_thread(path.write_text, report.model_dump_json(indent=2) + "\n")
            self._screen.line(f"Report written to {path}")
        return report


def footer(trades: list[TradeLine], sim: dict[str, Any]) -> str:
    """Return the line below the table."""
    counts: dict[str, int] = {}
    for trade in trades:
        counts[trade.state] = counts.get(trade.state, 0) + 1
    parts = [f"{state} {count}" for state, count in sorted(counts.items())]
    if sim:
        parts.append(f"frames {sim.get('frames_sent', 0)}")
        parts.append("tape at its end" if sim.get("tape_done") else "tape plays")
    return " · ".join([*parts, "Ctrl-C stops"])


@contextlib.asynccontextmanager
async def _pool(dsn: str) -> AsyncIterator[asyncpg.Pool[Any]]:
    pool = await open_pool(dsn, max_size=2)
    try:
        yield pool
    finally:
        pool.terminate()  # the server may be the reason we stop
