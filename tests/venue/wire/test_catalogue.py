"""Markets, books and resolutions: the traps of facts 5, each as a sentence."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from domain.money import ONE, ZERO
from tests.venue.scripted import CONDITION, NO, NOW, YES, clob_market
from venue.errors import Drift
from venue.wire import catalogue, fields, indexer

SAMPLES = Path(__file__).parents[4] / "shared" / "facts" / "samples"


def gamma_row(**changes: Any) -> dict[str, Any]:
    base: dict[str, Any] = {
        "id": "77",
        "question": "Will the kettle boil by noon?",
        "conditionId": CONDITION.upper().replace("0X", "0x"),
        "slug": "kettle-noon",
        "endDate": "2026-03-05T12:00:00Z",
        "outcomes": '["Yes", "No"]',
        "outcomePrices": '["0.94", "0.06"]',
        "clobTokenIds": json.dumps([YES, NO]),
        "orderPriceMinTickSize": Decimal("0.001"),
        "orderMinSize": 5,
        "active": True,
        "closed": False,
        "acceptingOrders": True,
        "enableOrderBook": True,
        "negRisk": False,
        "feesEnabled": True,
        "feeSchedule": {"exponent": 1, "rate": Decimal("0.05"), "takerOnly": True},
        "events": [{"id": "9", "tags": [{"id": "1", "label": "Kitchen", "slug": "kitchen"}]}],
        "umaResolutionStatuses": "[]",
        "version": "v1",
    }
    return base | changes


def test_a_gamma_row_becomes_a_market() -> None:
    found = catalogue.gamma_market(gamma_row())
    assert found.condition_id == CONDITION
    assert [t.token_id for t in found.tokens] == [YES, NO]
    assert (found.tick, found.min_size, found.fee.rate) == (
        Decimal("0.001"),
        Decimal(5),
        Decimal("0.05"),
    )
    assert (found.event_id, found.category, found.tags) == ("9", "Kitchen", ("Kitchen",))
    assert found.end_time == datetime(2026, 3, 5, 12, tzinfo=UTC)


def test_a_missing_end_date_is_unknown_and_never_now() -> None:
    """XD-4."""
    assert catalogue.gamma_market(gamma_row(endDate=None)).end_time is None


def test_a_protocol_v2_market_trades_its_position_ids_whatever_else_is_there() -> None:
    row = gamma_row(version="v2", positionIds=["71", "72"])
    assert [t.token_id for t in catalogue.gamma_market(row).tokens] == ["71", "72"]
    assert catalogue.gamma_market(row).protocol == "v2"


def test_a_v2_condition_of_31_bytes_is_padded_as_the_clob_wants_it() -> None:
    short = gamma_row(version="v2", positionIds=["71", "72"], conditionId="0x" + "ab" * 31)
    assert catalogue.gamma_market(short).condition_id == "0x" + "ab" * 31 + "00"
    assert catalogue.gamma_market(gamma_row()).condition_id == CONDITION


def test_outcomes_keep_the_venues_names() -> None:
    """XD-5: no relabelling to Yes and No."""
    found = catalogue.gamma_market(gamma_row(outcomes='["Up", "Down"]'))
    assert [(t.outcome, t.index) for t in found.tokens] == [("Up", 0), ("Down", 1)]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [({"version": "v9"}, "protocol"), ({"clobTokenIds": None}, "no_tokens")],
)
def test_an_unusable_market_is_skipped_and_counted(changes: dict[str, Any], reason: str) -> None:
    page = catalogue.gamma_page({"markets": [gamma_row(), gamma_row(**changes)]})
    assert (len(page.markets), page.skipped) == (1, {reason: 1})
    assert page.next_cursor is None


@pytest.mark.parametrize(
    "changes",
    [
        {"clobTokenIds": "[1,"},
        {"clobTokenIds": '["1"]'},
        {"outcomes": "[1, 2]"},
        {"conditionId": ""},
        {"endDate": "tomorrow"},
        {"orderPriceMinTickSize": 2},
        {"feeSchedule": {"rate": "x"}},
        {"feeSchedule": {"rate": 0, "exponent": 1.5}},
        {"active": "yes"},
        {"conditionId": "x" * 300},
    ],
)
def test_a_malformed_row_spoils_neither_page_nor_others(changes: dict[str, Any]) -> None:
    page = catalogue.gamma_page({"markets": [gamma_row(**changes), gamma_row()]})
    assert (len(page.markets), page.skipped) == (1, {"malformed": 1})


@pytest.mark.parametrize(
    "changes",
    [
        {"negRiskOther": True},
        {"events": [{"id": "9", "negRiskAugmented": True}]},
        {"negRisk": True, "groupItemTitle": "Other"},
    ],
)
def test_placeholder_outcomes_of_augmented_events_are_marked(changes: dict[str, Any]) -> None:
    assert catalogue.gamma_market(gamma_row(**changes)).augmented_neg_risk
    assert not catalogue.gamma_market(gamma_row()).augmented_neg_risk


def test_the_name_within_an_event_is_kept_and_the_rest_is_called_other() -> None:
    assert catalogue.gamma_market(gamma_row(groupItemTitle="Person B")).group_title == "Person B"
    assert catalogue.gamma_market(gamma_row(negRiskOther=True)).group_title == "Other"
    assert catalogue.gamma_market(gamma_row()).group_title == ""


@pytest.mark.parametrize(
    ("changes", "category"),
    [
        ({"category": "Sports"}, "Sports"),
        ({"events": [], "feeType": "crypto_fees_v2"}, "Crypto"),
        ({"events": [], "tags": [{"slug": "weather"}]}, "weather"),
        ({"events": []}, None),
        ({"events": None, "tags": "x"}, None),
    ],
)
def test_the_category_is_taken_from_wherever_it_is(
    changes: dict[str, Any], category: str | None
) -> None:
    assert catalogue.gamma_market(gamma_row(**changes)).category == category


def test_a_market_without_fees_has_none_and_the_bps_figure_is_ignored() -> None:
    found = catalogue.gamma_market(gamma_row(feesEnabled=False, takerBaseFee=1000))
    assert found.fee.rate == ZERO


def test_a_market_takes_orders_only_if_both_flags_say_so() -> None:
    assert not catalogue.gamma_market(gamma_row(acceptingOrders=False)).accepting_orders
    assert not catalogue.gamma_market(gamma_row(enableOrderBook=False)).accepting_orders


def test_the_closed_time_in_postgres_style_is_a_time() -> None:
    found = fields.instant({"closedTime": "2026-03-19 23:20:15+00"}, "closedTime")
    assert found == datetime(2026, 3, 19, 23, 20, 15, tzinfo=UTC)


def test_trading_facts_read_the_one_letter_keys() -> None:
    found = catalogue.trading_facts(clob_market(nr=True, itode=True), NOW)
    assert (found.neg_risk, found.taker_delay, found.accepting) == (True, True, True)
    assert (found.fee_rate, found.tick) == (Decimal("0.05"), Decimal("0.01"))
    plain = catalogue.trading_facts(clob_market(fd=None), NOW)
    assert (plain.fee_rate, plain.fee_exponent, plain.neg_risk) == (ZERO, 1, False)


def test_a_tick_that_would_round_to_nothing_is_drift() -> None:
    with pytest.raises(Drift, match=r"tick of at least 0\.000001, was 1E-7"):
        catalogue.trading_facts(clob_market(mts="0.0000001"), NOW)


def test_a_book_is_read_in_any_order_without_empty_levels() -> None:
    """XD-6: asks arrive worst first."""
    found = catalogue.book(
        {
            "market": CONDITION,
            "asset_id": YES,
            "timestamp": "1772625600000",
            "hash": "ab",
            "bids": [{"price": "0.01", "size": "9"}, {"price": ".94", "size": "5.5"}],
            "asks": [{"price": "0.99", "size": "1"}, {"price": "0.95", "size": "0"}],
            "tick_size": "0.01",
            "min_order_size": "5",
            "last_trade_price": "",
        },
        NOW,
    )
    assert (found.best_bid, found.best_ask, found.last_trade) == (
        Decimal("0.94"),
        Decimal("0.99"),
        None,
    )
    assert found.venue_time == NOW


@pytest.mark.parametrize("level", [{"price": "1.1", "size": "1"}, {"price": "0.5"}, 7])
def test_a_book_with_a_broken_level_is_drift(level: Any) -> None:
    with pytest.raises(Drift):
        catalogue.book({"market": CONDITION, "asset_id": YES, "bids": [level]}, NOW)


def clob_resolved(**changes: Any) -> dict[str, Any]:
    base: dict[str, Any] = {
        "closed": True,
        "is_50_50_outcome": False,
        "tokens": [
            {"token_id": YES, "winner": True},
            {"token_id": NO, "winner": False},
        ],
    }
    return base | changes


def test_the_clob_pays_the_winner_one_and_half_each_when_split() -> None:
    assert catalogue.clob_payouts(clob_resolved()) == {YES: ONE, NO: ZERO}
    half = catalogue.clob_payouts(clob_resolved(is_50_50_outcome=True))
    assert half == {YES: Decimal("0.5"), NO: Decimal("0.5")}


@pytest.mark.parametrize(
    "changes",
    [
        {"closed": False},
        {"tokens": [{"token_id": YES, "winner": False}, {"token_id": NO, "winner": False}]},
        {"tokens": [{"token_id": YES, "winner": True}, {"token_id": NO, "winner": True}]},
    ],
)
def test_a_market_that_names_no_single_winner_is_undecided(changes: dict[str, Any]) -> None:
    assert catalogue.clob_payouts(clob_resolved(**changes)) is None


@pytest.mark.parametrize(
    ("prices", "expected"),
    [
        ('["0", "1"]', {YES: ZERO, NO: ONE}),
        ('["0.5", "0.5"]', {YES: Decimal("0.5"), NO: Decimal("0.5")}),
        ('["0.97", "0.03"]', None),
        ('["1"]', None),
    ],
)
def test_gamma_counts_only_with_final_prices(prices: str, expected: Any) -> None:
    row = gamma_row(closed=True, umaResolutionStatus="resolved", outcomePrices=prices)
    assert catalogue.gamma_payouts(row) == expected


@pytest.mark.parametrize(
    "changes",
    [
        {"closed": False, "umaResolutionStatus": "resolved"},
        {"closed": True, "umaResolutionStatus": "proposed"},
        {"closed": True, "umaResolutionStatus": "disputed"},
    ],
)
def test_gamma_says_nothing_before_the_oracle_is_done(changes: dict[str, Any]) -> None:
    row = gamma_row(outcomePrices='["1", "0"]', **changes)
    assert catalogue.gamma_payouts(row) is None


def test_a_v2_market_is_resolved_by_its_own_status_word() -> None:
    row = gamma_row(
        version="v2",
        positionIds=[YES, NO],
        closed=True,
        resolutionStatus="resolved",
        outcomePrices='["1", "0"]',
    )
    assert catalogue.gamma_payouts(row) == {YES: ONE, NO: ZERO}


def test_the_data_api_pays_by_outcome_index_in_micro_dollars() -> None:
    row = {"status": "resolved", "payouts": [0, 1_000_000]}
    assert indexer.payouts(row, (YES, NO)) == {YES: ZERO, NO: ONE}
    assert indexer.payouts({"status": "proposed", "payouts": [0, 1_000_000]}, (YES, NO)) is None


@pytest.mark.parametrize("payouts", [[0], [1_000_000, 1_000_000], [-1, 1_000_001], ["x", 1]])
def test_payouts_that_are_no_payout_are_drift(payouts: list[Any]) -> None:
    with pytest.raises(Drift):
        indexer.payouts({"status": "resolved", "payouts": payouts}, (YES, NO))


def test_a_page_that_promises_more_without_a_cursor_is_drift() -> None:
    with pytest.raises(Drift, match="cursor"):
        indexer.page({"data": [], "pagination": {"has_more": True, "next_cursor": None}}, "rows")
    last = {"data": [{}], "pagination": {"has_more": False, "next_cursor": "x"}}
    assert indexer.page(last, "rows") == ([{}], None)


def test_a_public_trade_without_size_has_an_unknown_size() -> None:
    """STR-M1."""
    row = {"condition_id": CONDITION, "token_id": YES, "price": 0.95, "timestamp": 1772625600}
    found = indexer.public_trade(fields.parse(json.dumps(row)))
    assert (found.size, found.venue_time) == (None, NOW)


@pytest.mark.skipif(not SAMPLES.exists(), reason="the recorded samples are not on this machine")
def test_the_recorded_markets_are_understood() -> None:
    def sample(name: str) -> Any:
        return fields.parse((SAMPLES / name).read_text())

    v1 = catalogue.gamma_market(sample("gamma_market_v1.json"))
    assert (v1.fee.rate, v1.category, v1.accepting_orders) == (Decimal("0.07"), "Crypto", True)
    page = catalogue.gamma_page(sample("gamma_markets_keyset_page.json"))
    assert (len(page.markets), page.skipped) == (1, {})
    for name in ("rest_book_v1.json", "rest_book_v2_empty.json"):
        catalogue.book(sample(name), NOW)
    for name in ("rest_clob_market_v1.json", "rest_clob_market_v2.json"):
        assert catalogue.trading_facts(sample(name), NOW).accepting
    gamma = catalogue.gamma_payouts(sample("gamma_market_resolved.json"))
    assert gamma == catalogue.clob_payouts(sample("rest_clob_legacy_market_resolved.json"))
    row = sample("data_v2_resolutions.json")["data"][0]
    assert indexer.payouts(row, (YES, NO)) == {YES: ZERO, NO: ONE}
    assert indexer.position(sample("data_v2_positions_page.json")["data"][0]).shares == 400_000
