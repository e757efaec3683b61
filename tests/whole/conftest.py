"""A house for each test of the whole path."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import pytest_asyncio
from temporalio.client import Client

from tests.house import House, open_house

Opener = Callable[..., AbstractAsyncContextManager[House]]


@pytest_asyncio.fixture
async def house(
    dsn: str, pool: asyncpg.Pool[Any], temporal_client: Client, tmp_path: Path
) -> AsyncIterator[House]:
    """Return a house with the settings of the tests."""
    async with open_house(dsn, pool, temporal_client, tmp_path) as opened:
        yield opened


@pytest.fixture
def houses(dsn: str, pool: asyncpg.Pool[Any], temporal_client: Client, tmp_path: Path) -> Opener:
    """Return how to open a house with settings of one's own."""

    def opener(*overrides: str) -> AbstractAsyncContextManager[House]:
        return open_house(dsn, pool, temporal_client, tmp_path, *overrides)

    return opener
