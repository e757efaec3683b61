"""domain/proof.py"""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.money import Price, Shares, shares
from domain.orders import Landing, OrderStatus, Side, TimeInForce, VenueOrder
from domain.proof import ABSENCE, LAG, CancelAnswer, Evidence, judge

TEN = shares(10)
NONE = shares(0)


def evidence(**changes: object) -> Evidence:
    """A FAK of ten shares whose one post was never answered, asked about at once."""
    known: dict[str, object] = {
        "since_cancel": changes.get("quiet", timedelta(0)),
        "tif": TimeInForce.FAK,
        "landing": Landing.UNKNOWN,
        "posts": 1,
        "original": TEN,
        "filled": NONE,
    }
    return Evidence.model_validate({**known, **changes})


def listed(status: OrderStatus, matched: Shares | None = None) -> VenueOrder:
    return VenueOrder(
        order_id="0x1",
        condition_id="0xc",
        token_id="1",
        side=Side.BUY,
        status=status,
        original=TEN,
        matched=matched,
        price=Price(Decimal("0.95")),
    )


def test_an_unanswered_post_proves_nothing_however_often_the_lists_are_empty() -> None:
    proof = judge(evidence(quiet=timedelta(days=3)))
    assert (proof.status, proof.terminal) == (OrderStatus.UNKNOWN, False)


def test_an_order_that_was_never_posted_may_still_be_posted_while_it_is_fresh() -> None:
    proof = judge(evidence(posts=0, landing=None, may_post=True))
    assert (proof.status, proof.terminal) == (OrderStatus.PREPARED, False)


def test_an_order_that_was_never_posted_is_over_once_nobody_may_post_it() -> None:
    proof = judge(evidence(posts=0, landing=None))
    assert (proof.status, proof.terminal) == (OrderStatus.EXPIRED, True)


def test_a_refusal_of_the_only_post_is_the_end() -> None:
    proof = judge(evidence(landing=Landing.REFUSED))
    assert (proof.status, proof.terminal) == (OrderStatus.REFUSED, True)


def test_a_kill_without_trades_is_the_end() -> None:
    proof = judge(evidence(landing=Landing.KILLED))
    assert (proof.status, proof.terminal) == (OrderStatus.KILLED, True)


def test_a_kill_with_trades_keeps_the_filled_part() -> None:
    proof = judge(evidence(landing=Landing.KILLED, filled=shares(3)))
    assert (proof.status, proof.terminal) == (OrderStatus.CANCELLED, True)


def test_posts_that_all_met_a_closed_door_end_with_the_deadline() -> None:
    assert not judge(evidence(landing=Landing.NOT_READY, may_post=True)).terminal
    proof = judge(evidence(landing=Landing.NOT_READY, posts=4))
    assert (proof.status, proof.terminal) == (OrderStatus.EXPIRED, True)


def test_trades_that_add_up_fill_a_resting_order() -> None:
    proof = judge(evidence(tif=TimeInForce.GTC, landing=Landing.LANDED, filled=TEN))
    assert (proof.status, proof.terminal) == (OrderStatus.FILLED, True)


def test_a_fill_within_dust_is_complete() -> None:
    proof = judge(evidence(tif=TimeInForce.GTC, landing=Landing.LANDED, filled=shares("9.99")))
    assert proof.status is OrderStatus.FILLED


def test_a_fak_of_dollars_may_get_more_shares_so_its_trades_must_match_the_answer() -> None:
    seen = {"landing": Landing.LANDED, "filled": TEN}
    assert not judge(evidence(**seen, matched=shares("10.5"))).terminal
    assert judge(evidence(landing=Landing.LANDED, filled=shares("10.5"), matched=shares("10.5")))
    proof = judge(evidence(landing=Landing.LANDED, filled=shares("10.5"), matched=shares("10.5")))
    assert (proof.status, proof.terminal) == (OrderStatus.FILLED, True)


def test_a_fak_without_an_answer_waits_for_late_trades_before_it_counts_as_filled() -> None:
    assert not judge(evidence(filled=TEN, quiet=LAG - timedelta(seconds=1))).terminal
    assert judge(evidence(filled=TEN, quiet=LAG)).status is OrderStatus.FILLED


def test_a_partly_matched_fak_is_over_when_its_trades_are_all_here() -> None:
    seen = {"landing": Landing.LANDED, "matched": shares(4)}
    assert not judge(evidence(**seen, filled=shares(3))).terminal
    proof = judge(evidence(**seen, filled=shares(4)))
    assert (proof.status, proof.terminal) == (OrderStatus.CANCELLED, True)


