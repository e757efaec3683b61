"""ING-L1: buckets on a monotonic clock, waiters that do not block, shares that add up."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from venue.errors import NotReady
from venue.limits import DOCUMENTED, PER_SIGNER, Bucket, Limit, Limiter


class Time:
    """A monotonic clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        await asyncio.sleep(0)


def limiter(time: Time, *limits: Limit, share: float = 1.0) -> Limiter:
    return Limiter(limits, share=share, clock=time, sleep=time.sleep)


TEN = Limit("ten", "clob", 10, 10.0)


def use_times(bucket: Bucket, time: Time, pauses: list[float]) -> list[float]:
    found = []
    for pause in pauses:
        time.now += pause
        found.append(time.now + bucket.take())
    return found


@given(
    count=st.integers(2, 40),
    seconds=st.floats(0.5, 60),
    pauses=st.lists(st.floats(0, 5), min_size=1, max_size=120),
)
def test_no_window_ever_holds_more_than_the_limit(
    count: int, seconds: float, pauses: list[float]
) -> None:
    """ING-L1: never more than N per window, whatever the arrival pattern."""
    time = Time()
    used = use_times(Bucket(Limit("x", "clob", count, seconds), time), time, pauses)
    for start in used:
        inside = [at for at in used if start <= at < start + seconds - 1e-6]
        assert len(inside) <= count


@given(share=st.sampled_from([0.5, 0.25]), count=st.integers(8, 40))
def test_processes_with_shares_that_add_up_to_one_stay_within_the_limit(
    share: float, count: int
) -> None:
    """ING-L1: two workers together <= the venue's limit."""
    time, used = Time(), []
    for _ in range(int(1 / share)):
        bucket = Bucket(Limit("x", "clob", count, 10.0), time, share)
        used += use_times(bucket, time, [0.0] * count)
    assert sum(1 for at in used if at < 10.0 - 1e-6) <= count


def test_a_clock_that_steps_back_gives_no_tokens_and_takes_none() -> None:
    """ING-L1: a clock jump of an hour changes nothing."""
    time = Time()
    time.now = 10_000.0
    bucket = Bucket(TEN, time)
    waits = [bucket.take() for _ in range(5)]
    time.now -= 3600.0
    assert waits == [0.0] * 5
    assert bucket.take() == pytest.approx(2.0)
    time.now += 3600.0
    assert bucket.take() > 0


async def test_waiters_take_their_turn_without_blocking_each_other() -> None:
    """ING-L1: six at once: five go, the sixth waits alone; a free path is not held up."""
    time = Time()
    books = Limit("books", "clob", 10, 10.0, ("/book",))
    limits = limiter(time, books)
    waits = await asyncio.gather(*(limits.acquire("clob", "GET", "/book") for _ in range(7)))
    assert waits[:5] == [0.0] * 5
    assert waits[5:] == [pytest.approx(2.0), pytest.approx(4.0)]
    assert await limits.acquire("clob", "GET", "/time") == 0.0


async def test_a_cancelled_waiter_gives_its_place_back() -> None:
    """ING-H2."""
    time = Time()

    async def forever(_: float) -> None:
        await asyncio.Event().wait()

    limits = Limiter((TEN,), share=1.0, clock=time, sleep=forever)
    for _ in range(5):
        await limits.acquire("clob", "GET", "/book")
    task = asyncio.create_task(limits.acquire("clob", "GET", "/book"))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    time.now += 2.0
    assert await limits.acquire("clob", "GET", "/book", 0.0) == 0.0


async def test_a_wait_longer_than_ones_patience_is_not_ready_and_keeps_no_place() -> None:
    time = Time()
    limits = limiter(time, TEN)
    limits.pause(60.0)
    with pytest.raises(NotReady) as caught:
        await limits.acquire("clob", "GET", "/book")
    assert caught.value.retry_after is not None
    time.now += 60.0
    assert await limits.acquire("clob", "GET", "/book") == 0.0


async def test_a_pause_holds_the_whole_account_and_the_longest_counts() -> None:
    time = Time()
    limits = limiter(time, TEN)
    limits.pause(5.0)
    limits.pause(2.0)
    assert limits.paused_for == 5.0
    assert await limits.acquire("gamma", "GET", "/markets") == 5.0


async def test_the_strictest_of_all_limits_that_cover_a_request_decides() -> None:
    time = Time()
    wide, narrow = Limit("all", "clob", 100, 10.0), Limit("one", "clob", 2, 10.0, ("/x",))
    limits = limiter(time, wide, narrow)
    assert await limits.acquire("clob", "GET", "/x") == 0.0
    assert await limits.acquire("clob", "GET", "/x", patience=60) == pytest.approx(10.0)
    assert await limits.acquire("clob", "GET", "/y") == 0.0


