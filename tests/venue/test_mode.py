"""The venue's trading mode: learnt from answers, forgotten when its time is over."""

from __future__ import annotations

from datetime import timedelta

import pytest

from venue.mode import FIRST_BACKOFF, LAST_BACKOFF, MODE_FOR, PROBE, ModeWatch, VenueMode


class Time:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(
    ("words", "mode"),
    [
        ("post-only mode: only post-only orders and cancels are allowed", VenueMode.POST_ONLY),
        ("Trading is currently cancel-only. New orders are not accepted", VenueMode.CANCEL_ONLY),
        ("Trading is currently disabled. Check", VenueMode.DISABLED),
        ("trading is disabled", VenueMode.DISABLED),
        ("upstream connect error", VenueMode.NORMAL),
    ],
)
def test_a_503_tells_the_mode_by_its_words(words: str, mode: VenueMode) -> None:
    watch = ModeWatch(Time())
    assert watch.learn(503, words, None) == 0.0
    assert watch.state().mode is mode


def test_a_mode_lasts_as_long_as_the_venue_says_and_then_one_may_ask() -> None:
    time = Time()
    watch = ModeWatch(time)
    watch.learn(503, "post-only mode", timedelta(seconds=79))
    assert watch.state().wait == timedelta(seconds=79)
    time.now += 79
    assert watch.state().mode is VenueMode.NORMAL


def test_a_restart_backs_off_from_one_second_doubling_to_thirty() -> None:
    watch = ModeWatch(Time())
    waits = [watch.learn(425, "", None) for _ in range(7)]
    assert waits == [1.0, 2.0, 4.0, 8.0, 16.0, LAST_BACKOFF, LAST_BACKOFF]
    assert watch.state().mode is VenueMode.RESTARTING


def test_a_throttle_holds_the_account_back_without_changing_the_mode() -> None:
    watch = ModeWatch(Time())
    assert watch.learn(429, "", timedelta(seconds=3)) == 3.0
    assert watch.state().mode is VenueMode.NORMAL


def test_a_success_ends_every_mode_and_the_back_off() -> None:
    watch = ModeWatch(Time())
    watch.learn(425, "", None)
    watch.learn(425, "", None)
    watch.learn(200, "", None)
    assert watch.state().mode is VenueMode.NORMAL
    assert watch.learn(425, "", None) == 1.0


def test_a_cancel_that_works_says_nothing_about_entries() -> None:
    watch = ModeWatch(Time())
    watch.learn(503, "post-only mode", None)
    watch.learn(200, "", None, entry=False)
    assert watch.state().mode is VenueMode.POST_ONLY


def test_other_failures_teach_nothing() -> None:
    watch = ModeWatch(Time())
    watch.learn(503, "cancel-only", None)
    watch.learn(400, "invalid signature", None)
    watch.learn(500, "could not run the execution", None)
    assert watch.state().mode is VenueMode.CANCEL_ONLY


def test_when_the_time_of_a_mode_is_over_one_entry_asks_and_the_others_wait() -> None:
    time = Time()
    watch = ModeWatch(time)
    watch.learn(503, "cancel-only", None)
    time.now += MODE_FOR
    assert watch.admit().mode is VenueMode.NORMAL
    held = [watch.admit() for _ in range(20)]
    assert {state.mode for state in held} == {VenueMode.CANCEL_ONLY}
    assert {state.wait for state in held} == {timedelta(seconds=PROBE)}
    watch.learn(200, "", None)
    assert [watch.admit().mode for _ in range(2)] == [VenueMode.NORMAL] * 2


def test_a_probe_without_an_answer_is_followed_by_another() -> None:
    time = Time()
    watch = ModeWatch(time)
    watch.learn(425, "", None)
    time.now += FIRST_BACKOFF
    assert watch.admit().mode is VenueMode.NORMAL
    assert watch.admit().mode is VenueMode.RESTARTING
    time.now += PROBE
    assert watch.admit().mode is VenueMode.NORMAL


@pytest.mark.parametrize(
    ("status", "ends"), [(400, True), (401, True), (403, False), (429, False), (500, False)]
)
def test_a_probe_that_is_refused_for_a_reason_of_its_own_ends_the_mode(
    status: int, ends: bool
) -> None:
    """A kill is a 400: the engine has looked at the order, so it takes orders again."""
    time = Time()
    watch = ModeWatch(time)
    watch.learn(503, "post-only mode", timedelta(seconds=5))
    time.now += 5
    watch.admit()
    watch.learn(status, "no orders found to match with FAK order", None)
    assert (watch.admit().mode is VenueMode.NORMAL) is ends


def test_a_refused_probe_that_finds_the_mode_still_there_begins_it_anew() -> None:
    time = Time()
    watch = ModeWatch(time)
    watch.learn(503, "cancel-only", None)
    time.now += MODE_FOR
    watch.admit()
    watch.learn(503, "cancel-only", None)
    assert watch.admit().wait == timedelta(seconds=MODE_FOR)


def test_a_wait_too_short_for_a_pause_is_over() -> None:
    """Else a post would be retried without any pause until the clock moved on."""
    now = [100.0]
    modes = ModeWatch(lambda: now[0])
    modes.learn(503, "trading is disabled", None)
    now[0] += MODE_FOR - 1e-7
    assert modes.state().mode is VenueMode.NORMAL
    assert modes.admit().mode is VenueMode.NORMAL
