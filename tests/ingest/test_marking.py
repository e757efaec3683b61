"""ingest/marking.py"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from domain.market import Mode
from domain.money import price
from ingest.marking import Seen, mark
from ingest.tokens import UNKNOWN, Tokens
from store.desk_marks import Marks
from tests.ops.traded import Morning
from tests.waiting import eventually

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)


class Top:
    """The two fields of a token that are read."""

    def __init__(self, bid: int, ask: int) -> None:
        self.bid, self.ask = bid, ask


def tokens(**tops: Top) -> Any:
    return cast(Tokens, type("Known", (), {"by_id": {f"token-{k}": v for k, v in tops.items()}}))


def test_only_live_tokens_with_a_known_top_that_moved_are_marked() -> None:
    a, b = Top(950_000, 960_000), Top(UNKNOWN, UNKNOWN)
    seen = Seen(tokens(a=a, b=b, c=Top(1, 2)))
    live = ["token-a", "token-b", "token-gone"]
    (found,) = seen.moved(live, NOW)
    assert (found.token_id, found.bid, found.ask) == ("token-a", price("0.95"), price("0.96"))
    assert seen.moved(live, NOW) == []
    a.ask = UNKNOWN
    assert seen.moved(live, NOW)[0].ask is None


async def test_what_is_traded_is_marked_in_the_store_until_it_ends(pool: Any) -> None:
    morning = Morning(pool)
    await morning.fund()
    await morning.buy("a")
    marks = Marks(pool)
    a = Top(950_000, 960_000)
    marking = asyncio.create_task(mark(pool, Mode.PAPER, tokens(a=a, z=Top(1, 2)), 0.01))
    since, until = NOW - timedelta(days=900), datetime.now(UTC) + timedelta(days=900)
    await eventually(lambda: marks.of_token("token-a", since, until))
    assert await marks.of_token("token-z", since, until) == []
    await morning.settle("a")
    assert await marks.live_tokens(Mode.PAPER) == frozenset()
    marking.cancel()
    await asyncio.gather(marking, return_exceptions=True)
    assert await marks.sweep(until) >= 1


async def test_a_long_row_of_marks_is_thinned_evenly_and_keeps_its_end(pool: Any) -> None:
    await pool.execute(
        "INSERT INTO marks SELECT 't', $1::timestamptz + n * interval '1 s', 0.9, 0.91"
        " FROM generate_series(1, 5000) n",
        NOW,
    )
    found = await Marks(pool).of_token("t", NOW, NOW + timedelta(hours=2), 500)
    assert 500 <= len(found) <= 502
    assert found[-1].at == NOW + timedelta(seconds=5000)
