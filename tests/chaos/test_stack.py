"""The whole-stack variant: one short episode with deaths, faults and the outside judge."""

from __future__ import annotations

import pytest

from domain.killpoints import POINTS
from ops.chaos.episode import Episode
from ops.chaos.script import script

pytestmark = pytest.mark.stack

SMOKE = 201


def test_the_same_seed_is_the_same_script() -> None:
    assert script(5, 30, POINTS) == script(5, 30, POINTS)
    assert script(5, 30, POINTS) != script(6, 30, POINTS)


async def test_two_workers_and_two_ingests_under_fire_leave_books_equal_to_the_venues() -> None:
    result = await Episode(SMOKE, POINTS, markets=8).run()
    assert result.faults == [], result.story
    assert result.kills, result.story
