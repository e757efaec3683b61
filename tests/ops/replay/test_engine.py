"""ops/replay/engine.py, with account, books, keeper and trades: what a recording leads to"""

from decimal import Decimal as D
from typing import Any

import pytest

from domain.market import Fee
from domain.score import Score, ScoreRequest
from ops.replay.events import Event
from tests.ops.replay.recordings import (
    CONDITION,
    DOWN,
    answers,
    book,
    market,
    oracle,
    play,
    resolved,
    ticked,
    traded,
)

TOUCH: list[Event] = [book(0, 94, 95), traded(1, 94), traded(2, 95)]
QUOTES: dict[str, Any] = {
    "trigger": {"source": "quote"},
    "strategy": {"size_filter": False, "outcome_indexes": [0, 1]},
    "entry": {"pay_up_to": "cap", "max_price": "0.98"},
}
DAY = 86_400.0


def test_a_print_that_touches_is_bought_at_the_ask_and_paid_out_with_its_fee() -> None:
    made = play([*TOUCH, resolved(9, 1, 0)])
    (trade,) = made.trades
    assert answers(made) == [("enter", "strategy")]
    assert trade.average == D("0.95") and trade.paid == D("19.999999")
    assert trade.shares == D("21.052631") and trade.fees == D("0.04000")
    assert trade.payout == 1 and trade.exit == "resolution"
    assert trade.profit == trade.shares - trade.paid - trade.fees == made.profit_usd
    assert made.balance_usd == 1000 + made.profit_usd and made.open_usd == 0
    assert (made.wins.won, made.wins.ended) == (1, 1)


def test_a_lost_trade_costs_what_was_paid_and_the_fee() -> None:
    made = play([*TOUCH, resolved(9, 0, 1)])
    assert made.profit_usd == -(made.paid_usd + made.fees_usd)
    assert made.wins.won == 0 and made.balance_usd == 1000 + made.profit_usd


def test_a_fifty_fifty_resolution_pays_half() -> None:
    made = play(
        [*TOUCH, resolved(9, 1, 0).__class__(TOUCH[0].at_ms + 9, CONDITION, (500_000,) * 2)]
    )
    assert made.trades[0].payout == D("0.5")


def test_an_open_trade_is_valued_at_the_bid() -> None:
    made = play([*TOUCH, book(5, 97, 98)])
    (trade,) = made.trades
    assert trade.profit is None and trade.unrealised == made.open_usd
    assert made.open_usd == (trade.shares * D("0.97") - trade.paid).quantize(D("0.000001"))
    assert play([*TOUCH, book(5, None, 98)]).trades[0].unrealised is None


def test_the_first_print_is_a_baseline_and_never_bought() -> None:
    assert play([book(0, 94, 95), traded(1, 95), traded(2, 96)]).decisions == ()


def test_the_fill_is_what_the_book_offers_when_the_order_arrives() -> None:
    later = play([*TOUCH, book(2.05, 93, 94), book(3, 94, 95)], delay_ms=100)
    assert later.trades[0].average == D("0.94")
    gone = play([*TOUCH, book(2.05, 95, 96), book(3, 95, 96)], delay_ms=100)
    assert gone.trades == () and answers(gone) == [("enter", "strategy"), ("hold", "killed")]
    assert gone.balance_usd == 1000


def test_an_order_under_way_at_the_end_of_the_recording_still_arrives() -> None:
    assert len(play(TOUCH, delay_ms=100).trades) == 1


def test_a_thin_offer_is_filled_in_part() -> None:
    made = play([book(0, 94, 95, size=10), *TOUCH[1:], resolved(9, 1, 0)])
    assert made.trades[0].shares == 10 and made.paid_usd == D("9.5")


def test_a_market_is_bought_once_however_often_it_is_touched() -> None:
    again: list[Event] = [traded(4, 94), traded(5, 95), traded(6, 94), traded(400, 95)]
    assert len(play([*TOUCH, *again]).decisions) == 1


@pytest.mark.parametrize(
    ("event", "rule"),
    [
        (book(1.5, 60, 95), "confirmation"),
        (book(1.5, 60, 62), "divergence"),
        (book(1.5, 95, 96), "above_cap"),
        (book(1.5, None, 95), "entry_liquidity"),
        (book(1.5, 95, 95), "book"),
        (oracle(1.5, "disputed"), "oracle"),
        (resolved(1.5, 1, 0), "tradable"),
    ],
)
def test_a_touch_that_the_book_does_not_bear_out_is_refused_by_name(event: Any, rule: str) -> None:
    made = play([*TOUCH[:2], event, TOUCH[2]])
    assert answers(made) == [("hold", rule)] and made.trades == ()


def test_a_small_or_unknown_print_is_not_bought() -> None:
    assert answers(play([*TOUCH[:2], traded(2, 95, size=49)])) == [("ignore", "trade_size")]
    assert answers(play([*TOUCH[:2], traded(2, 95, size=None)])) == [("hold", "trade_size")]


