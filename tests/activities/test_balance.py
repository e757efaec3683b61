"""activities/balance.py: one question at a time, shared, and never an answer from before."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import cast

import pytest

from activities.balance import refresh_balance
from domain.market import Mode
from domain.money import Usd, usd
from store.account import Account
from venue.errors import NotReady, VenueError
from venue.polymarket import Venue


class Purse:
    """A venue and an account row in one; questions are answered when `let` is set."""

    def __init__(self) -> None:
        self.let = asyncio.Event()
        self.asked = 0
        self.money = usd(100)
        self.fails = False
        self.rows: list[Usd | None] = []

    async def balance(self, refresh: bool) -> Usd:
        self.asked += 1
        seen = self.money
        await self.let.wait()
        if self.fails:
            raise NotReady("later")
        return seen

    async def set_balance(
        self, mode: Mode, balance: Usd | None, at: datetime, *, now: datetime
    ) -> None:
        self.rows.append(balance)

    async def refreshed(self) -> Usd:
        venue, account = cast(Venue, self), cast(Account, self)
        return await refresh_balance(venue, account, Mode.PAPER, lambda: datetime.now(UTC))


async def asking(purse: Purse, callers: int) -> list[asyncio.Task[Usd]]:
    """Return so many callers, each of which has asked by now."""
    tasks = [asyncio.create_task(purse.refreshed()) for _ in range(callers)]
    for _ in range(5):
        await asyncio.sleep(0)
    return tasks


async def test_whoever_comes_during_a_question_shares_the_next_one() -> None:
    purse = Purse()
    first = await asking(purse, 1)
    purse.money = usd(60)  # a fill: whoever asks from now on must see it
    later = await asking(purse, 20)
    purse.let.set()
    assert await asyncio.gather(*first) == [usd(100)]
    assert await asyncio.gather(*later) == [usd(60)] * 20
    assert purse.asked == 2 and purse.rows == [usd(100), usd(60)]


async def test_a_question_without_an_answer_is_unknown_to_all_who_shared_it() -> None:
    purse = Purse()
    first = await asking(purse, 1)
    purse.fails = True
    later = await asking(purse, 3)
    purse.let.set()
    for task in [*first, *later]:
        with pytest.raises(VenueError):
            await task
    assert purse.rows == [None, None]
    purse.fails = False
    assert await purse.refreshed() == usd(100)


async def test_a_cancelled_asker_takes_nobody_with_it() -> None:
    purse = Purse()
    (first,) = await asking(purse, 1)
    later = await asking(purse, 2)
    first.cancel()
    purse.let.set()
    assert await asyncio.gather(*later) == [usd(100)] * 2
    assert first.cancelled() and purse.asked == 2
