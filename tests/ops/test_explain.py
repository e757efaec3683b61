"""ops/cli/explain.py: why, funnel and filters as a person or a script sees them"""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from domain.market import Market, Token
from ops.cli.main import main
from store.markets import Markets
from store.pool import open_pool
from tests.ops.traded import Morning


@pytest.fixture
def morning(dsn: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Point the commands at a store with a traded morning and two markets in it."""
    for name in list(os.environ):
        if name.startswith("TOUCHLINE_") or name in ("DATABASE_URL", "TEMPORAL_ADDRESS"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("TOUCHLINE_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("DATABASE_URL", dsn)
    monkeypatch.chdir(tmp_path)
    asyncio.run(_fill(dsn))


async def _fill(dsn: str) -> None:
    pool: asyncpg.Pool[Any] = await open_pool(dsn)
    try:
        await Morning(pool).whole()
        await Markets(pool).upsert([_market("0xd", "Will D fall?"), _market("0xz", "Will Z fall?")])
    finally:
        await pool.close()


def _market(condition: str, question: str) -> Market:
    token = Token(token_id=f"token-of-{condition}", outcome="Yes", index=0)
    return Market(condition_id=condition, question=question, tokens=(token,))


@pytest.mark.usefixtures("morning")
def test_why_tells_the_story_of_a_market_by_id_and_by_words(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["why", "0xa"]) == 0
    story = capsys.readouterr().out
    assert "Up touched 0.96 (threshold 0.95)" in story and "entry order" in story
    assert story.index("touched") < story.index("filled at") < story.index("over (settled")
    assert main(["why", "d", "FALL"]) == 0
    assert "hold: not now, because" in capsys.readouterr().out


@pytest.mark.usefixtures("morning")
def test_why_asks_which_market_is_meant_or_says_that_there_is_none(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["why", "fall"]) == 2
    said = capsys.readouterr().err
    assert "2 markets fit fall, name one of" in said and "0xz  Will Z fall?" in said
    assert main(["why", "no", "such", "words"]) == 2
    assert "no market whose question has the words: no such words" in capsys.readouterr().err
    assert main(["why", "z", "fall"]) == 2
    assert "it was never touched here" in capsys.readouterr().err


@pytest.mark.usefixtures("morning")
def test_why_at_a_time_tells_what_happened_around_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["why", "0xa", "--at", "2020-01-01T00:00"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 2  # the title and the nearest line
    assert main(["why", "0xa", "--at", "noon"]) == 4
    assert main(["why", "0xa", "--json"]) == 0


@pytest.mark.usefixtures("morning")
def test_the_funnel_counts_decisions_by_rule(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["funnel", "--hours", "1000000", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert {"stage", "verdict", "filter", "decisions"} == set(rows[0])
    assert main(["funnel", "--hours", "1000000"]) == 0
    total = sum(row["decisions"] for row in rows)
    assert f"{total} decisions in 1e+06 hours" in capsys.readouterr().out


def test_the_filters_are_listed_in_order(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["filters", "--json", "--set", "trigger.max_age=120s"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert rows[0]["rule"] == "trade_age" and rows[0]["in force"] == "trigger.max_age = 0:02:00"
    assert main(["filters"]) == 0
    assert "market_known" in capsys.readouterr().out