def test_an_order_on_the_book_lives() -> None:
    on_book = listed(OrderStatus.LIVE)
    assert judge(evidence(on_book=on_book)).status is OrderStatus.LIVE
    assert judge(evidence(on_book=on_book, filled=shares(2))).status is OrderStatus.PARTIAL


def test_a_cancelled_order_is_over_only_when_its_matched_shares_are_all_here() -> None:
    on_book = listed(OrderStatus.CANCELLED, matched=shares(4))
    assert not judge(evidence(on_book=on_book, filled=shares(3))).terminal
    proof = judge(evidence(on_book=on_book, filled=shares(4)))
    assert (proof.status, proof.terminal) == (OrderStatus.CANCELLED, True)


def test_an_acknowledged_cancel_counts_after_the_lag_of_the_trades_xd17() -> None:
    seen = {"landing": Landing.LANDED, "cancel": CancelAnswer.CANCELLED}
    assert not judge(evidence(**seen, quiet=LAG - timedelta(seconds=1))).terminal
    assert judge(evidence(**seen, quiet=LAG)).status is OrderStatus.CANCELLED


@pytest.mark.parametrize("answer", [CancelAnswer.OVER, CancelAnswer.NOT_FOUND])
def test_what_a_cancel_does_not_know_is_over_only_after_a_minute_of_silence(
    answer: CancelAnswer,
) -> None:
    assert not judge(evidence(cancel=answer, quiet=ABSENCE - timedelta(seconds=1))).terminal
    assert judge(evidence(cancel=answer, quiet=ABSENCE)).terminal


def test_a_landed_order_that_no_list_holds_is_still_alive() -> None:
    proof = judge(evidence(landing=Landing.LANDED, quiet=timedelta(hours=1)))
    assert (proof.status, proof.terminal) == (OrderStatus.LIVE, False)


@given(
    tif=st.sampled_from(TimeInForce),
    landing=st.sampled_from([Landing.LANDED, Landing.UNKNOWN]),
    filled=st.integers(0, 9),
    quiet=st.integers(0, 10**6),
    cancel=st.sampled_from([CancelAnswer.NOT_ASKED, CancelAnswer.NO_ANSWER]),
)
def test_silence_alone_is_never_an_end(
    tif: TimeInForce, landing: Landing, filled: int, quiet: int, cancel: CancelAnswer
) -> None:
    seen = evidence(
        tif=tif,
        landing=landing,
        filled=shares(filled),
        quiet=timedelta(seconds=quiet),
        cancel=cancel,
    )
    assert not judge(seen).terminal


def test_a_match_that_failed_was_seen_so_its_order_can_end() -> None:
    seen = {"landing": Landing.LANDED, "matched": shares(10)}
    assert not judge(evidence(**seen)).terminal
    proof = judge(evidence(**seen, failed=shares(10)))
    assert (proof.status, proof.terminal) == (OrderStatus.CANCELLED, True)


def test_a_cancelled_row_of_unknown_size_ends_nothing() -> None:
    assert not judge(evidence(on_book=listed(OrderStatus.CANCELLED, matched=None))).terminal


def test_a_cancelled_row_waits_for_what_the_post_said_was_matched() -> None:
    on_book = listed(OrderStatus.CANCELLED, matched=shares(0))
    seen = {"landing": Landing.LANDED, "matched": shares(5), "on_book": on_book}
    assert not judge(evidence(**seen)).terminal
    assert judge(evidence(**seen, filled=shares(5))).terminal


def test_fills_that_race_a_cancel_are_waited_for_from_the_cancel_on_xd17() -> None:
    seen = {"landing": Landing.LANDED, "quiet": timedelta(minutes=5)}
    for answer in (CancelAnswer.CANCELLED, CancelAnswer.OVER, CancelAnswer.NOT_FOUND):
        assert not judge(evidence(**seen, cancel=answer, since_cancel=timedelta(0))).terminal
    over = {**seen, "cancel": CancelAnswer.OVER}
    assert not judge(evidence(**over, since_cancel=LAG)).terminal
    assert judge(evidence(**over, since_cancel=LAG, filled=shares(3))).terminal
    assert judge(evidence(**over, since_cancel=ABSENCE)).terminal


def test_a_strangers_order_is_over_when_it_left_the_lists_and_is_never_cancelled_by_us() -> None:
    seen = {"landing": Landing.LANDED, "stranger": True, "tif": TimeInForce.GTC}
    assert not judge(evidence(**seen)).terminal
    assert not judge(evidence(**seen, quiet=ABSENCE)).terminal  # known for long, just missed
    assert judge(evidence(**seen, absent=ABSENCE)).terminal
