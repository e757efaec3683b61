"""The fast variant: seeds on a virtual clock, judged by the sim's ledger."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest

from bench.chaos_fast import Job, play
from domain.killpoints import POINTS
from tests.postgres import TestPostgres

SMOKE = range(1, 13)
# Seeds that once failed, each with what it had found.
INCIDENTS = {
    204: "a split settlement rounds each part by itself: profit was one micro-dollar off",
    10069: "each part of a split settlement is charged by itself: fees were 5 micro-dollars off",
}


@pytest.fixture(scope="module")
def database() -> str:
    """Return the DSN of a migrated database of this module; the server goes with the run."""

    async def make() -> str:
        server = TestPostgres.shared()
        await server.ensure_template()
        return await server.database().__aenter__()

    return asyncio.run(make())


def test_seeds_of_every_kind_of_fault_leave_books_equal_to_the_venues(database: str) -> None:
    outcomes = list(play(database, [Job(seed) for seed in SMOKE]))
    assert {o.seed: o.faults for o in outcomes if o.faults} == {}
    assert sum(o.orders for o in outcomes) > 5


@pytest.mark.parametrize("seed", INCIDENTS)
def test_a_seed_that_once_failed_stays_clean(database: str, seed: int) -> None:
    [outcome] = play(database, [Job(seed)])
    assert outcome.faults == []


@pytest.mark.parametrize("point", ["sign:after", "post:after", "fill:after", "settle:after"])
def test_a_worker_that_dies_at_a_named_point_changes_nothing(database: str, point: str) -> None:
    outcomes = list(play(database, [Job(seed, point) for seed in range(1, 4)]))
    assert {o.seed: o.faults for o in outcomes if o.faults} == {}
    assert sum(o.deaths for o in outcomes) > 0


def test_repeated_late_permuted_and_stray_messages_change_nothing(database: str) -> None:
    """Messages are hints: with sixty more of them each trade ends the same, to the micro-dollar."""
    seeds = (1, 9, 18)
    calm = list(play(database, [Job(seed, messages=0) for seed in seeds]))
    stormy = list(play(database, [Job(seed, messages=60) for seed in seeds]))
    assert [o.faults for o in calm + stormy] == [[]] * 6
    assert sum(o.orders for o in calm) >= 3
    for quiet, loud in zip(calm, stormy, strict=True):
        assert (loud.profits, loud.endings) == (quiet.profits, quiet.endings)
        assert (loud.orders, loud.posts) == (quiet.orders, quiet.posts)


def test_every_named_kill_point_is_passed_in_the_activities_and_no_other() -> None:
    code = "".join(path.read_text() for path in Path("activities").glob("*.py"))
    assert set(re.findall(r'"([a-z]+:(?:before|after))"', code)) == set(POINTS)


def test_the_same_seed_is_the_same_plan() -> None:
    from bench.chaos.plan import plan

    assert plan(7) == plan(7)
    assert plan(7) != plan(8)