def test_after_a_rest_the_next_print_above_is_another_chance() -> None:
    small = traded(2, 95, size=3)
    early = play([*TOUCH[:2], small, traded(100, 95), traded(301, 95)])
    assert answers(early) == [("ignore", "trade_size")]
    late = play([*TOUCH[:2], small, traded(302, 95)])
    assert answers(late) == [("ignore", "trade_size"), ("enter", "strategy")]


def test_what_is_refused_for_good_is_never_asked_again() -> None:
    rainy = (market(question="Will it rain?"),)
    made = play([*TOUCH, traded(400, 94), traded(900, 95)], markets=rainy)
    assert answers(made) == [("ignore", "weather")]


def test_the_other_outcome_is_watched_only_when_it_may_be_bought() -> None:
    prints: list[Event] = [book(0, 5, 6), traded(1, 94, token=DOWN), traded(2, 95, token=DOWN)]
    assert play(prints).decisions == ()
    made = play([*prints, resolved(9, 0, 1)], {"strategy": {"outcome_indexes": [0, 1]}})
    assert made.trades[0].outcome == "No" and made.trades[0].average == D("0.95")
    assert made.trades[0].payout == 1


def test_a_print_of_a_strange_token_is_no_touch() -> None:
    strange = [
        traded(n, cents).__class__(n, CONDITION, "9", cents * 10_000, 1)
        for n, cents in ((1, 94), (2, 95))
    ]
    assert play(strange).decisions == () and play(strange).prints == 2


# quotes


def test_a_best_bid_that_reaches_the_threshold_is_a_touch_of_quotes() -> None:
    made = play([book(0, 94, 95), traded(1, 96), book(2, 95, 96), resolved(9, 1, 0)], QUOTES)
    assert made.trades[0].average == D("0.96") and made.trades[0].touched == D("0.95")
    assert made.touches == 1 and made.prints == 1


def test_the_second_outcomes_bid_is_the_mirror_of_the_ask() -> None:
    made = play([book(0, 5, 6), book(2, 4, 5), resolved(9, 0, 1)], QUOTES)
    assert made.trades[0].outcome == "No" and made.trades[0].touched == D("0.95")


def test_levels_change_one_by_one() -> None:
    first = book(0, 94, 96)
    better = first.__class__(first.at_ms + 1000, CONDITION, ((950_000, 9_000_000),), ())
    made = play([first, better], QUOTES)
    assert answers(made) == [("enter", "strategy")]
    gone = first.__class__(first.at_ms + 500, CONDITION, (), ((960_000, 0), (970_000, 0)))
    assert answers(play([first, gone, better], QUOTES)) == [("hold", "entry_liquidity")]


def test_a_new_tick_moves_the_grid_of_the_limit() -> None:
    by = QUOTES | {"entry": {"pay_up_to": "cap", "max_price": "0.965"}}
    coarse = play([book(0, 94, 96), book(2, 95, 96)], by)
    fine = play([book(0, 94, 96), ticked(1, 1000), book(2, 95, 96)], by)
    assert (coarse.trades[0].limit, fine.trades[0].limit) == (D("0.96"), D("0.965"))


# limits


def test_the_caps_of_live_hold_in_a_replay() -> None:
    other = market("0xb", event_id="e")
    both = (market(event_id="e"), other)
    events: list[Event] = [
        *TOUCH,
        book(3, 94, 95, condition="0xb"),
        traded(4, 94, token="0xb1"),
        traded(5, 95, token="0xb1"),
    ]
    assert len(play(events, markets=both).trades) == 2
    for limit, value in (("max_positions", 1), ("max_per_event", 30), ("max_total", 30)):
        made = play(events, {"risk": {limit: value}}, markets=both)
        assert answers(made) == [("enter", "strategy"), ("hold", limit)]
    poor = play(events, markets=both, balance="139")
    assert answers(poor)[1] == ("hold", "reserve_floor")


def test_a_promise_counts_while_the_order_is_under_way() -> None:
    both = (market(event_id="e"), market("0xb", event_id="e"))
    events: list[Event] = [
        book(0, 94, 95),
        book(0, 94, 95, condition="0xb"),
        traded(1, 94),
        traded(1, 94, token="0xb1"),
        traded(2, 95),
        traded(2, 95, token="0xb1"),
    ]
    made = play(events, {"risk": {"max_per_event": 30}}, markets=both, delay_ms=500)
    assert answers(made) == [("enter", "strategy"), ("hold", "max_per_event")]
    assert len(made.trades) == 1


def test_a_day_of_losses_stops_entries() -> None:
    both = (market(), market("0xb"))
    lost: list[Event] = [*TOUCH, resolved(3, 0, 1)]
    later: list[Event] = [
        book(4, 94, 95, condition="0xb"),
        traded(5, 94, token="0xb1"),
        traded(6, 95, token="0xb1"),
    ]
    made = play([*lost, *later], {"risk": {"max_daily_loss": 20}}, markets=both)
    assert answers(made)[1] == ("hold", "max_daily_loss")


