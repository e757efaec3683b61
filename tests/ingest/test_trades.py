"""ingest/trades.py on a real Temporal server."""

from __future__ import annotations

import asyncio
import socket
import uuid
from typing import Literal

import pytest
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

from domain.money import price
from domain.rules import EntryRules
from domain.trigger import Trigger
from ingest.trades import NotNow, Trades
from tests.ingest.samples import NOW, trigger
from tests.waiting import eventually
from workflows.messages import VenueEvent


def fresh() -> Trigger:
    """Return a trigger on a market that no other test uses."""
    return trigger(NOW, f"0x{uuid.uuid4().hex}")


def trades_on(client: Client, queue: str, entry: EntryRules | None = None) -> Trades:
    """Return trades on this queue."""
    return Trades(client, queue, "https://site.example/", entry or EntryRules())


async def test_of_fifty_starts_at_once_one_is_the_first(
    temporal_client: Client, trade_queue: str
) -> None:
    """G2, STO-H1"""
    trades, one = trades_on(temporal_client, trade_queue), fresh()
    answers = await asyncio.gather(*(trades.start(one) for _ in range(50)))
    assert sorted(answers) == [False] * 49 + [True]


async def test_an_operator_sees_what_it_is_about(temporal_client: Client, trade_queue: str) -> None:
    one = fresh().model_copy(update={"question": "Will | it <b>happen</b>? " + "é" * 300})
    await trades_on(temporal_client, trade_queue).start(one)
    handle = temporal_client.get_workflow_handle(one.workflow_id)
    shown = await handle.describe()
    summary = await shown.static_summary() or ""
    assert summary.startswith("Buy Yes ≤ 0.95 · Will") and "<" not in summary
    assert len(summary.encode()) <= 200
    memo = await shown.memo()
    assert memo["link"] == "https://site.example/market/will-it-happen"
    found = {pair.key.name: pair.value for pair in shown.typed_search_attributes}
    assert found["Mode"] == "paper" and found["Stage"] == "screening" and found["Threshold"] == 0.95
    assert found["ConditionId"] == one.condition_id and found["EventId"] == "77"


@pytest.mark.parametrize(("pay_up_to", "most"), [("touch", "0.96"), ("cap", "0.98")])
async def test_the_summary_names_the_most_that_may_be_paid(
    temporal_client: Client, trade_queue: str, pay_up_to: Literal["touch", "cap"], most: str
) -> None:
    one = fresh().model_copy(update={"price": price("0.96")})
    entry = EntryRules(max_price=price("0.98"), pay_up_to=pay_up_to)
    await trades_on(temporal_client, trade_queue, entry).start(one)
    shown = await temporal_client.get_workflow_handle(one.workflow_id).describe()
    assert (await shown.static_summary() or "").startswith(f"Buy Yes ≤ {most} ·")


async def test_a_completed_trade_is_never_started_again(
    temporal_client: Client, trade_queue: str
) -> None:
    trades, one = trades_on(temporal_client, trade_queue), fresh()
    assert await trades.start(one)
    handle = temporal_client.get_workflow_handle(one.workflow_id)
    await handle.signal("over")
    await handle.result()
    assert not await trades.start(one)


async def test_a_failed_trade_leaves_its_id_free(temporal_client: Client, trade_queue: str) -> None:
    """`NotEntered` fails the run on purpose (design 5)."""
    trades, one = trades_on(temporal_client, trade_queue), fresh()
    assert await trades.start(one)
    await temporal_client.get_workflow_handle(one.workflow_id).terminate()
    assert await trades.start(one)


async def test_a_signal_reaches_the_trade_and_none_is_no_error(
    temporal_client: Client, trade_queue: str
) -> None:
    trades, one = trades_on(temporal_client, trade_queue), fresh()
    await trades.start(one)
    event = VenueEvent(order_id="0xaa", kind="matched", trade_id="t1")
    assert await trades.tell(one.workflow_id, "venue_event", event)
    handle = temporal_client.get_workflow_handle(one.workflow_id)
    await eventually(lambda: handle.query("what"))
    assert await handle.query("what") == ["0xaa matched t1"]
    assert not await trades.tell("no such trade", "venue_event", event)


async def test_a_server_that_is_away_means_not_now(monkeypatch: pytest.MonkeyPatch) -> None:
    """S1"""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    client = await Client.connect(address, data_converter=pydantic_data_converter, lazy=True)
    trades = trades_on(client, "nowhere")
    with pytest.raises(NotNow):
        await asyncio.wait_for(trades.start(fresh()), 30)
