"""ops/alerting/courier.py: one delivery per alert, whoever raises it, whatever fails (MON-M3)."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from domain.market import Mode
from ops.alerting.build import build_courier
from ops.alerting.courier import Courier, Round
from settings.load import load_settings
from store.alerts import Alerts, AlertState, Priority
from tests.ops.alerting.loopback import Receiver, receiver

Pool = Any
START = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)

RAISE = """
import asyncio, sys
from datetime import UTC, datetime, timedelta
from domain.market import Mode
from store.alerts import Alerts, Priority
from store.pool import open_pool

async def main():
    pool = await open_pool(sys.argv[1], max_size=1)
    sys.stdin.readline()
    print(await Alerts(pool).put("health:stream:unhealthy", Priority.HIGH, "stream: unhealthy",
        "ingest is silent", timedelta(minutes=15), datetime.now(UTC), Mode.PAPER))
    await pool.close()

asyncio.run(main())
"""


class Clock:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now

    def move(self, **by: float) -> None:
        self.now += timedelta(**by)


class Post:
    """A courier with a Telegram and a webhook; `restart` is a new process on the same store."""

    def __init__(self, pool: Pool, web: httpx.AsyncClient, telegram: Receiver, hook: Receiver):
        self.pool, self.web, self.telegram, self.hook = pool, web, telegram, hook
        self.clock, self.alerts = Clock(), Alerts(pool)
        self.overrides: list[str] = []
        self.courier: Courier
        self.restart()

    def restart(self, *changes: str) -> None:
        self.overrides += changes
        settings = load_settings(
            [
                "alerts.telegram_token=1:planted-secret",
                "alerts.telegram_chat=42",
                f"alerts.telegram_url={self.telegram.url}",
                f"alerts.webhook_url={self.hook.url}/hook?key=planted-secret",
                *self.overrides,
            ],
            {},
        )
        self.courier = build_courier(settings, self.pool, self.web, self.clock)

    async def alert(
        self, key: str = "k", priority: Priority = Priority.NORMAL, title: str = "t"
    ) -> bool:
        return await self.alerts.put(
            key, priority, title, "text", timedelta(minutes=15), self.clock(), Mode.PAPER
        )

    async def state(self) -> tuple[AlertState, str]:
        alert = (await self.alerts.recent(START - timedelta(days=1)))[0]
        return alert.state, alert.error


@pytest_asyncio.fixture
async def post(pool: Pool) -> AsyncIterator[Post]:
    async with receiver() as telegram, receiver() as hook, httpx.AsyncClient() as web:
        yield Post(pool, web, telegram, hook)


async def test_an_alert_reaches_every_channel_once_and_is_labelled_paper(post: Post) -> None:
    """XD-8: what happened with play money says so."""
    await post.alert(priority=Priority.HIGH, title="A trade <b>was</b> entered")
    assert await post.courier.deliver() == Round(sent=1)
    assert await post.courier.deliver() == Round()
    assert post.telegram.texts == ["[PAPER] ❗ A trade <b>was</b> entered\ntext"]
    path, content, headers = post.hook.taken[0]
    assert content["title"] == "[PAPER] ❗ A trade <b>was</b> entered"
    assert headers["idempotency-key"] == f"touchline-alert-{content['id']}"
    assert "parse_mode" not in post.telegram.taken[0][1]  # plain text: no markup from outside


async def test_twenty_processes_raising_one_alert_are_one_delivery(post: Post, dsn: str) -> None:
    """MON-M3, with processes of the operating system."""
    pipe = asyncio.subprocess.PIPE
    root = str(Path(__file__).resolve().parents[3])
    raisers = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-c", RAISE, dsn, stdin=pipe, stdout=pipe, cwd=root
        )
        for _ in range(20)
    ]
    answers = await asyncio.gather(*(r.communicate(b"go\n") for r in raisers))
    assert sorted(out.strip() for out, _ in answers) == [b"False"] * 19 + [b"True"]
    post.clock.now = datetime.now(UTC) + timedelta(seconds=1)
    couriers = [post.courier.deliver() for _ in range(5)]
    rounds = await asyncio.gather(*couriers)
    assert sum(r.sent for r in rounds) == 1
    assert len(post.telegram.taken) == len(post.hook.taken) == 1


async def test_telegram_answering_500_for_a_while_gets_it_once_and_the_webhook_not_again(
    post: Post,
) -> None:
    """MON-M3, with a restart in between."""
    post.telegram.failures = [500, 500, 502]
    await post.alert()
    for _ in range(2):
        assert (await post.courier.deliver()).failed == 1
        assert await post.courier.deliver() == Round()  # not before its time
        post.clock.move(seconds=60)
    post.restart()
    assert (await post.courier.deliver()).failed == 1
    post.clock.move(minutes=10)
    assert (await post.courier.deliver()).sent == 1
    post.clock.move(hours=1)
    assert await post.courier.deliver() == Round()
    assert len(post.telegram.taken) == len(post.hook.taken) == post.hook.asked == 1


async def test_the_wait_that_telegram_asks_for_is_kept(post: Post) -> None:
    post.telegram.failures = [429]
    await post.alert()
    assert (await post.courier.deliver()).failed == 1
    post.clock.move(seconds=6)
    assert await post.courier.deliver() == Round()
    post.clock.move(seconds=1)
    assert (await post.courier.deliver()).sent == 1


async def test_a_courier_that_dies_on_the_way_leaves_the_alert_to_the_next(post: Post) -> None:
    await post.alert()
    await post.alerts.due(post.clock())  # leased, and then the process is gone
    assert await post.courier.deliver() == Round()
    post.clock.move(seconds=61)
    assert (await post.courier.deliver()).sent == 1


async def test_no_secret_is_in_the_error_of_a_failed_delivery(post: Post) -> None:
    post.telegram.failures, post.hook.failures = [401], [403]
    await post.alert()
    await post.courier.deliver()
    state, error = await post.state()
    assert state is AlertState.QUEUED
    assert error == "telegram: HTTP 401; webhook: HTTP 403"
    post.telegram.url = post.hook.url = "http://127.0.0.1:9"
    post.restart()
    post.clock.move(minutes=1)
    await post.courier.deliver()
    assert (await post.state())[
        1
    ] == "telegram: no answer: ConnectError; webhook: no answer: ConnectError"


async def test_what_a_channel_can_never_take_is_given_up_and_stays_visible(post: Post) -> None:
    post.telegram.failures = [400]
    await post.alert()
    await post.courier.deliver()
    assert await post.state() == (AlertState.DEAD, "telegram: HTTP 400")


async def test_quiet_hours_hold_back_all_but_the_loud(post: Post) -> None:
    post.restart("alerts.quiet=08:00-10:30")
    await post.alert("calm")
    await post.alert("loud", Priority.HIGH, "loud")
    assert await post.courier.deliver() == Round(sent=1, held=1)
    post.clock.move(minutes=89)
    assert await post.courier.deliver() == Round()
    post.clock.move(minutes=1)
    assert (await post.courier.deliver()).sent == 1
    assert len(post.telegram.taken) == 2


async def test_alerts_below_the_least_level_go_to_the_log_alone(post: Post) -> None:
    await post.alert(priority=Priority.LOW)
    assert (await post.courier.deliver()).sent == 1
    assert not post.telegram.taken and not post.hook.taken


async def test_the_next_alert_of_a_key_tells_how_many_were_held_back(post: Post) -> None:
    await post.alert()
    for _ in range(3):
        assert not await post.alert()
    post.clock.move(minutes=15)
    await post.courier.deliver()
    assert await post.alert()
    await post.courier.deliver()
    assert post.telegram.texts[1].endswith("text\n(3 more of this kind were held back)")


@pytest.mark.parametrize(
    ("quiet", "at", "until"),
    [
        ("", "23:00", None),
        ("22:00-07:00", "21:59", None),
        ("22:00-07:00", "22:00", "2026-11-23 07:00"),
        ("22:00-07:00", "06:59", "2026-11-22 07:00"),
        ("22:00-07:00", "07:00", None),
        ("12:00-13:00", "12:30", "2026-11-22 13:00"),
    ],
)
def test_quiet_hours_know_their_end_also_over_midnight(
    quiet: str, at: str, until: str | None
) -> None:
    from ops.alerting.quiet import QuietHours

    now = datetime.fromisoformat(f"2026-11-22T{at}+00:00")
    end = QuietHours(quiet).until(now)
    assert (end.strftime("%Y-%m-%d %H:%M") if end else None) == until