def test_a_limit_covers_whole_path_parts_only() -> None:
    update = next(limit for limit in DOCUMENTED if limit.name == "balance update")
    post = next(limit for limit in DOCUMENTED if limit.name == "post")
    assert update.covers("clob", "GET", "/balance-allowance/update")
    assert not update.covers("clob", "GET", "/balance-allowance")
    assert post.covers("clob", "POST", "/order")
    assert not post.covers("clob", "POST", "/orders")
    assert not post.covers("clob", "DELETE", "/order")
    assert not post.covers("gamma", "POST", "/order")


# What the venue documents (facts 7), as requests: name of the limit, count, seconds.
TABLE = [
    ("clob", "GET", "/book", {(9000, 10), (1500, 10)}),
    ("clob", "GET", "/price", {(9000, 10), (1500, 10)}),
    ("clob", "GET", "/midpoint", {(9000, 10), (1500, 10)}),
    ("clob", "POST", "/books", {(9000, 10), (500, 10)}),
    ("clob", "POST", "/prices", {(9000, 10), (500, 10)}),
    ("clob", "GET", "/prices-history", {(9000, 10), (1000, 10)}),
    ("clob", "GET", "/tick-size/1", {(9000, 10), (200, 10)}),
    ("clob", "GET", "/balance-allowance", {(9000, 10), (200, 10)}),
    ("clob", "GET", "/balance-allowance/update", {(9000, 10), (200, 10), (50, 10)}),
    ("clob", "GET", "/data/orders", {(9000, 10), (900, 10), (500, 10)}),
    ("clob", "GET", "/data/order/0x1", {(9000, 10), (900, 10), (500, 10)}),
    ("clob", "GET", "/data/trades", {(9000, 10), (900, 10), (500, 10)}),
    ("clob", "GET", "/notifications", {(9000, 10), (900, 10), (125, 10)}),
    ("clob", "GET", "/auth/api-keys", {(9000, 10), (100, 10)}),
    ("clob", "POST", "/order", {(9000, 10), (5000, 10), (120_000, 600), (40, 1)}),
    ("clob", "DELETE", "/order", {(9000, 10), (5000, 10), (120_000, 600), (80, 1)}),
    ("clob", "POST", "/orders", {(9000, 10), (2000, 10), (21_000, 600), (40, 1)}),
    ("clob", "DELETE", "/orders", {(9000, 10), (2000, 10), (15_000, 600), (80, 1)}),
    ("clob", "DELETE", "/cancel-all", {(9000, 10), (250, 10), (6000, 600), (80, 1)}),
    ("clob", "DELETE", "/cancel-market-orders", {(9000, 10), (1500, 10), (21_000, 600), (80, 1)}),
    ("gamma", "GET", "/markets/keyset", {(4000, 10), (300, 10), (900, 10)}),
    ("gamma", "GET", "/events/1", {(4000, 10), (500, 10), (900, 10)}),
    ("data", "GET", "/v2/trades", {(1000, 10), (200, 10)}),
    ("data", "GET", "/v2/positions", {(1000, 10), (150, 10)}),
    ("relayer", "POST", "/submit", {(25, 60)}),
]


@pytest.mark.parametrize(("host", "method", "path", "wanted"), TABLE)
def test_every_documented_limit_holds_the_requests_it_is_about(
    host: str, method: str, path: str, wanted: set[tuple[int, float]]
) -> None:
    found = [limit for limit in DOCUMENTED if limit.covers(host, method, path)]
    assert {(limit.count, limit.seconds) for limit in found} == wanted


async def test_no_number_of_entries_of_a_signer_holds_up_its_cancels() -> None:
    time = Time()
    limits = limiter(time, *PER_SIGNER, share=0.5)
    waits = [await limits.acquire("clob", "POST", "/order", patience=60) for _ in range(100)]
    assert waits[9:11] == [0.0, pytest.approx(0.1)] and waits[-1] == pytest.approx(9.0)
    assert await limits.acquire("clob", "DELETE", "/order") == 0.0


def test_a_tiny_share_still_lets_one_through_at_a_time() -> None:
    time = Time()
    bucket = Bucket(Limit("x", "clob", 2, 10.0), time, share=0.25)
    assert bucket.take() == 0.0
    assert bucket.take() > 10.0


@pytest.mark.parametrize("share", [0.0, -0.5, 1.5])
def test_a_share_outside_of_the_whole_is_refused(share: float) -> None:
    with pytest.raises(ValueError, match="expected a share"):
        Limiter(share=share)
