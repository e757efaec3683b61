"""`touchline redeem`: an open trade looks at its resolution at once, and redeems by itself."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import pytest_asyncio
from temporalio.client import Client

from domain.trade import Stage
from ops.actions.redeeming import Redeeming
from ops.actions.refusal import Refused
from ops.cli.main import main
from sim.faults import Fault
from store.audit import Audit
from tests.house import House
from tests.waiting import eventually
from tests.whole.conftest import Opener
from tests.whole.test_paths import in_stage

PATIENT = ("pace.hold_poll=1h", "pace.resolution_poll=1h")  # a trade that looks only when asked


@pytest_asyncio.fixture
async def patient(
    houses: Opener,
    dsn: str,
    temporal_client: Client,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> AsyncIterator[House]:
    """Return a house whose trades look by themselves once an hour; commands reach it."""
    for name in list(os.environ):
        if name.startswith("TOUCHLINE_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("TOUCHLINE_STATE", str(tmp_path))
    monkeypatch.setenv("DATABASE_URL", dsn)
    monkeypatch.setenv("TEMPORAL_ADDRESS", temporal_client.service_client.config.target_host)
    async with houses(*PATIENT) as house:
        yield house


async def run(*arguments: str) -> int:
    return await asyncio.to_thread(main, list(arguments))


async def waiting(house: House, trade: Any) -> None:
    """Wait until the fills are settled and the trade sleeps in its watch."""

    async def asleep() -> bool:
        pending = (await trade.describe()).raw_description.pending_activities
        names = [p.activity_type.name for p in pending if p.HasField("last_failure")]
        position = await house.desk.pool.fetchrow(
            "SELECT shares = shares_confirmed AS settled FROM positions WHERE workflow_id = $1",
            trade.id,
        )
        return names == ["watch_position"] and bool(position and position["settled"])

    await eventually(asleep, within=60)


async def held(house: House) -> tuple[Any, Any]:
    shown = house.market()
    trade = await house.trade(house.touch(shown))
    await in_stage(trade, Stage.HOLDING)
    await waiting(house, trade)
    return shown, trade


async def audited(pool: asyncpg.Pool[Any]) -> list[tuple[str, str, str]]:
    rows = await Audit(pool).since(datetime.now(UTC) - timedelta(hours=1))
    return [(row.what, row.target, row.result) for row in reversed(rows)]


async def test_a_trade_that_would_sleep_an_hour_redeems_when_asked(
    patient: House, pool: asyncpg.Pool[Any], capsys: pytest.CaptureFixture[str]
) -> None:
    shown, trade = await held(patient)
    assert await run("redeem", shown.condition_id) == 0
    said = capsys.readouterr().out
    assert "looked again, not to be redeemed yet" in said and "bid 0.95" in said
    patient.resolve(shown)
    answers = await asyncio.gather(*(run("redeem", trade.id, "--why", "paid?") for _ in range(3)))
    assert answers.count(0) >= 1  # three terminals at once: one redemption
    result = await asyncio.wait_for(trade.result(), 30)
    assert result.ending is Stage.SETTLED and result.profit > 0
    judged = await patient.judge()
    assert judged.clean, judged
    assert await run("redeem", trade.id) == 2
    assert "not done: the trade is settled" in capsys.readouterr().err
    rows = await audited(pool)
    assert len(rows) == 5 and {(what, target) for what, target, _ in rows} == {("redeem", trade.id)}
    assert rows[-1][2] == "refused: the trade is settled"


async def test_without_a_trade_all_whose_market_is_over_are_asked(
    patient: House, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await run("redeem") == 0
    assert "nothing to redeem" in capsys.readouterr().out
    over, first = await held(patient)
    _, second = await held(patient)
    await patient.desk.pool.execute(
        "UPDATE markets SET closed = condition_id = $1, end_time = now() + interval '1 day'",
        over.condition_id,
    )
    patient.resolve(over)
    assert await run("redeem", "--json") == 0
    (answer,) = json.loads(capsys.readouterr().out)
    assert answer["trade"] == first.id and answer["looked"] is True
    assert answer["stage"] in ("redeeming", "settled")
    assert (await asyncio.wait_for(first.result(), 30)).ending is Stage.SETTLED
    await in_stage(second, Stage.HOLDING)


async def test_a_redemption_under_way_is_told_and_not_begun_again(
    patient: House, capsys: pytest.CaptureFixture[str]
) -> None:
    shown, trade = await held(patient)
    engine = patient.sim.engine
    engine.faults.add(Fault(name="redeem_not_ready", count=1), engine.now())
    patient.resolve(shown)
    assert await run("redeem", trade.id, "--json") == 0
    assert json.loads(capsys.readouterr().out)[0]["stage"] in ("redeeming", "settled")
    assert (await asyncio.wait_for(trade.result(), 30)).ending is Stage.SETTLED
    assert (await patient.judge()).clean


async def test_what_cannot_be_redeemed_says_why_with_its_code(
    patient: House, pool: asyncpg.Pool[Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert await run("redeem", "0xnone") == 2
    assert "0xnone is no trade in paper mode" in capsys.readouterr().err
    desk = Redeeming(pool, patient.client, lambda: datetime.now(UTC), timedelta(seconds=1))
    with pytest.raises(Refused, match="no trade 0xnone:0.95 is under way") as refused:
        await desk.look("0xnone:0.95", "ann")
    assert refused.value.missing
    unserved = await patient.client.start_workflow(
        "TradeWorkflow", id="0xunserved:0.95", task_queue="nobody-polls-here"
    )
    with pytest.raises(Refused, match="no answer in time") as slow:
        await desk.look(unserved.id, "ann")
    assert slow.value.timeout
    await unserved.terminate()
    rows = await audited(pool)
    assert [target for _, target, _ in rows] == ["0xnone:0.95", "0xunserved:0.95"]
    assert all(result.startswith("refused: ") for _, _, result in rows)
