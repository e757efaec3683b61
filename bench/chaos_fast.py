"""Fast chaos: `python -m bench.chaos_fast --runs 10000 --seed 1`, thousands of seeds in minutes.

Each seed is a few trades under faults, deaths, frozen workers and cut connections, run by the
real workflows, activities, store and PostgreSQL against the sim, on a virtual clock. The judge
is the sim's ledger. A failure prints its seed and story; `--only SEED` runs it alone.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import logging
import multiprocessing
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from queue import Empty
from typing import Any, NamedTuple
from urllib.parse import urlencode, urlsplit

from bench.chaos.clock import VirtualLoop
from bench.chaos.database import Database
from bench.chaos.judgement import Outcome
from bench.chaos.plan import calm, plan
from bench.chaos.world import World, task_factory
from domain.killpoints import POINTS
from ops.services.postgres import UNSAFE_BUT_FAST, EmbeddedPostgres
from store.migrations import migrate

ESCALATED = 60.0  # seconds from the first post until the fate is known or a person is told
MORE = 50  # seeds for each death that is wanted, before a point counts as out of reach


def main(arguments: list[str] | None = None) -> int:
    """Run the seeds, print a summary, write the report; 1 when any seed failed."""
    options = _options(arguments)
    with postgres(options.processes) as dsns:
        begun = time.monotonic()
        outcomes = Tally(options)
        with suppress(KeyboardInterrupt):  # a report of what was done
            for outcome in _run(_jobs(options, outcomes), dsns):
                outcomes.add(outcome)
        report = outcomes.report(time.monotonic() - begun)
    if options.report:
        Path(options.report).write_text(json.dumps(report, indent=1) + "\n")
    print(json.dumps({k: v for k, v in report.items() if k != "failures"}, indent=1))
    return 1 if report["failed"] else 0


class Job(NamedTuple):
    """A seed, and perhaps a named point at whose n-th visit the worker dies.

    `messages` not None: the calm plan of the seed, with so many stray messages.
    """

    seed: int
    point: str = ""
    at: int = 1
    messages: int | None = None


class Tally:
    """Counts what the seeds came to."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._verbose, self._at = options.only is not None, options.at
        self._first = options.seed
        self._sum: Counter[str] = Counter()
        self._endings: Counter[str] = Counter()
        self._injected: Counter[str] = Counter()
        self._failures: list[dict[str, Any]] = []
        self.deaths: Counter[str] = Counter(dict.fromkeys(POINTS, 0))
        self._unknown: list[float] = []
        self._late: list[int] = []
        self._history = 0
        self._begun = time.monotonic()

    def add(self, outcome: Outcome) -> None:
        """Count a seed; a failed one is told at once, with its story."""
        self._sum.update(seeds=1, trades=outcome.trades, orders=outcome.orders, posts=outcome.posts)
        self._sum.update(virtual_seconds=int(outcome.virtual_s))
        self._endings.update(outcome.endings)
        if outcome.deaths:
            self.deaths[outcome.point] += 1
        self._injected.update(outcome.injected)
        self._unknown.append(outcome.unknown_s)
        if outcome.unknown_s > ESCALATED:
            self._late.append(outcome.seed)
        self._history = max(self._history, outcome.history)
        if outcome.faults:
            self._failures.append(asdict(outcome))
        if outcome.faults or self._verbose:
            visit = self._at if self._verbose else _visit(outcome.seed)
            again = f" (--point {outcome.point} --at {visit})" * bool(outcome.point)
            print(f"seed {outcome.seed}{again}: " + ("; ".join(outcome.faults) or "clean"))
            for line in outcome.story if self._verbose else outcome.story[-12:]:
                print(f"    {line}")
        if self._sum["seeds"] % 100 == 0:
            rate = self._sum["seeds"] / (time.monotonic() - self._begun)
            print(f"{self._sum['seeds']} seeds, {len(self._failures)} failed, {rate:.1f}/s")
        sys.stdout.flush()

    def report(self, seconds: float) -> dict[str, Any]:
        """Return everything as plain data."""
        return {
            "first_seed": self._first,
            **self._sum,
            "failed": len(self._failures),
            "failed_seeds": [f["seed"] for f in self._failures],
            "seconds": round(seconds, 1),
            "seeds_per_second": round(self._sum["seeds"] / max(seconds, 0.001), 1),
            "endings": dict(self._endings.most_common()),
            "faults_injected": dict(self._injected.most_common()),
            "deaths_by_point": dict(self.deaths.most_common()),
            "unknown_or_told_s": {
                "p50": _percentile(self._unknown, 50),
                "p99": _percentile(self._unknown, 99),
                "most": round(max(self._unknown, default=0.0), 1),
            },
            "unknown_for_long": self._late,
            "longest_history": self._history,
            "failures": self._failures,
        }


