"""activities/holding.py: what the books do not know is not gone."""

from __future__ import annotations

from typing import Any

import asyncpg

from activities.clock import utc_now
from activities.holding import HoldingActivities
from activities.messages import HoldRequest, News, TradeKey
from domain.market import Mode
from store.fills import Fills
from store.positions import Positions
from tests.fakes.desk import a_trigger, plan


async def test_a_position_that_the_books_do_not_know_is_lost_and_not_gone(
    pool: asyncpg.Pool[Any],
) -> None:
    trigger, unused = a_trigger("0xlost"), Any
    holding: Any = HoldingActivities
    desk = holding(unused, Fills(pool), Positions(pool), unused, unused, utc_now)
    key = TradeKey(
        mode=Mode.PAPER,
        workflow_id=trigger.workflow_id,
        owner="run",
        condition_id=trigger.condition_id,
        token_id=trigger.token_id,
        threshold=trigger.threshold,
    )
    view = await desk.look(HoldRequest(key=key, plan=plan(), target=None, stop=None))
    assert view.news is News.LOST
    assert "do not know" in view.reason
