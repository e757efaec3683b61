"""touchline live and canary against the sim; nothing here can reach the real venue."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import pytest_asyncio

from domain.market import Mode
from domain.trade import HaltState
from ops.cli.main import main
from ops.live.record import summarise, wilson
from store.account import Account
from store.pulse import SyncOutcome, SyncRuns
from store.views import Views
from tests.ops.traded import Morning
from tests.venue.scripted import KEY
from tests.venue.simulated import Sim, connected, open_market, running_sim
from tests.waiting import eventually
from venue.canary import canary_intent, post_only
from venue.errors import Refused
from worker.gentle import WHY, starting_gently

NAMES = ("clob", "gamma", "data", "relayer", "site", "rpc", "market_ws", "user_ws")


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in list(os.environ):
        if name.startswith("TOUCHLINE_") or name in ("DATABASE_URL", "TEMPORAL_ADDRESS"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("TOUCHLINE_STATE", str(tmp_path / "state"))
    for name in NAMES:  # even a test that forgets the sim reaches nobody
        monkeypatch.setenv(f"TOUCHLINE_VENUE__{name.upper()}_URL", "http://127.0.0.1:9")
    monkeypatch.chdir(tmp_path)


def use(sim: Sim, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        monkeypatch.setenv(f"TOUCHLINE_VENUE__{name.upper()}_URL", getattr(sim.hosts, name))
    monkeypatch.setenv("TOUCHLINE_WALLET__PRIVATE_KEY", KEY)
    monkeypatch.setenv("TOUCHLINE_VENUE__RELAYER_API_KEY", "play")


@pytest_asyncio.fixture(loop_scope="session")
async def sim(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Sim]:
    async with running_sim("--source", "none") as found:
        await found.fund()
        use(found, monkeypatch)
        yield found


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Record what would be started instead of starting it."""
    calls: list[dict[str, Any]] = []
    monkeypatch.setattr("ops.cli.up.up", lambda **given: calls.append(given))
    return calls


async def run(*arguments: str) -> int:
    return await asyncio.to_thread(main, list(arguments))


