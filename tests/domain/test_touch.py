"""domain/touch.py"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.touch import NOTHING, Kind, Observation, Seen, Touch, fold

T = 950_000
QUIET, TOUCH, UNSEEN = Seen.QUIET, Seen.TOUCH, Seen.UNSEEN


def live(*prices: int, epoch: int = 0, start: int = 1000) -> list[Observation]:
    return [Observation(p, start + i, epoch) for i, p in enumerate(prices)]


def test_touching_the_threshold_from_below_fires() -> None:
    assert fold(live(949_999, 950_000), T) == [QUIET, TOUCH]


def test_one_micro_dollar_below_does_not_fire() -> None:
    assert fold(live(940_000, 949_999), T) == [QUIET, QUIET]


def test_it_fires_once() -> None:
    assert fold(live(940_000, 960_000, 940_000, 990_000), T) == [QUIET, TOUCH, QUIET, QUIET]


def test_already_above_never_fires() -> None:
    assert fold(live(950_000, 960_000, 999_000), T) == [QUIET] * 3


def test_above_at_first_fires_after_a_dip() -> None:
    assert fold(live(960_000, 940_000, 950_000), T) == [QUIET, QUIET, TOUCH]


def test_xd1_a_snapshot_never_fires_but_sets_the_baseline() -> None:
    below = Observation(930_000, 1, 0, Kind.SNAPSHOT)
    above = Observation(970_000, 1, 0, Kind.SNAPSHOT)
    assert fold([below, *live(950_000)], T) == [QUIET, TOUCH]
    assert fold([above, *live(960_000)], T) == [QUIET, QUIET]


def test_xd1_a_snapshot_within_an_epoch_changes_nothing() -> None:
    again = Observation(990_000, 1001, 0, Kind.SNAPSHOT)
    assert fold([*live(940_000), again, Observation(950_000, 1002, 0)], T)[1:] == [QUIET, TOUCH]


def test_a_reconnect_above_the_threshold_is_unseen_not_a_touch() -> None:
    seen = fold([*live(940_000), *live(960_000, 970_000, epoch=1, start=2000)], T)
    assert seen == [QUIET, UNSEEN, QUIET]


def test_a_reconnect_below_the_threshold_goes_on_as_before() -> None:
    seen = fold([*live(940_000), *live(930_000, 950_000, epoch=1, start=2000)], T)
    assert seen == [QUIET, QUIET, TOUCH]


def test_above_before_and_after_a_gap_is_quiet() -> None:
    assert fold([*live(960_000), *live(970_000, epoch=1, start=2000)], T) == [QUIET, QUIET]


@pytest.mark.parametrize(("before", "meaning"), [(949_999, UNSEEN), (950_000, QUIET)])
def test_unseen_needs_below_before_the_gap(before: int, meaning: Seen) -> None:
    assert fold([*live(before), *live(950_000, epoch=1, start=2000)], T)[-1] is meaning


def test_a_price_of_zero_before_a_gap_counts_as_below() -> None:
    assert fold([*live(0), *live(950_000, epoch=1, start=2000)], T)[-1] is UNSEEN


def test_nothing_is_unseen_once_it_fired() -> None:
    first = live(940_000, 950_000, 940_000)
    assert fold([*first, *live(960_000, epoch=1, start=2000)], T)[-1] is QUIET


def read(price: int, ms: int) -> Observation:
    return Observation(price, ms, kind=Kind.READ_BACK)


def test_a_print_read_back_from_the_gap_fires() -> None:
    gap = [*live(940_000), *live(970_000, epoch=1, start=2000)]
    assert fold([*gap, read(945_000, 1500), read(955_000, 1600), read(960_000, 1700)], T)[2:] == [
        QUIET,
        TOUCH,
        QUIET,
    ]


def test_prints_from_before_the_gap_or_after_it_are_no_news() -> None:
    gap = [*live(940_000), *live(945_000, epoch=1, start=2000)]
    assert fold([*gap, read(960_000, 1000)], T)[-1] is QUIET
    assert fold([*gap, read(960_000, 1001)], T)[-1] is TOUCH
    assert fold([*gap, read(960_000, 2000)], T)[-1] is TOUCH
    assert fold([*gap, read(960_000, 2001)], T)[-1] is QUIET


def test_read_back_prints_alone_must_show_the_move() -> None:
    start = live(970_000, start=2000)
    assert fold([*start, read(955_000, 1500), read(960_000, 1600)], T)[1:] == [QUIET, QUIET]
    assert fold([*start, read(940_000, 1500), read(950_000, 1600)], T)[1:] == [QUIET, TOUCH]
    assert fold([*start, read(0, 1500), read(950_000, 1600)], T)[1:] == [QUIET, TOUCH]


def test_read_back_below_the_threshold_is_quiet() -> None:
    gap = [*live(940_000), *live(945_000, epoch=1, start=2000)]
    assert fold([*gap, read(949_999, 1500)], T)[-1] is QUIET


def test_read_back_and_live_never_fire_both() -> None:
    gap = [*live(940_000), *live(945_000, 950_000, epoch=1, start=2000)]
    assert fold([*gap, read(960_000, 1500)], T) == [QUIET, QUIET, TOUCH, QUIET]


def test_further_cuts_belong_to_the_same_gap_until_it_is_ended() -> None:
    touch = Touch(T)
    touch.observe(940_000, 1000, 0)
    touch.begin_gap()
    assert touch.baseline(960_000, 2000, 1) is UNSEEN
    touch.begin_gap()
    assert touch.baseline(970_000, 3000, 2) is UNSEEN
    assert touch.read_back(955_000, 1500) is TOUCH
    assert touch.end_gap() == NOTHING  # it was seen after all


def test_an_ended_gap_names_the_first_price_above_that_nobody_saw_coming() -> None:
    touch = Touch(T)
    touch.observe(940_000, 1000, 0)
    touch.begin_gap()
    touch.baseline(960_000, 2000, 1)
    touch.baseline(970_000, 3000, 2)
    assert touch.end_gap() == 960_000 and touch.end_gap() == NOTHING
    touch.begin_gap()
    assert touch.baseline(970_000, 4000, 3) is QUIET  # above before it and after it


def test_a_late_print_may_fire_but_never_becomes_the_baseline() -> None:
    seen = fold([*live(940_000), Observation(940_000, 1100), Observation(950_000, 1050)], T)
    assert seen == [QUIET, QUIET, TOUCH]
    touch = Touch(T)
    touch.observe(940_000, 1000, 0)
    touch.observe(945_000, 1100, 0)
    touch.observe(930_000, 1050, 0)
    assert (touch.last, touch.last_ms) == (945_000, 1100)


def test_a_print_from_before_the_epoch_says_nothing() -> None:
    assert fold([*live(940_000), Observation(960_000, 999)], T) == [QUIET, QUIET]
    assert fold([*live(940_000), Observation(960_000, 1000)], T) == [QUIET, TOUCH]


def test_a_print_at_the_same_moment_replaces_the_baseline() -> None:
    touch = Touch(T)
    touch.observe(940_000, 1000, 0)
    touch.observe(945_000, 1000, 0)
    assert touch.last == 945_000


def test_q3_after_a_release_the_next_print_above_is_an_entry_chance() -> None:
    touch = Touch(T)
    assert touch.observe(940_000, 1, 0) is QUIET
    assert touch.observe(960_000, 2, 0) is TOUCH
    assert touch.observe(960_000, 3, 0) is QUIET
    touch.rearm()
    assert touch.observe(940_000, 4, 0) is QUIET
    assert touch.observe(960_000, 5, 0) is TOUCH
    touch.rearm()
    assert touch.observe(970_000, 6, 0) is TOUCH


def test_q3_a_claim_released_before_a_restart_needs_no_new_crossing() -> None:
    touch = Touch(T)
    touch.retire()
    touch.rearm()
    assert touch.observe(960_000, 1, 0) is QUIET  # opens the epoch
    assert touch.observe(960_000, 2, 0) is TOUCH
    again = Touch(T)
    again.retire()
    again.rearm()
    assert again.observe(940_000, 2000, 0) is QUIET
    assert again.read_back(960_000, 1500) is TOUCH


def test_q3_a_release_tells_nothing_of_the_other_token() -> None:
    touch = Touch(T)
    touch.rearm()
    assert touch.observe(960_000, 1, 0) is QUIET
    assert touch.observe(960_000, 2, 0) is QUIET


def test_a_retired_token_never_fires() -> None:
    touch = Touch(T)
    touch.retire()
    assert [touch.observe(p, i, 0) for i, p in enumerate((940_000, 960_000))] == [QUIET, QUIET]
    assert touch.baseline(940_000, 5, 1) is QUIET
    assert touch.baseline(960_000, 6, 2) is QUIET
    assert touch.read_back(960_000, 6) is QUIET


@pytest.mark.parametrize("threshold", [0, 1_000_000, -1, 1_000_001])
def test_a_threshold_out_of_range_is_refused(threshold: int) -> None:
    with pytest.raises(
        ValueError, match=f"expected a threshold in .0, 1_000_000., was {threshold}"
    ):
        Touch(threshold)


def test_the_ends_of_the_range_are_thresholds() -> None:
    assert fold(live(0, 1), 1) == [QUIET, TOUCH]
    assert fold(live(1, 999_999), 999_999) == [QUIET, TOUCH]


OBSERVATIONS = st.lists(
    st.builds(
        Observation,
        price=st.integers(900_000, 1_000_000),
        venue_ms=st.integers(1, 50),
        epoch=st.integers(0, 3),
        kind=st.sampled_from(Kind),
    ),
    max_size=30,
)


@given(OBSERVATIONS)
def test_never_fires_twice(observations: list[Observation]) -> None:
    assert fold(observations, T).count(TOUCH) <= 1


@given(OBSERVATIONS)
def test_never_fires_without_an_observed_move(observations: list[Observation]) -> None:
    """A touch is at or above, was seen live or read back, and something below was seen first."""
    seen = fold(observations, T)
    if TOUCH in seen:
        at = seen.index(TOUCH)
        assert observations[at].price >= T and observations[at].kind is not Kind.SNAPSHOT
        assert any(earlier.price < T for earlier in observations[:at])


@given(st.lists(st.integers(0, 1_000_000), min_size=2, max_size=40))
def test_without_gaps_it_is_the_first_upward_crossing(prices: list[int]) -> None:
    crossings = [i for i in range(1, len(prices)) if prices[i - 1] < T <= prices[i]]
    seen = fold(live(*prices), T)
    assert [i for i, s in enumerate(seen) if s is TOUCH] == crossings[:1]
