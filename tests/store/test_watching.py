"""store/{alerts,approvals,audit,decisions,levels,markets,pulse,scores,touches}.py"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from decimal import Decimal
from typing import Any

import asyncpg
import pytest

from domain.decision import Decision, DecisionStage, Verdict
from domain.market import Fee, Market, Mode, Token
from domain.money import price, shares, usd
from domain.orders import Side
from store.alerts import Alerts, AlertState, Priority
from store.approvals import Approval, Approvals, ApprovalState
from store.audit import Audit
from store.decisions import DecisionRow, Decisions
from store.levels import CHANNEL, Level, Levels
from store.markets import _SELECT, Markets, TokenMoved, _markets, _rows
from store.pool import open_pool
from store.pulse import Heartbeats, SyncOutcome, SyncRuns
from store.scores import Blocks, ScoreRow, Scores
from store.touches import LostTouch, Tape, TapeTrade, Touches, TouchKind
from tests.store.examples import NOW, SECOND
from tests.venue.loopback import running
from tests.waiting import eventually

P = Mode.PAPER
MINUTE = timedelta(minutes=1)


def market(name: str = "0xc1", **change: Any) -> Market:
    """Return a market with two outcomes."""
    values: dict[str, Any] = {
        "condition_id": name,
        "question": "Will <b>it</b> hold?",
        "tags": ("crypto", "15m"),
        "event_id": "e1",
        "end_time": NOW + timedelta(days=1),
        "tokens": (
            Token(token_id=f"{name}-1", outcome="Yes", index=0),
            Token(token_id=f"{name}-2", outcome="No", index=1),
        ),
        "fee": Fee(rate=Decimal("0.07")),
    }
    return Market.model_validate({**values, **change})


async def test_the_catalogue_counts_what_really_changed(pool: asyncpg.Pool[Any]) -> None:
    """STO-M3: ten markets, four of them known, are six new ones; a retry writes nothing."""
    markets = Markets(pool)
    assert await markets.upsert([market(f"0xc{n}") for n in range(4)]) == 4
    assert await markets.upsert([market(f"0xc{n}") for n in range(10)]) == 6
    assert await markets.upsert([market(f"0xc{n}") for n in range(10)]) == 0
    assert await markets.upsert([market("0xc1", closed=True), market("0xc2")]) == 1
    assert await markets.upsert([]) == 0
    assert await markets.get("0xc3") == market("0xc3")
    assert await markets.get("0xno") is None


async def test_the_catalogue_keeps_every_word_that_a_filter_reads(pool: asyncpg.Pool[Any]) -> None:
    given = market(
        group_title="Person B",
        category="Politics",
        resolution_status="proposed",
        neg_risk=True,
        augmented_neg_risk=True,
        protocol="v2",
        active=False,
        closed=True,
        accepting_orders=False,
    )
    await Markets(pool).upsert([given])
    assert await Markets(pool).get(given.condition_id) == given


async def test_the_catalogue_knows_a_market_by_its_token(pool: asyncpg.Pool[Any]) -> None:
    markets = Markets(pool)
    late = market("0xlate", end_time=NOW + timedelta(days=9))
    open_ended = market("0xopen", end_time=None)
    await markets.upsert([late, market(), open_ended, market("0xover", closed=True)])
    assert await markets.by_token("0xc1-2") == market()
    assert await markets.by_token("0xno") is None
    assert [m.condition_id for m in await markets.active()] == ["0xc1", "0xlate", "0xopen"]
    soon = await markets.active(ends_after=NOW, ends_before=NOW + timedelta(days=2))
    assert [m.condition_id for m in soon] == ["0xc1"]  # an unknown end is not soon (XD-4)


async def test_listeners_hear_of_markets_only_when_a_row_changed(pool: asyncpg.Pool[Any]) -> None:
    markets, heard = Markets(pool), list[object]()

    async def told() -> int:
        """Return how often, once a notice of our own has come after all earlier ones."""
        asked = heard.count("mine") + 1
        await pool.execute("NOTIFY markets, 'mine'")
        await eventually(lambda: heard.count("mine") == asked)
        return heard.count("")

    async with pool.acquire() as connection:

        def hear(*said: object) -> None:
            heard.append(said[-1])

        await connection.add_listener("markets", hear)
        try:
            await markets.upsert([market()])
            assert await told() == 1
            await markets.upsert([market()])
            assert await told() == 1
            await markets.upsert([market(closed=True), market("0xc2")])
            assert await told() == 2
        finally:
            await connection.remove_listener("markets", hear)


async def test_others_get_the_loop_while_rows_are_made(pool: asyncpg.Pool[Any]) -> None:
    """Ingest reads its stream on the same loop."""
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    given = [market(f"0xc{n}") for n in range(200)]
    async with running(asyncio.create_task(others())):
        rows, _ = await _rows(given)
        assert len(rows) == 200 and turns >= 8
        await Markets(pool).upsert(given)
        records = await pool.fetch(_SELECT)
        turns = 0
        assert len(await _markets(records)) == 200 and turns >= 8


async def test_a_token_never_moves_to_another_market(pool: asyncpg.Pool[Any]) -> None:
    """Q6: a data error, of which nothing is written."""
    markets = Markets(pool)
    await markets.upsert([market()])
    thief = market("0xthief", tokens=(Token(token_id="0xc1-1", outcome="Yes", index=0),))
    with pytest.raises(TokenMoved, match="to stay in market"):
        await markets.upsert([market("0xc2"), thief])
    assert await markets.get("0xc2") is None


async def test_twenty_workers_send_one_alert(pool: asyncpg.Pool[Any]) -> None:
    """MON-M3: one per key and cool-down across all processes; the next says how many it held."""
    alerts = Alerts(pool)

    async def put(at: int) -> bool:
        when = NOW + at * SECOND
        return await alerts.put("low-balance", Priority.HIGH, "Low", "49 USD", MINUTE, when)

    assert sum(await asyncio.gather(*(put(n) for n in range(20)))) == 1
    [first] = await alerts.due(NOW + 30 * SECOND)
    assert not await put(59)
    assert await put(90)
    assert await alerts.put("other", Priority.LOW, "x", "y", MINUTE, NOW, P)
    rows = await alerts.recent(NOW)
    assert [r.key for r in rows] == ["low-balance", first.key, "other"] or len(rows) == 3
    assert max(r.suppressed for r in rows) == 20


async def test_an_alert_goes_to_one_sender_until_its_lease_is_over(
    pool: asyncpg.Pool[Any],
) -> None:
    """MON-M3: a failed send is retried; one that nobody can send is dead, and seen as such."""
    alerts = Alerts(pool)
    for n in range(3):
        await alerts.put(f"k{n}", Priority.NORMAL, "t", "x", MINUTE, NOW + n * SECOND)
    at = NOW + 5 * SECOND
    taken = await asyncio.gather(*(alerts.due(at, limit=2) for _ in range(4)))
    ids = [a.alert_id for batch in taken for a in batch]
    assert len(ids) == len(set(ids)) == 3
    one, two, three = sorted(ids)
    await alerts.sent(one, at)
    await alerts.failed(two, "HTTP 500", at + SECOND)
    await alerts.failed(three, "chat not found", None)
    assert [a.alert_id for a in await alerts.due(at + 2 * SECOND)] == [two]
    assert [a.alert_id for a in await alerts.due(at + 5 * MINUTE)] == [two]
    states = {a.alert_id: a.state for a in await alerts.recent(NOW)}
    assert states == {one: AlertState.SENT, two: AlertState.QUEUED, three: AlertState.DEAD}
    assert await alerts.acknowledge(one, "ann")
    assert not await alerts.acknowledge(one, "bob")


async def test_a_question_is_answered_once_and_in_time(pool: asyncpg.Pool[Any]) -> None:
    approvals = Approvals(pool)

    def question(run: str) -> Approval:
        return Approval(
            workflow_id="0xc1:0.95",
            run_id=run,
            mode=P,
            condition_id="0xc1",
            token_id="11",
            question="Will it hold?",
            price=price("0.95"),
            max_price=price("0.98"),
            stake=usd(150),
            asked_at=NOW,
            deadline=NOW + 5 * MINUTE,
        )

    assert await approvals.ask(question("r1")) and not await approvals.ask(question("r1"))
    await approvals.ask(question("r2"))
    assert [a.run_id for a in await approvals.pending(P)] == ["r1", "r2"]
    key = ("0xc1:0.95", "r1")
    assert await approvals.answer(*key, ApprovalState.APPROVED, "ann", "", NOW)
    assert not await approvals.answer(*key, ApprovalState.REJECTED, "bob", "", NOW)
    late = NOW + 6 * MINUTE
    other = ("0xc1:0.95", "r2")
    assert not await approvals.answer(*other, ApprovalState.APPROVED, "ann", "", late)
    assert await approvals.answer(*other, ApprovalState.EXPIRED, "deadline", "", late)
    stored = await approvals.get(*key)
    assert stored and (stored.state, stored.who) == (ApprovalState.APPROVED, "ann")
    assert await approvals.get("0xno:0.95", "r1") is None
    assert await approvals.pending(P) == []


async def test_ingest_hears_of_changed_levels(dsn: str) -> None:
    pool = await open_pool(dsn)
    levels, heard = Levels(pool), list[object]()
    listener = await asyncpg.connect(dsn)
    await listener.add_listener(CHANNEL, lambda *event: heard.append(event[-1]))
    one = Level(workflow_id="w", mode=P, token_id="11", above=price("0.99"), below=None, set_at=NOW)
    await levels.set(one)
    await levels.set(one.model_copy(update={"above": price("0.98"), "set_at": NOW - SECOND}))
    assert await levels.all(P) == [one] and await levels.get("w", P) == one
    await levels.set(one.model_copy(update={"above": None, "set_at": NOW + SECOND}))
    assert await levels.all(P) == [] and await levels.get("w", P) is None
    assert await eventually(lambda: len(heard) == 2)
    await listener.close()
    await pool.close()


def decided(**change: Any) -> DecisionRow:
    """Return a decision of the entry path."""
    values: dict[str, Any] = {
        "workflow_id": "0xc1:0.95",
        "run_id": "r1",
        "seq": 0,
        "mode": P,
        "condition_id": "0xc1",
        "token_id": "11",
        "threshold": price("0.95"),
        "stage": DecisionStage.SCREENING,
        "decision": Decision(
            verdict=Verdict.HOLD,
            reason="size unknown",
            filter="trade_size",
            values={"size": "unknown"},
            strategy="high_prob_yes",
            strategy_version="1",
            limit=price("0.95"),
            stake=usd(20),
            score="0.98",
            decided_at=NOW,
        ),
        "book": {"asks": [["0.95", "60"]]},
        "settings_hash": "h",
        "at": NOW,
    }
    return DecisionRow.model_validate({**values, **change})


async def test_a_decision_is_written_once_and_read_whole(pool: asyncpg.Pool[Any]) -> None:
    decisions = Decisions(pool)
    assert await decisions.record(decided())
    assert not await decisions.record(decided())
    assert await decisions.of_condition("0xc1") == [decided()]
    nameless = decided(workflow_id=None, run_id=None, stage=DecisionStage.INGEST)
    assert await decisions.record(nameless) and await decisions.record(nameless)
    funnel = await decisions.funnel(NOW, NOW + SECOND)
    assert [(f.stage, f.filter, f.decisions) for f in funnel] == [
        (DecisionStage.INGEST, "trade_size", 2),
        (DecisionStage.SCREENING, "trade_size", 1),
    ]


async def test_scores_keep_their_history(pool: asyncpg.Pool[Any]) -> None:
    scores = Scores(pool)
    rows = [
        ScoreRow(
            condition_id="0xc1",
            token_id="11",
            provider="table",
            version="v1",
            value=Decimal("0.97") + n * Decimal("0.01"),
            scored_at=NOW + n * SECOND,
        )
        for n in range(2)
    ]
    assert await scores.put(rows) == 2
    assert await scores.put(rows) == 0
    assert await scores.latest("11", "table") == rows[1]
    assert await scores.latest("11", "http") is None


async def test_blocks_and_audit_go_together(pool: asyncpg.Pool[Any]) -> None:
    blocks, audit = Blocks(pool), Audit(pool)
    assert await blocks.add("0xc1", "ann", "smells", NOW)
    assert not await blocks.add("0xc1", "bob", "same", NOW)
    assert await blocks.has("0xc1") and [b.who for b in await blocks.all()] == ["ann"]
    assert await blocks.remove("0xc1", "ann", "fine after all", NOW)
    assert not await blocks.remove("0xc1", "ann", "twice", NOW)
    assert not await blocks.has("0xc1")
    await audit.write("ann", "export", "trades", "tax", "12 rows", NOW, {"format": "csv"})
    rows = await audit.since(NOW)
    assert [r.result for r in rows][:2] == ["12 rows", "was not blocked"]
    for change in ("UPDATE audit SET who = 'eve'", "DELETE FROM audit", "TRUNCATE audit"):
        with pytest.raises(asyncpg.CheckViolationError, match="stay as written"):
            await pool.execute(change)


async def test_heartbeats_never_go_back(pool: asyncpg.Pool[Any]) -> None:
    hearts = Heartbeats(pool)
    await hearts.beat("worker", "a", NOW, {"trades": 2})
    await hearts.beat("worker", "a", NOW - MINUTE)
    await hearts.beat("ingest", "b", NOW - 5 * MINUTE)
    [alive] = await hearts.all(NOW - MINUTE)
    assert (alive.at, alive.detail) == (NOW, {"trades": 2})
    assert await hearts.forget(NOW - MINUTE) == 1


async def test_every_reconciliation_is_one_row(pool: asyncpg.Pool[Any]) -> None:
    runs = SyncRuns(pool)
    number = await runs.start("wf/run/1", P, "full", False, NOW)
    assert await runs.start("wf/run/1", P, "full", False, NOW) == number
    await runs.end(number, SyncOutcome.REPAIRED, {"orders": 2}, [{"token": "11"}], NOW + SECOND)
    [run] = await runs.recent(P)
    assert (run.outcome, run.counts, run.differences) == (
        SyncOutcome.REPAIRED,
        {"orders": 2},
        [{"token": "11"}],
    )


async def test_a_touch_is_never_lost_in_silence(pool: asyncpg.Pool[Any]) -> None:
    touches = Touches(pool)
    lost = LostTouch(
        mode=P,
        condition_id="0xc1",
        token_id="11",
        threshold=price("0.95"),
        kind=TouchKind.UNSEEN,
        seen_at=NOW,
        epoch=3,
        reason="a gap of 40 s",
    )
    missed = lost.model_copy(update={"kind": TouchKind.MISSED, "price": price("0.96")})
    assert await touches.record([lost, missed]) == 2
    assert await touches.record([lost, missed]) == 0
    assert {t.kind for t in await touches.since(NOW)} == set(TouchKind)


async def test_prints_are_counted_as_really_inserted(pool: asyncpg.Pool[Any]) -> None:
    """STO-M3: ten rows, four of them known, return six; a retry returns none."""
    tape = Tape(pool)

    def prints(first: int, last: int) -> list[TapeTrade]:
        return [
            TapeTrade(
                condition_id="0xc1",
                trade_id=f"t{n}",
                token_id="11",
                side=Side.BUY,
                price=price("0.95"),
                size=shares(60),
                at=NOW + n * SECOND,
            )
            for n in range(first, last)
        ]

    assert await tape.put(prints(0, 4)) == 4
    assert await tape.put(prints(0, 10)) == 6
    assert await tape.put(prints(0, 10)) == 0
    assert await tape.of_condition("0xc1", NOW + 8 * SECOND) == prints(8, 10)


async def test_prints_survive_the_copy_whatever_the_venue_calls_them(
    pool: asyncpg.Pool[Any],
) -> None:
    odd = TapeTrade(
        condition_id="0xc9",
        trade_id='a "quoted", b\\c',
        token_id="11",
        side=Side.SELL,
        price=price("0.000001"),
        size=shares("12345678901234.567891"),
        at=NOW,
    )
    assert await Tape(pool).put([odd, odd]) == 1
    assert await Tape(pool).of_condition("0xc9", NOW) == [odd]


async def test_two_writers_of_the_same_prints_never_wait_for_each_other_in_a_ring(
    pool: asyncpg.Pool[Any],
) -> None:
    prints = [
        TapeTrade(
            condition_id=f"0xd{n}",
            trade_id="t",
            token_id="11",
            side=Side.BUY,
            price=price("0.95"),
            size=shares(60),
            at=NOW,
        )
        for n in range(300)
    ]
    tape = Tape(pool)
    written = await asyncio.gather(*(tape.put(prints[::way]) for way in (1, -1, 1, -1)))
    assert sum(written) == 300
