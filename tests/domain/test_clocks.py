"""Fault matrix C1: clocks that jump, differ, or cross a leap day or a change of daylight saving."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.decision import Decision, Verdict
from domain.exits import ExitContext, ExitReading, check_exit
from domain.money import price, shares, usd
from domain.positions import Position, PositionState
from domain.rules import ExitRules
from domain.screen import check_entry, screen
from tests.domain.examples import NOW, STRATEGY, book, context, market, rules, score, trigger

HOUR, SECOND = timedelta(hours=1), timedelta(seconds=1)
LEAP_DAY = datetime(2028, 2, 29, 12, tzinfo=UTC)
# Two hours around each change of the clocks, in the UTC that never changes.
SPRING_US = datetime(2026, 3, 8, 7, tzinfo=UTC)
SPRING_EU = datetime(2026, 3, 29, 1, tzinfo=UTC)
AUTUMN_EU = datetime(2026, 10, 25, 1, tzinfo=UTC)
AUTUMN_US = datetime(2026, 11, 1, 6, tzinfo=UTC)
CHANGES = (SPRING_US, SPRING_EU, AUTUMN_EU, AUTUMN_US)


def decide(jump: timedelta, at: datetime = NOW, **changed: Any) -> Decision:
    """Screen a touch of `at`, with everything else read by a clock that is off by `jump`."""
    now = at + jump
    given = {
        "trigger": trigger(venue_time=at, seen_at=at),
        "market": market(end_time=at + timedelta(days=10)),
        "now": now,
        "book": book(seen_at=now),
        "score": score(at=now),
    }
    return screen(context(**(given | changed)), rules(), STRATEGY)


@pytest.mark.parametrize("jump", [HOUR, -HOUR])
def test_after_a_jump_of_an_hour_a_touch_has_no_age_and_buys_nothing(jump: timedelta) -> None:
    made = decide(jump)
    ahead = "3600 s old" if jump > timedelta(0) else "3600 s in the future"
    assert (made.verdict, made.filter, made.reason) == (Verdict.HOLD, "trade_age", f"G1: {ahead}")


@pytest.mark.parametrize("skew", [10 * SECOND, -10 * SECOND])
def test_a_clock_that_is_ten_seconds_off_still_trades(skew: timedelta) -> None:
    assert decide(skew).verdict is Verdict.ENTER


@given(st.timedeltas(-timedelta(days=400), timedelta(days=400)))
def test_no_jump_beyond_the_age_limit_buys(jump: timedelta) -> None:
    bought = decide(jump).verdict is Verdict.ENTER
    assert bought is (abs(jump) <= timedelta(seconds=300))


@pytest.mark.parametrize("jump", [HOUR, 3 * SECOND])
def test_a_jump_between_the_reading_and_the_check_makes_the_book_too_old(jump: timedelta) -> None:
    refused = check_entry(context(now=NOW + jump), rules(), decide(timedelta(0)))
    assert isinstance(refused, Decision) and refused.filter == "book_age"


@pytest.mark.parametrize("at", [LEAP_DAY, *CHANGES])
@pytest.mark.parametrize("skew", [timedelta(0), 10 * SECOND, -10 * SECOND])
def test_leap_days_and_daylight_saving_change_no_age(at: datetime, skew: timedelta) -> None:
    for start in (at - HOUR, at, at + HOUR):
        made = decide(skew, start)
        assert made.verdict is Verdict.ENTER and made.decided_at == start + skew
        late = decide(timedelta(seconds=301), start)
        assert late.filter == "trade_age" and late.reason == "G1: 301 s old"


@pytest.mark.parametrize("at", CHANGES)
def test_hours_to_the_end_are_real_hours_across_a_change_of_the_clocks(at: datetime) -> None:
    exactly, less = (
        decide(timedelta(0), at - HOUR, market=market(end_time=at + 5 * HOUR - short))
        for short in (timedelta(0), SECOND)
    )
    assert exactly.verdict is Verdict.ENTER
    assert (less.filter, less.values["hours_left"]) == ("time_to_end", "6.00")


def test_a_position_of_a_leap_day_is_a_year_old_after_its_days() -> None:
    """The 29th has no anniversary; seven days of holding are seven days."""
    since = LEAP_DAY
    for held, sold in ((timedelta(days=7) - SECOND, False), (timedelta(days=7), True)):
        assert exits(since, since + held).exit is sold


@pytest.mark.parametrize("jump", [-HOUR, -timedelta(days=30)])
def test_a_position_from_the_future_is_young_and_not_sold(jump: timedelta) -> None:
    assert not exits(NOW, NOW + jump).exit


def exits(since: datetime, now: datetime) -> Any:
    """Look at a position whose stop is reached with depth."""
    held = Position(
        mode=trigger().mode,
        workflow_id="0xc0ffee:0.95",
        token_id="111",
        condition_id="0xc0ffee",
        shares=shares(20),
        cost=usd(19),
        state=PositionState.OPEN,
    )
    seen = ExitContext(
        position=held,
        book=book("0.60", "0.62", seen_at=now),
        now=now,
        held_since=since,
        age_known=True,
        reading=ExitReading(),
        end_time=now + timedelta(days=90),
    )
    return check_exit(seen, ExitRules(stop=price("0.90")))


@pytest.mark.parametrize("offset", [-5, 1, 2, 5.5])
@pytest.mark.parametrize("field", ["venue_time", "seen_at"])
def test_no_time_of_another_zone_gets_into_the_domain(field: str, offset: float) -> None:
    local = NOW.astimezone(timezone(timedelta(hours=offset)))
    with pytest.raises(ValidationError, match="aware UTC"):
        trigger(**{field: local})
    with pytest.raises(ValidationError, match="aware UTC"):
        trigger(**{field: NOW.replace(tzinfo=None)})