async def test_real_money_starts_after_the_gate_and_the_phrase_only(
    sim: Sim,
    dsn: str,
    pool: asyncpg.Pool[Any],
    started: list[dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    await Morning(pool).whole()
    monkeypatch.setenv("DATABASE_URL", dsn)
    assert await run("live", "--phrase", "yes") == 4 and not started
    out, err = capsys.readouterr()
    phrase = err.partition("the phrase is: ")[2].strip()
    assert phrase.startswith("trade real money with ")
    for shown in ("At stake", "5.00", "Paper record", "does not show an edge"):
        assert shown in out
    assert KEY[2:] not in out + err
    assert await run("live", "--phrase", phrase, "--gate-only") == 0 and not started
    assert await run("live", "--phrase", phrase.upper()) == 0
    assert started == [{"profile": "live", "set_": ["live_confirmed=true"]}]
    rows = await pool.fetch("SELECT who, result FROM audit WHERE what = 'live'")
    assert [row["result"] for row in rows] == ["confirmed"] * 2


async def test_a_shut_gate_cannot_be_talked_open(
    dsn: str,
    started: list[dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("DATABASE_URL", dsn)
    monkeypatch.setenv("TOUCHLINE_WALLET__PRIVATE_KEY", KEY)
    code = await run("live", "--phrase", "trade real money with anything")
    assert code == 1 and not started
    assert "the start gate is shut" in capsys.readouterr().err


async def test_without_a_wallet_there_is_nothing_to_open(
    dsn: str, started: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", dsn)
    assert await run("live", "--phrase", "x") == 4 and not started


async def test_the_canary_sings_and_leaves_nothing_behind(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async with running_sim("--source", "synthetic", "--synthetic-markets", "8") as sim:
        async with connected(sim) as venue:
            use(sim, monkeypatch)
            market, _ = await open_market(venue)
            before = await venue.balance()
            token = market.tokens[0].token_id
            code = await run("canary", token, "--json")
            said = json.loads(capsys.readouterr().out)
            assert (code, said["passed"]) == (0, True), said
            names = [step["name"] for step in said["steps"]]
            assert names == ["post", "seen open", "cancel", "seen gone", "no fill"]
            assert await venue.open_orders() == [] and await venue.balance() == before
            assert await run("canary", "123456") == 1
            assert "nothing was posted" in capsys.readouterr().err


async def test_the_canary_may_only_rest_and_wants_room() -> None:
    async with running_sim("--source", "synthetic", "--synthetic-markets", "8") as sim:
        async with connected(sim) as venue:
            market, book = await open_market(venue)
            intent = canary_intent(market, book, datetime.now(UTC))
            assert intent.limit == book.tick and intent.shares == book.min_size
            order = await venue.sign(intent, 1, datetime.now(UTC))
            body = json.loads(post_only(order).body)
            assert body.pop("postOnly") is True and body == json.loads(order.body)
            with pytest.raises(Refused, match="expected a best ask"):
                canary_intent(market, book.model_copy(update={"asks": ()}), datetime.now(UTC))


@pytest.mark.parametrize(
    ("wins", "trades", "low", "high"),
    [(0, 0, 0.0, 1.0), (18, 18, 0.824, 1.0), (95, 100, 0.888, 0.978), (0, 10, 0.0, 0.278)],
)
def test_the_interval_is_wilsons(wins: int, trades: int, low: float, high: float) -> None:
    found = wilson(wins, trades)
    assert (round(found[0], 3), round(found[1], 3)) == (low, high)


async def test_eighteen_wins_in_a_row_at_96_cents_show_no_edge(pool: asyncpg.Pool[Any]) -> None:
    await Morning(pool).whole()
    record = summarise(await Views(pool).trades(Mode.PAPER))
    assert record.trades == 2 and not record.shows_edge
    assert record.needed is not None and record.needed > Decimal("0.9")
    assert summarise([]).needed is None


def clock() -> datetime:
    return datetime.now(UTC)


async def halt_of(pool: asyncpg.Pool[Any]) -> HaltState:
    return (await Account(pool).get(Mode.LIVE)).halt


async def reconciled(pool: asyncpg.Pool[Any], outcome: SyncOutcome) -> None:
    runs, now = SyncRuns(pool), clock()
    number = await runs.start(f"run-{now.timestamp()}", Mode.LIVE, "test", False, now)
    await runs.end(number, outcome, {}, [], clock())


QUICK = timedelta(milliseconds=20)


async def test_live_starts_with_exits_only_until_a_reconciliation_is_clean(
    pool: asyncpg.Pool[Any],
) -> None:
    await reconciled(pool, SyncOutcome.CLEAN)  # before the start: proves nothing
    async with starting_gently(pool, Mode.LIVE, clock, QUICK):
        assert await halt_of(pool) is HaltState.REDUCING
        await reconciled(pool, SyncOutcome.REFUSED)
        await reconciled(pool, SyncOutcome.REPAIRED)
        await asyncio.sleep(0.1)
        assert await halt_of(pool) is HaltState.REDUCING
        await reconciled(pool, SyncOutcome.CLEAN)

        async def active() -> bool:
            return await halt_of(pool) is HaltState.ACTIVE

        await eventually(active)


async def test_what_a_person_halted_stays_so(pool: asyncpg.Pool[Any]) -> None:
    account = Account(pool)
    for state in (HaltState.HALTED, HaltState.REDUCING):
        await account.halt(Mode.LIVE, state, "ann", "news", clock())
        async with starting_gently(pool, Mode.LIVE, clock, QUICK):
            await reconciled(pool, SyncOutcome.CLEAN)
            await asyncio.sleep(0.1)
        row = await account.get(Mode.LIVE)
        assert (row.halt, row.halt_why) == (state, "news")


async def test_play_money_starts_at_once_and_a_crash_keeps_the_reduction(
    pool: asyncpg.Pool[Any],
) -> None:
    async with starting_gently(pool, Mode.PAPER):
        assert (await Account(pool).get(Mode.PAPER)).halt is HaltState.ACTIVE
    async with starting_gently(pool, Mode.LIVE):
        pass
    async with starting_gently(pool, Mode.LIVE, clock, QUICK):  # the next start ends it
        assert (await Account(pool).get(Mode.LIVE)).halt_why == WHY
        await reconciled(pool, SyncOutcome.CLEAN)

        async def active() -> bool:
            return await halt_of(pool) is HaltState.ACTIVE

        await eventually(active)
