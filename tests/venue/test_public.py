"""Public reads: pages whole or not at all, facts kept, prints and resolutions from two places."""

from __future__ import annotations

import asyncio
import threading
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest

from domain.money import ONE, ZERO, price
from tests.venue.scripted import (
    CONDITION,
    HOSTS,
    NO,
    NOW,
    YES,
    Script,
    body_of,
    clob_market,
    page,
)
from tests.venue.wire.test_catalogue import clob_resolved, gamma_row
from venue.connect import connect_public
from venue.errors import Drift, NotReady, RefusalKind, Refused, Unknown
from venue.public import PublicVenue
from venue.records import CataloguePage
from venue.transport import Retry
from venue.wire.catalogue import gamma_page

KEYSET = "GET gamma/markets/keyset"
FACTS = f"GET clob/clob-markets/{CONDITION}"
RESOLUTIONS = "GET data/v2/resolutions"
MARKET = f"GET clob/markets/{CONDITION}"
TRADES = "GET data/v2/trades"
BOOK = "GET clob/book"


def venue(script: Script, retry: Retry | None = None) -> PublicVenue:
    return PublicVenue(script.transport(retry=retry), now=lambda: NOW)


def gamma(**changes: Any) -> dict[str, Any]:
    """A Gamma row that survives the trip through JSON."""
    row = gamma_row(**changes)
    return row | {
        "orderPriceMinTickSize": "0.001",
        "feeSchedule": {"exponent": 1, "rate": "0.05", "takerOnly": True},
    }


def reported(**changes: Any) -> dict[str, Any]:
    row = {"condition_id": CONDITION, "status": "resolved", "payouts": [1_000_000, 0]}
    return {"data": [row | changes]}


def data_page(*rows: Any, cursor: str | None = None) -> dict[str, Any]:
    return {"data": list(rows), "pagination": {"has_more": bool(cursor), "next_cursor": cursor}}


async def test_time_version_and_geoblock() -> None:
    script = (
        Script()
        .on("GET clob/time", int(NOW.timestamp()) - 3)
        .on("GET clob/version", {"version": 2})
        .on("GET site/api/geoblock", {"blocked": True, "country": "US", "region": "NY"})
    )
    found = venue(script)
    assert await found.server_time() == NOW - timedelta(seconds=3)
    assert timedelta(seconds=2) < await found.clock_skew() <= timedelta(seconds=3)
    assert await found.version() == 2
    assert (await found.geoblock()).blocked


async def test_a_geoblock_answer_without_the_word_is_drift_and_never_free() -> None:
    with pytest.raises(Drift):
        await venue(Script().on("GET site/api/geoblock", {})).geoblock()


async def test_facts_are_asked_for_once_in_ten_minutes() -> None:
    script = Script().on(FACTS, clob_market())
    clock = [NOW]
    found = PublicVenue(script.transport(), now=lambda: clock[0])
    await found.facts(CONDITION)
    await found.fee(CONDITION)
    assert len(script.asked(FACTS)) == 1
    clock[0] += timedelta(minutes=10)
    await found.facts(CONDITION)
    await found.facts(CONDITION, refresh=True)
    assert len(script.asked(FACTS)) == 3


async def test_a_market_takes_tick_and_fee_from_the_clob() -> None:
    script = Script().on(KEYSET, {"markets": [gamma()]}).on(FACTS, clob_market(ao=False))
    found = await venue(script).market(CONDITION)
    assert found is not None
    assert (found.tick, found.accepting_orders) == (Decimal("0.01"), False)


async def test_a_closed_market_is_found_in_the_other_list() -> None:
    script = Script().on(KEYSET, {"markets": []}, {"markets": [gamma(closed=True)]})
    found = await venue(script).market(CONDITION)
    assert found is not None
    assert found.closed
    first, second = script.asked(KEYSET)
    assert (first.url.params["closed"], second.url.params["closed"]) == ("false", "true")


async def test_a_market_in_neither_list_is_none() -> None:
    other = gamma(conditionId="0x" + "dd" * 32)
    assert await venue(Script().on(KEYSET, {"markets": [other]})).market(CONDITION) is None


async def test_named_markets_come_from_the_list_that_has_them() -> None:
    other, gone = "0x" + "dd" * 32, "0x" + "ee" * 32
    strange = gamma(conditionId="0x" + "ff" * 32)
    script = Script().on(
        KEYSET,
        {"markets": [gamma(), strange]},
        {"markets": [gamma(conditionId=other, closed=True), gamma(version="v3")]},
    )
    found = await venue(script).named([other, CONDITION, gone])
    assert [(m.condition_id, m.closed) for m in found.markets] == [
        (CONDITION, False),
        (other, True),
    ]
    assert found.skipped == {"protocol": 1}
    first, second = (r.url.params for r in script.asked(KEYSET))
    assert (first["closed"], second["closed"], first["limit"]) == ("false", "true", "100")
    assert first.get_list("condition_ids") == [CONDITION, other, gone]
    assert second.get_list("condition_ids") == [other, gone]


