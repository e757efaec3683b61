"""ops/report with store/views.py and store/books.py: figures and judgement of a traded morning."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import asyncpg
import pytest

from domain.market import Mode
from domain.money import Usd, shares, usd
from ops.report.build import BEGINNING, Report, build_report
from ops.report.judge import judge
from ops.report.ledger import Ledger, read_ledger
from ops.report.text import summary
from store.books import BookKeeping, Books
from store.views import Views
from tests.ops.traded import Morning

STATUS = {"source": "tape", "markets": 18, "frames_sent": 1234, "tape_done": True}


def ledger(**changes: Any) -> dict[str, Any]:
    """Return the venue's books of the same morning: 1000 in, 3 buys, 2 redeemed, one held."""
    account = {
        "usd": "991.14",
        "deposited": "1000",
        "tokens": {"token-c": "10", "token-a": "0"},
        **changes,
    }
    names = changes.pop("orders", ["order-a", "order-b", "order-c"])
    return {"accounts": [account], "orders": [{"id": name} for name in names]}


@pytest.fixture
async def report(pool: asyncpg.Pool[Any]) -> Report:
    await Morning(pool).whole()
    return await build_report(pool, Mode.PAPER, STATUS, ledger())


async def test_the_report_counts_every_ending(report: Report) -> None:
    assert report.trades.model_dump() == {
        "settled": 2,
        "not_entered": 1,
        "declined": 1,
        "open": 1,
        "unknown": 1,
        "abandoned": 0,
    }
    assert (report.triggers, report.orders, report.fills) == (6, 4, 3)
    assert report.decisions == {"enter · strategy": 3, "hold · score": 1, "ignore · score": 1}


async def test_the_report_has_money_net_of_fees_and_the_time_to_the_post(report: Report) -> None:
    assert report.profit_usd == Decimal("0.76")
    assert report.fees_usd == Decimal("0.06")
    assert report.latency_ms.touch_to_post.p50 == Decimal("120.0")


async def test_the_venue_agrees_except_for_the_open_promise(report: Report) -> None:
    figures = report.judge.model_dump()
    assert figures.pop("reservations_left_usd") == Decimal("9.80")  # of the unknown order
    assert not any(figures.values())
    assert not report.judge.clean


async def test_the_report_has_exactly_the_promised_fields(report: Report) -> None:
    assert set(report.model_dump()) == {
        *("source", "markets", "frames", "triggers", "decisions", "trades", "orders", "fills"),
        *("profit_usd", "fees_usd", "latency_ms", "judge"),
    }
    assert set(report.judge.model_dump()) == {
        *("duplicate_orders", "lost_positions", "invented_positions"),
        *("reservations_left_usd", "profit_difference_usd"),
    }


async def test_the_summary_says_what_the_books_say(report: Report) -> None:
    text = "\n".join(summary(report))
    assert "2 settled, 1 not entered, 1 declined, 1 open, 1 unknown" in text
    assert "Profit 0.760000 USD after 0.060000 USD of fees" in text
    assert "DISAGREE" in text
    assert "proves nothing about profit" in text


async def test_an_empty_store_gives_an_empty_report(pool: asyncpg.Pool[Any]) -> None:
    empty: dict[str, Any] = {"accounts": [], "orders": []}
    report = await build_report(pool, Mode.PAPER, {}, empty)
    assert report.judge.clean
    assert report.latency_ms.touch_to_post.p50 is None
    assert "agree" in "\n".join(summary(report))


def books(**changes: Any) -> Books:
    fields: dict[str, Any] = {
        "orders": ("one",),
        "shares": {"t": shares(10)},
        "profit": usd("0.38"),
        "invested": usd("9.62"),
        "reserved": usd(0),
        "second_entries": 0,
    }
    return Books(**{**fields, **changes})


def venue(**changes: Any) -> Ledger:
    fields: dict[str, Any] = {
        "orders": ("one",),
        "shares": {"t": shares(10)},
        "cash": usd("990.76"),
        "deposited": usd(1000),
    }
    return Ledger(**{**fields, **changes})


def test_equal_books_are_clean() -> None:
    assert judge(books(), venue()).clean


def test_an_order_that_we_do_not_know_is_a_duplicate() -> None:
    assert judge(books(), venue(orders=("one", "two"))).duplicate_orders == 1
    assert judge(books(second_entries=1), venue()).duplicate_orders == 1
    assert judge(books(orders=("one", "never posted")), venue()).duplicate_orders == 0


def test_shares_on_one_side_only_are_lost_or_invented() -> None:
    assert judge(books(shares={}), venue()).lost_positions == 1
    assert judge(books(), venue(shares={})).invented_positions == 1
    fewer = judge(books(shares={"t": shares("9.999999")}), venue())
    assert (fewer.lost_positions, fewer.invented_positions) == (1, 0)


def test_a_micro_dollar_of_profit_is_seen() -> None:
    wrong = judge(books(profit=usd("0.380001")), venue())
    assert wrong.profit_difference_usd == Usd(Decimal("0.000001"))
    assert not wrong.clean


def test_the_ledger_s_texts_are_dollars_and_shares() -> None:
    read = read_ledger(ledger())
    assert read.cash == Decimal("991.14")
    assert read.shares == {"token-c": shares(10)}


async def test_trades_are_found_by_id_prefix_market_and_slug(pool: asyncpg.Pool[Any]) -> None:
    await Morning(pool).whole()
    views = Views(pool)
    for text in ("0xa:0.95", "0xa", "will-a"):
        (found,) = await views.find(Mode.PAPER, text)
        assert found.workflow_id == "0xa:0.95"
        assert (found.state, found.profit, found.entry_price) == (
            "settled",
            Decimal("0.38"),
            Decimal("0.96"),
        )
    assert len(await views.find(Mode.PAPER, "0x")) == 6
    assert await views.find(Mode.PAPER, "%") == []
    assert await views.find(Mode.LIVE, "0xa") == []
    details = await views.details(Mode.PAPER, "0xa:0.95")
    assert [len(details[part]) for part in ("orders", "fills", "exits")] == [1, 1, 1]


async def test_states_are_what_a_person_would_call_them(pool: asyncpg.Pool[Any]) -> None:
    morning = Morning(pool)
    await morning.whole()
    await morning.touch("g")
    states = {t.condition_id: t.state for t in await Views(pool).trades(Mode.PAPER)}
    assert states == {
        "0xa": "settled",
        "0xb": "settled",
        "0xc": "holding",
        "0xd": "not_entered",
        "0xe": "declined",
        "0xf": "unknown",
        "0xg": "screening",
    }
    assert await Views(pool).trades(Mode.LIVE, since=BEGINNING) == []


async def test_the_books_value_what_is_held_at_its_cost_with_fees(
    pool: asyncpg.Pool[Any],
) -> None:
    await Morning(pool).whole()
    read = await BookKeeping(pool).read(Mode.PAPER)
    assert read.invested == Decimal("9.62")
    assert read.shares == {"token-c": shares(10)}
    assert read.second_entries == 0
