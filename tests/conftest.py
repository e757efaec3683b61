"""Fixtures of the whole suite: one PostgreSQL and one Temporal per run, started on first use."""

from __future__ import annotations

import asyncio
import inspect
import random
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hypothesis
import hypothesis.core
import pytest
import pytest_asyncio

from tests.postgres import TestPostgres

if TYPE_CHECKING:
    import asyncpg
    from temporalio.client import Client
    from temporalio.testing import WorkflowEnvironment

# A busy machine is no bug: no deadlines. On failure print how to run the same example again.
hypothesis.settings.register_profile("touchline", deadline=None, print_blob=True)
hypothesis.settings.load_profile("touchline")

_seed = pytest.StashKey[int]()


def pytest_configure(config: pytest.Config) -> None:
    """Choose the seed of this run, and the directory its processes share."""
    TestPostgres.configure(config)
    given = config.getoption("--hypothesis-seed", None)
    if given is None:
        config.stash[_seed] = random.getrandbits(32)
        vars(hypothesis.core)["global_force_seed"] = config.stash[_seed]


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop the shared server once the last worker is done."""
    TestPostgres.unconfigure(config)


def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> None:
    """Add the seed to the report of every failed test."""
    if call.excinfo is not None and _seed in item.config.stash:
        seed = item.config.stash[_seed]
        item.add_report_section(call.when, "seed", f"--hypothesis-seed={seed}")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the check for leftover tasks around every async test; sync tests need no loop."""
    for item in items:
        if item.get_closest_marker("drill") and "drill" not in str(item.config.getoption("-m")):
            item.add_marker(pytest.mark.skip(reason="minutes long: ./touchline test -m drill"))
        if isinstance(item, pytest.Function) and inspect.iscoroutinefunction(item.obj):
            _insert_after_wide_fixtures(item, "no_leftover_tasks")


def _insert_after_wide_fixtures(item: pytest.Function, name: str) -> None:
    """Insert a fixture behind those of session and module scope: their tasks live longer."""
    known = item._fixtureinfo.name2fixturedefs
    names = item.fixturenames
    wide = [i for i, n in enumerate(names) if n in known and known[n][-1].scope != "function"]
    names.insert(wide[-1] + 1 if wide else 0, name)


@pytest_asyncio.fixture
async def no_leftover_tasks() -> AsyncIterator[None]:
    """Fail a test that leaves asyncio tasks behind; the loop is shared by the session."""
    before = asyncio.all_tasks()
    yield
    # The teardown of an async fixture runs in a task of its own: never cancel that one.
    mine = {asyncio.current_task()}
    left = asyncio.all_tasks() - before - mine
    if left:
        await asyncio.wait(left, timeout=0.5)
    left = {task for task in left if not task.done()}
    for task in left:
        task.cancel()
    if left:
        await asyncio.wait(left, timeout=5)
        pytest.fail(f"expected no asyncio tasks left, were {[t.get_coro() for t in left]}")


@pytest.fixture(scope="session")
def postgres() -> str:
    """Return the DSN of the administrator on the server of this run."""
    return TestPostgres.shared().dsn()


@pytest_asyncio.fixture(scope="session")
async def postgres_admin(postgres: str) -> AsyncIterator[asyncpg.Connection[Any]]:
    """Return one connection that makes and drops databases; the template is migrated."""
    import asyncpg

    await TestPostgres.shared().ensure_template()
    connection = await asyncpg.connect(postgres)
    yield connection
    await connection.close()


@pytest_asyncio.fixture
async def empty_dsn(postgres: str) -> AsyncIterator[str]:
    """Return the DSN of a fresh database without any table."""
    async with TestPostgres.shared().database(template="template1") as dsn:
        yield dsn


@pytest_asyncio.fixture
async def dsn(postgres_admin: asyncpg.Connection[Any]) -> AsyncIterator[str]:
    """Return the DSN of a fresh, migrated database, dropped after the test."""
    async with TestPostgres.shared().database(postgres_admin) as dsn:
        yield dsn


@pytest_asyncio.fixture
async def pool(dsn: str) -> AsyncIterator[asyncpg.Pool[Any]]:
    """Return a pool on a fresh, migrated database."""
    from store.pool import open_pool

    pool = await open_pool(dsn)
    yield pool
    await pool.close()


@pytest_asyncio.fixture(scope="session")
async def temporal() -> AsyncIterator[WorkflowEnvironment]:
    """Return a real dev server in memory with our search attributes and pydantic payloads."""
    from tests.temporal import start_server

    environment = await start_server()
    yield environment
    await environment.shutdown()


@pytest.fixture
def temporal_client(temporal: WorkflowEnvironment) -> Client:
    """Return a client of the dev server of this run."""
    return temporal.client


@pytest.fixture
def repository() -> Path:
    """Return the root of the repository."""
    return Path(__file__).resolve().parents[1]
