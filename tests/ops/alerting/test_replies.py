"""ops/alerting/replies.py: the configured chat is obeyed, nobody else is."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest_asyncio
from temporalio.client import Client

from domain.market import Mode
from domain.trade import HaltState
from ops.alerting.build import build_replies
from ops.alerting.replies import Replies
from settings.load import load_settings
from store.account import Account
from store.audit import Audit
from tests.ops.alerting.loopback import Receiver, receiver

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)


@pytest_asyncio.fixture
async def telegram() -> AsyncIterator[Receiver]:
    async with receiver() as found:
        yield found


@pytest_asyncio.fixture
async def replies(pool: Any, telegram: Receiver, temporal_client: Client) -> AsyncIterator[Replies]:
    settings = load_settings(
        [
            "alerts.telegram_token=1:t",
            "alerts.telegram_chat=42",
            f"alerts.telegram_url={telegram.url}",
        ],
        {},
    )
    async with httpx.AsyncClient() as web:
        found = build_replies(settings, pool, web, temporal_client, lambda: NOW)
        assert found is not None
        yield found


def message(number: int, text: str, chat: int = 42, age: int = 0) -> dict[str, object]:
    sent = int((NOW - timedelta(seconds=age)).timestamp())
    return {
        "update_id": number,
        "message": {"chat": {"id": chat}, "from": {"id": 7}, "date": sent, "text": text},
    }


async def test_status_tells_money_and_trades(replies: Replies, telegram: Receiver) -> None:
    telegram.updates = [message(1, "/status")]
    assert await replies.listen(0) == 1
    assert telegram.texts == [
        "[PAPER] active\nBalance unknown, reserved $0.00\n0 open trades, cost $0.00\n"
        "Today $0.00, 7 days $0.00 (0 won, 0 lost)"
    ]
    assert await replies.listen(0) == 0  # acknowledged: obeyed once


async def test_halt_from_the_chat_halts_and_is_audited(
    replies: Replies, telegram: Receiver, pool: Any
) -> None:
    telegram.updates = [message(1, "/halt@our_bot the book looks wrong")]
    await replies.listen(0)
    account = await Account(pool).get(Mode.PAPER)
    assert account.halt is HaltState.HALTED
    (row,) = await Audit(pool).since(NOW - timedelta(hours=1))
    assert (row.who, row.what, row.why) == ("telegram:7", "halt", "the book looks wrong")
    assert telegram.texts[0].startswith("Nothing is posted any more")


async def test_another_chat_is_neither_obeyed_nor_answered(
    replies: Replies, telegram: Receiver, pool: Any
) -> None:
    telegram.updates = [
        message(1, "/halt", chat=43),
        {"update_id": 2, "message": {"text": "/halt"}},
    ]
    await replies.listen(0)
    assert (await Account(pool).get(Mode.PAPER)).halt is HaltState.ACTIVE
    assert telegram.texts == [] and replies.counts["stranger"] == 2


async def test_a_command_that_waited_too_long_is_not_obeyed(
    replies: Replies, telegram: Receiver, pool: Any
) -> None:
    telegram.updates = [message(1, "/halt", age=301)]
    await replies.listen(0)
    assert (await Account(pool).get(Mode.PAPER)).halt is HaltState.ACTIVE
    assert "send it again" in telegram.texts[0]


async def test_approving_a_trade_that_is_not_there_says_so_and_is_audited(
    replies: Replies, telegram: Receiver, pool: Any
) -> None:
    telegram.updates = [
        message(1, "/approve 0xnone:0.95"),
        message(2, "/approve"),
        message(3, "/x"),
    ]
    await replies.listen(0)
    assert telegram.texts[0] == "Not done: no trade 0xnone:0.95 is under way"
    assert telegram.texts[1].startswith("Not done: say which trade")
    assert telegram.texts[2] == "I know /status, /halt, /reduce, /approve, /reject"
    (row,) = await Audit(pool).since(NOW - timedelta(hours=1))
    assert row.result == "refused: no trade 0xnone:0.95 is under way"
