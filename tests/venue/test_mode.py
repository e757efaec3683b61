"""The venue's trading mode: learnt from answers, forgotten when its time is over."""

from __future__ import annotations

from datetime import timedelta

import pytest

from venue.mode import LAST_BACKOFF, ModeWatch, VenueMode


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