async def test_a_named_market_of_31_bytes_is_found_by_either_spelling() -> None:
    short = "0x" + "ab" * 31
    row = gamma(conditionId=short, version="v2", positionIds=[YES, NO])
    for name in (short, short + "00"):
        script = Script().on(KEYSET, {"markets": [row]})
        found = await venue(script).named([name])
        assert [m.condition_id for m in found.markets] == [short + "00"]
        assert len(script.asked(KEYSET)) == 1


async def test_pages_of_markets_are_read_beside_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    """400 kB take 19 ms, and ingest reads its stream on the same loop."""
    threads: list[int] = []

    def read(value: Any) -> CataloguePage:
        threads.append(threading.get_ident())
        return gamma_page(value)

    monkeypatch.setattr("venue.wire.catalogue.gamma_page", read)
    await venue(Script().on(KEYSET, {"markets": []})).markets_page()
    assert len(threads) == 1 and threads[0] != threading.get_ident()


async def test_the_catalogue_is_walked_to_its_last_page() -> None:
    first = {"markets": [gamma()], "next_cursor": "AA"}
    script = Script().on(KEYSET, first, {"markets": [gamma()], "next_cursor": ""})
    pages = [found async for found in venue(script).markets({"tag_id": "5"})]
    assert [len(found.markets) for found in pages] == [1, 1]
    one, two = script.asked(KEYSET)
    assert "after_cursor" not in one.url.params
    assert (two.url.params["after_cursor"], two.url.params["tag_id"]) == ("AA", "5")


async def test_a_cursor_that_repeats_is_drift_and_no_endless_loop() -> None:
    script = Script().on(KEYSET, {"markets": [], "next_cursor": "AA"})
    with pytest.raises(Drift, match="repeated"):
        _ = [found async for found in venue(script).markets()]


async def test_books_of_many_tokens_come_in_chunks() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        asked = [item["token_id"] for item in body_of(request)]
        return httpx.Response(200, json=[{"market": "0x1", "asset_id": t} for t in asked])

    script = Script().on("POST clob/books", answer)
    found = await venue(script).books(str(n) for n in range(1, 251))
    assert len(found) == 250
    assert len(script.requests) == 3


async def test_a_token_without_a_book_is_refused_by_kind() -> None:
    reply = {"error": "No orderbook exists for the requested token id"}
    with pytest.raises(Refused) as caught:
        await venue(Script().on(BOOK, reply, status=404)).book(YES)
    assert caught.value.kind is RefusalKind.MARKET


async def test_the_condition_of_a_token() -> None:
    script = Script().on(f"GET clob/markets-by-token/{YES}", {"condition_id": "0xC1"})
    assert await venue(script).condition_of(YES) == "0xc1"


OTHER = "0x" + "ab" * 32


def print_row(second: int, **changes: Any) -> dict[str, Any]:
    base = {
        "condition_id": CONDITION,
        "token_id": YES,
        "price": 0.95,
        "size": 60,
        "timestamp": int(NOW.timestamp()) + second,
    }
    return base | changes


async def test_the_prints_of_a_gap_are_read_back_oldest_first_until_its_start() -> None:
    script = Script().on(
        TRADES,
        data_page(print_row(9), print_row(5), cursor="C2"),
        data_page(print_row(1), print_row(-1), print_row(-9), cursor="C3"),
    )
    found = await venue(script).prints_since([CONDITION, OTHER], NOW)
    assert [int((p.venue_time - NOW).total_seconds()) for p in found] == [1, 5, 9]
    first, second = script.asked(TRADES)
    assert first.url.params["condition_id"] == f"{CONDITION},{OTHER}"
    assert dict(second.url.params) == {"cursor": "C2"}


async def test_a_missing_print_size_is_looked_up() -> None:
    """STR-M1, G3: found 75 -> 75; the nearest in time and price of that token."""
    rows = [
        print_row(60, size=500),
        print_row(1, size=75),
        print_row(1, size=20),
        print_row(0, size=900, price=0.94),
        print_row(0, size=900, token_id=NO),
    ]
    script = Script().on(TRADES, data_page(*rows))
    assert await venue(script).print_size(CONDITION, YES, price("0.95"), NOW) == 75


async def test_a_print_nobody_knows_has_no_size() -> None:
    """STR-M1."""
    script = Script().on(TRADES, data_page())
    assert await venue(script).print_size(CONDITION, YES, price("0.95"), NOW) is None


async def test_two_sources_that_agree_are_a_resolution() -> None:
    script = Script().on(MARKET, clob_resolved()).on(RESOLUTIONS, reported())
    found = await venue(script).resolution(CONDITION)
    assert found is not None
    assert (found.payouts, found.sources) == ({YES: ONE, NO: ZERO}, ("clob", "data"))
    assert not found.disputed
    assert not script.asked(KEYSET)


async def test_gamma_is_the_second_source_when_the_indexer_lags() -> None:
    row = gamma(closed=True, umaResolutionStatus="resolved", outcomePrices='["1", "0"]')
    script = (
        Script()
        .on(MARKET, clob_resolved())
        .on(RESOLUTIONS, {"data": []})
        .on(KEYSET, {"markets": []}, {"markets": [row]})
    )
    found = await venue(script).resolution(CONDITION)
    assert found is not None
    assert found.sources == ("clob", "gamma")