def test_a_gain_is_no_loss() -> None:
    both = (market(), market("0xb"))
    won: list[Event] = [*TOUCH, resolved(3, 1, 0)]
    later: list[Event] = [
        book(4, 94, 95, condition="0xb"),
        traded(5, 94, token="0xb1"),
        traded(6, 95, token="0xb1"),
    ]
    made = play([*won, *later], {"risk": {"max_daily_loss": "0.01"}}, markets=both)
    assert len(made.trades) == 2


# watching


def rising(*values: str) -> Any:
    """Return a model that says these values in turn, the last one for ever."""
    left = list(values)

    def score(request: ScoreRequest) -> Score | None:
        value = left.pop(0) if len(left) > 1 else left[0]
        return Score(value=D(value), version="rising", at=request.now)

    return score


def test_xd7_a_watched_market_is_screened_anew_every_hour_with_the_price_of_then() -> None:
    hours: list[Event] = [book(3600 * n + 10, 95, 95 + 1) for n in (0.5, 1, 2)]
    made = play(
        [*TOUCH, *hours], {"entry": {"max_price": "0.96"}}, scores=rising("0.92", "0.94", "0.98")
    )
    assert answers(made) == [("watch", "strategy"), ("watch", "strategy"), ("hold", "above_cap")]
    buys = play(
        [*TOUCH, book(3700, 95, 96)],
        {"entry": {"max_price": "0.96", "pay_up_to": "cap"}},
        rising("0.92", "0.98"),
    )
    assert answers(buys) == [("watch", "strategy"), ("enter", "strategy")] and len(buys.trades) == 1


def test_xd7_a_watched_market_is_bought_at_the_price_of_its_touch() -> None:
    made = play([*TOUCH, book(3700, 94, 95)], scores=rising("0.92", "0.98"))
    assert answers(made) == [("watch", "strategy"), ("enter", "strategy")]
    assert made.trades[0].limit == D("0.95")


def test_xd7_a_watched_market_whose_price_fell_is_let_go() -> None:
    made = play([*TOUCH, book(3700, 80, 81)], scores=rising("0.92", "0.98"))
    assert answers(made) == [("watch", "strategy"), ("hold", "threshold")]


def test_the_watch_window_ends() -> None:
    by = {"watch": {"window": 3000}}
    made = play([*TOUCH, book(3100, 95, 96), book(7300, 95, 96)], by, rising("0.92"))
    assert answers(made) == [("watch", "strategy")]


# exits

EARLY: dict[str, Any] = {"exits": {"min_hold": 10, "capital_cost": 20}}


def test_a_target_that_beats_holding_is_sold_at_the_bid() -> None:
    made = play([*TOUCH, book(11, 99, 100), book(13, 99, 100), resolved(20, 0, 1)], EARLY)
    (trade,) = made.trades
    assert trade.exit.startswith("profit_target")
    assert trade.payout is None and trade.closed_at is not None  # what is left is dust
    assert made.profit_usd > 0


def test_a_whole_sale_ends_the_trade() -> None:
    free = (market(fee=Fee()),)
    thin = book(0, 94, 95, size=20)
    made = play([thin, *TOUCH[1:], book(13, 99, 100)], EARLY, markets=free)
    (trade,) = made.trades
    assert trade.closed_at is not None and trade.profit == D("0.80") and trade.payout is None
    assert made.balance_usd == D("1000.80") and made.wins.won == 1


def test_a_stop_needs_two_looks_or_depth_and_the_gate() -> None:
    deep = play([*TOUCH, book(13, 89, 91)], EARLY)
    assert deep.trades[0].exit.startswith("stop_loss")
    thin: list[Event] = [*TOUCH, book(13, 89, 91, size=20), book(14, 89, 91, size=20)]
    assert play(thin, EARLY).trades[0].exit == ""
    assert play([*thin, book(75, 89, 91, size=20)], EARLY).trades[0].exit.startswith("stop_loss")


def test_g13_a_blocked_exit_stays_open() -> None:
    made = play([*TOUCH, book(13, 50, 91), book(90, 3, 4)], EARLY)
    assert made.trades[0].exit == "" and made.trades[0].profit is None


def test_nobody_bidding_is_no_exit_and_dust_cannot_be_sold() -> None:
    assert play([*TOUCH, book(13, None, 91)], EARLY).trades[0].exit == ""
    small = play([book(0, 94, 95, size=3), *TOUCH[1:], book(13, 80, 85)], EARLY)
    assert small.trades[0].exit == ""


def test_a_young_trade_is_held() -> None:
    assert play([*TOUCH, book(DAY, 50, 52)]).trades[0].exit == ""


def test_an_event_of_an_unknown_market_is_an_error() -> None:
    with pytest.raises(KeyError):
        play([book(0, 94, 95, condition="0xother")])