def _percentile(values: list[float], percent: int) -> float:
    found = sorted(values)
    return round(found[min(len(found) * percent // 100, len(found) - 1)], 1) if found else 0.0


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1, help="the first seed")
    parser.add_argument("--only", type=int, help="run this seed alone and tell its story")
    parser.add_argument("--report", default="")
    parser.add_argument(
        "--kill-points",
        type=int,
        default=0,
        help="each seed dies at a named point as well, until each point has N deaths or more",
    )
    parser.add_argument("--point", default="", help="with --only: a named point to die at")
    parser.add_argument("--at", type=int, default=1, help="with --only: on which visit")
    parser.add_argument("--processes", type=int, default=2)
    return parser.parse_args(arguments)


def _jobs(options: argparse.Namespace, seen: Tally) -> Iterator[Job]:
    """Yield the seeds; each dies at the named point that has the fewest deaths so far."""
    if options.only is not None:
        yield Job(options.only, options.point, options.at)
        return
    wanted, last = options.kill_points, options.seed + options.runs
    for seed in range(options.seed, last + MORE * wanted):
        if seed >= last and min(seen.deaths.values()) >= wanted:
            return
        point = min(POINTS, key=seen.deaths.__getitem__) if wanted else ""
        yield Job(seed, point, _visit(seed) if wanted else 1)


def _visit(seed: int) -> int:
    """Return on which visit of its named point a seed dies."""
    return 2 if seed % 4 == 0 else 1


@contextmanager
def postgres(databases: int) -> Iterator[list[str]]:
    """Start a PostgreSQL of our own with some empty, migrated databases; yield their DSNs."""
    with tempfile.TemporaryDirectory(prefix="touchline-chaos-") as folder:
        Path(folder).chmod(0o711)
        server = EmbeddedPostgres(Path(folder), dict(UNSAFE_BUT_FAST))
        admin = server.start()
        try:
            yield asyncio.run(_databases(admin, server.sockets, databases))
        finally:
            server.stop()


async def _databases(admin: str, sockets: Path, count: int) -> list[str]:
    """Return DSNs over the Unix socket: a round trip takes half the time of one over TCP."""
    import asyncpg

    connection = await asyncpg.connect(admin)
    server = urlsplit(admin)
    found = []
    for number in range(count):
        await connection.execute(f"CREATE DATABASE chaos_{number}")
        where = urlencode({"host": str(sockets), "port": str(server.port)})
        user = server.netloc.rpartition("@")[0]
        found.append(f"postgresql://{user}@/chaos_{number}?{where}")
    await connection.close()
    for dsn in found:
        await migrate(dsn)
    return found


def _run(jobs: Iterator[Job], dsns: list[str]) -> Iterator[Outcome]:
    """Deal the jobs to the processes, one at a time; each has a database of its own."""
    context = multiprocessing.get_context("spawn")
    deals: Any = context.Queue()
    answers: Any = context.Queue()
    parts = [
        context.Process(target=_worker, args=(dsn, deals, answers), daemon=True) for dsn in dsns
    ]
    for part in parts:
        part.start()
    left = 0
    for job in itertools.islice(jobs, len(dsns)):
        deals.put(job)
        left += 1
    try:
        while left:
            try:
                yield answers.get(timeout=5)
            except Empty:
                if not any(part.is_alive() for part in parts):
                    raise RuntimeError(f"expected {left} more seeds, all ended") from None
                continue
            following = next(jobs, None)
            left -= following is None
            deals.put(following)
    finally:
        for part in parts:
            part.terminate()


def _worker(dsn: str, deals: Any, answers: Any) -> None:
    parent = os.getppid()
    for outcome in play(dsn, iter(deals.get, None)):
        answers.put(outcome)
        if os.getppid() != parent:
            return  # nobody listens any more


def play(dsn: str, jobs: Iterable[Job]) -> Iterator[Outcome]:
    """Run jobs, one after the other, on one virtual loop."""
    logging.disable(logging.CRITICAL)
    loop = VirtualLoop()
    loop.set_task_factory(task_factory)
    try:
        database = loop.run_until_complete(Database.open(dsn))
        for job in jobs:
            yield loop.run_until_complete(_one(job, database))
        loop.run_until_complete(database.close())
    finally:
        loop.close()


async def _one(job: Job, database: Database) -> Outcome:
    chosen = plan(job.seed) if job.messages is None else calm(job.seed, job.messages)
    return await World(chosen, database, job.point, job.at).run()


if __name__ == "__main__":
    sys.exit(main())