async def test_a_source_that_is_down_is_replaced_by_the_third() -> None:
    row = gamma(closed=True, umaResolutionStatus="resolved", outcomePrices='["1", "0"]')
    script = (
        Script()
        .on(MARKET, clob_resolved())
        .on(RESOLUTIONS, {"error": "down"}, status=503)
        .on(KEYSET, {"markets": [row]})
    )
    found = await venue(script).resolution(CONDITION)
    assert found is not None
    assert found.sources == ("clob", "gamma")


async def test_undecided_with_a_silent_source_is_its_error_and_not_undecided() -> None:
    script = (
        Script()
        .on(MARKET, clob_resolved())
        .on(RESOLUTIONS, {"error": "down"}, status=503)
        .on(KEYSET, {"markets": []})
    )
    with pytest.raises(NotReady):
        await venue(script).resolution(CONDITION)


async def test_a_source_outside_of_its_contract_stops_everything() -> None:
    script = Script().on(MARKET, clob_resolved()).on(RESOLUTIONS, {"data": "none"})
    with pytest.raises(Drift):
        await venue(script).resolution(CONDITION)


async def test_one_source_alone_decides_nothing() -> None:
    script = (
        Script()
        .on(MARKET, {"error": "market not found"}, status=404)
        .on(RESOLUTIONS, {"data": []})
        .on(KEYSET, {"markets": [gamma(closed=True)]})
    )
    assert await venue(script).resolution(CONDITION) is None


@pytest.mark.parametrize(
    "contested", [{"payouts": [0, 1_000_000]}, {"status": "disputed"}, {"status": "challenged"}]
)
async def test_contradiction_and_challenge_are_a_dispute_without_payouts(
    contested: dict[str, Any],
) -> None:
    script = (
        Script()
        .on(MARKET, clob_resolved())
        .on(RESOLUTIONS, reported(**contested))
        .on(KEYSET, {"markets": []})
    )
    found = await venue(script).resolution(CONDITION)
    assert found is not None
    assert (found.disputed, found.payouts) == (True, {})


async def test_a_split_market_pays_half_to_each() -> None:
    script = (
        Script()
        .on(MARKET, clob_resolved(is_50_50_outcome=True))
        .on(RESOLUTIONS, reported(payouts=[500_000, 500_000], resolved_at="2026-03-04T12:00:00Z"))
    )
    found = await venue(script).resolution(CONDITION)
    assert found is not None
    assert found.payouts == {YES: Decimal("0.5"), NO: Decimal("0.5")}
    assert found.resolved_at == NOW


async def test_an_answer_about_another_condition_is_not_ours() -> None:
    script = (
        Script()
        .on(MARKET, clob_resolved())
        .on(RESOLUTIONS, reported(condition_id="0x" + "dd" * 32))
        .on(KEYSET, {"markets": []})
    )
    assert await venue(script).resolution(CONDITION) is None


async def test_reads_are_retried_only_where_asked_and_only_what_may_pass() -> None:
    """ING-H1: 503, 503, 200 succeeds in three calls; a 400 makes one call."""
    quick = Retry(attempts=3, first=0.001, longest=0.002)
    script = Script().on(
        "GET clob/version",
        httpx.Response(503, json={"error": "x"}),
        httpx.ReadTimeout("slow"),
        {"version": 2},
    )
    assert await venue(script, quick).version() == 2
    assert len(script.requests) == 3
    refused = Script().on("GET clob/version", {"error": "x"}, status=400)
    with pytest.raises(Refused):
        await venue(refused, quick).version()
    assert len(refused.requests) == 1


async def test_without_retries_one_call_is_one_request() -> None:
    """ING-H1: inside activities the client does not multiply Temporal's retries."""
    script = Script().on("GET clob/version", {"error": "x"}, status=503)
    with pytest.raises(NotReady):
        await venue(script).version()
    assert len(script.requests) == 1


async def test_a_page_that_is_not_json_may_pass() -> None:
    script = Script().on("GET clob/version", httpx.Response(200, text="<html>"))
    with pytest.raises(Unknown):
        await venue(script).version()


async def test_a_slow_read_is_cancelled_within_bounds() -> None:
    """ING-H2."""
    entered = asyncio.Event()

    async def hang(request: httpx.Request) -> httpx.Response:
        entered.set()
        await asyncio.Event().wait()
        raise AssertionError("not reached")

    transport = Script().transport(retry=Retry(attempts=5))
    transport._client = httpx.AsyncClient(transport=httpx.MockTransport(hang))
    task = asyncio.create_task(PublicVenue(transport).version())
    await entered.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, 1)


async def test_a_public_connection_has_no_credentials_to_sign_with() -> None:
    found = connect_public(HOSTS, now=lambda: datetime(2026, 1, 1, tzinfo=UTC))
    with pytest.raises(Drift, match="credentials"):
        await found._http.read("clob", "/data/orders", lambda v: page(v), private=True)
    await found.aclose()
