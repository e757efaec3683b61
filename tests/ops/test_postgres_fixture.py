"""tests/postgres.py and tests/conftest.py: the fixtures themselves."""

from __future__ import annotations

import asyncpg
from temporalio.testing import WorkflowEnvironment

from tests.waiting import eventually


async def test_a_fresh_database_is_empty_and_one_s_own(empty_dsn: str) -> None:
    connection = await asyncpg.connect(empty_dsn)
    try:
        assert await connection.fetchval("SELECT count(*) FROM pg_stat_user_tables") == 0
    finally:
        await connection.close()


async def test_the_dev_server_answers(temporal: WorkflowEnvironment) -> None:
    assert await temporal.client.count_workflows() is not None
    assert await eventually(lambda: True)
