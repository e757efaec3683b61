"""ingest/signals.py"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from ingest.signals import Signals
from tests.ingest.samples import FakeTrades
from tests.venue.loopback import running
from tests.waiting import eventually
from workflows.messages import VenueEvent


def news(number: int) -> VenueEvent:
    """Return a distinguishable message."""
    return VenueEvent(order_id=f"0x{number}", kind="matched")


@asynccontextmanager
async def signalling(trades: FakeTrades, give_up: float = 60) -> AsyncIterator[Signals]:
    """Run signals for the block."""
    signals = Signals(trades, workers=2, give_up=give_up)
    async with running(asyncio.create_task(signals.run())):
        yield signals


async def test_messages_that_wait_for_the_same_place_are_merged_into_the_newest() -> None:
    trades = FakeTrades()
    async with signalling(trades) as signals:
        for number in range(5):
            signals.put("w", "key", "venue_event", news(number))
        signals.put("w", "other", "venue_event", news(9))
        await eventually(lambda: len(trades.told) == 2)
        assert {m.order_id for _, _, m in trades.told if isinstance(m, VenueEvent)} == {
            "0x4",
            "0x9",
        }
        assert signals.counts == {"merged": 4, "sent": 2}


async def test_a_signal_is_repeated_while_temporal_is_away() -> None:
    trades = FakeTrades()
    trades.down = 2
    async with signalling(trades) as signals:
        signals.put("w", "key", "venue_event", news(1))
        await eventually(lambda: len(trades.told) == 1)


async def test_a_newer_message_replaces_the_one_that_could_not_be_sent() -> None:
    trades = FakeTrades()
    trades.down = 1
    async with signalling(trades) as signals:
        signals.put("w", "key", "venue_event", news(1))
        await eventually(lambda: signals.counts["retry"] == 1)
        signals.put("w", "key", "venue_event", news(2))
        await eventually(lambda: trades.told)
        assert [m for _, _, m in trades.told] == [news(2)]


async def test_a_trade_that_does_not_run_is_no_error() -> None:
    trades = FakeTrades()
    trades.unknown.add("w")
    async with signalling(trades) as signals:
        signals.put("w", "key", "venue_event", news(1))
        await eventually(lambda: signals.counts["no_trade"] == 1)


async def test_a_hint_is_given_up_in_the_end_and_the_next_one_is_sent() -> None:
    trades = FakeTrades()
    trades.down = 2
    async with signalling(trades, give_up=0.05) as signals:
        signals.put("w", "key", "venue_event", news(1))
        await eventually(lambda: signals.counts["given_up"] == 1)
        signals.put("w", "key", "venue_event", news(2))
        await eventually(lambda: trades.told)
        assert [m for _, _, m in trades.told] == [news(2)]
