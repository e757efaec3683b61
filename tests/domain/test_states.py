"""domain/states.py, and the words of domain/orders.py and domain/trade.py that it moves"""

from enum import StrEnum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.orders import FillStatus, OrderStatus
from domain.states import (
    CLAIM,
    FILL,
    MEANING,
    ORDER,
    TRADE,
    IllegalTransition,
    Money,
    advance,
    forward,
)
from domain.trade import ClaimState, Stage

TABLES: list[tuple[dict[Any, frozenset[Any]], type[StrEnum]]] = [
    (ORDER, OrderStatus),
    (FILL, FillStatus),
    (CLAIM, ClaimState),
    (TRADE, Stage),
]


@pytest.mark.parametrize(("table", "words"), TABLES, ids=["order", "fill", "claim", "trade"])
def test_every_state_is_in_its_table_and_leads_only_to_known_ones(
    table: dict[Any, frozenset[Any]], words: type[StrEnum]
) -> None:
    assert set(table) == set(words)
    assert all(after <= set(words) and was not in after for was, after in table.items())


def test_exe_h2_every_order_status_has_a_meaning_for_the_money() -> None:
    assert set(MEANING) == set(OrderStatus)
    for status, meaning in MEANING.items():
        assert (meaning.money is Money.RELEASE) == status.terminal and meaning.evidence


def test_terminal_orders_never_move_again() -> None:
    ends = {s for s in OrderStatus if s.terminal}
    assert ends == {
        OrderStatus.FILLED,
        OrderStatus.CANCELLED,
        OrderStatus.KILLED,
        OrderStatus.REFUSED,
        OrderStatus.EXPIRED,
    }
    assert {s for s, after in ORDER.items() if not after} == ends


@pytest.mark.parametrize(
    ("was", "now"),
    [
        (OrderStatus.PREPARED, OrderStatus.REFUSED),
        (OrderStatus.PREPARED, OrderStatus.UNKNOWN),
        (OrderStatus.UNKNOWN, OrderStatus.LIVE),
        (OrderStatus.UNKNOWN, OrderStatus.REFUSED),
        (OrderStatus.LIVE, OrderStatus.PARTIAL),
        (OrderStatus.LIVE, OrderStatus.KILLED),
        (OrderStatus.PARTIAL, OrderStatus.CANCELLED),
        (OrderStatus.PARTIAL, OrderStatus.PARTIAL),
    ],
)
def test_orders_move_on(was: OrderStatus, now: OrderStatus) -> None:
    assert advance(ORDER, was, now) is now


@pytest.mark.parametrize(
    ("was", "now"),
    [
        (OrderStatus.LIVE, OrderStatus.PREPARED),
        (OrderStatus.LIVE, OrderStatus.REFUSED),  # the venue knew the id: it was accepted
        (OrderStatus.PARTIAL, OrderStatus.KILLED),  # a killed order has no fill
        (OrderStatus.PARTIAL, OrderStatus.LIVE),
        (OrderStatus.FILLED, OrderStatus.CANCELLED),
        (OrderStatus.CANCELLED, OrderStatus.FILLED),
    ],
)
def test_illegal_moves_of_an_order_are_refused(was: OrderStatus, now: OrderStatus) -> None:
    with pytest.raises(IllegalTransition, match=f"after {was}, was {now}"):
        advance(ORDER, was, now)


def test_a_refusal_lists_what_was_allowed() -> None:
    with pytest.raises(IllegalTransition, match="expected nothing, it is final after failed"):
        advance(FILL, FillStatus.FAILED, FillStatus.CONFIRMED)
    with pytest.raises(IllegalTransition, match="expected claimed after released, was entered"):
        advance(CLAIM, ClaimState.RELEASED, ClaimState.ENTERED)
    with pytest.raises(IllegalTransition, match="expected cancelled, expired, filled, unknown"):
        advance(ORDER, OrderStatus.PARTIAL, OrderStatus.LIVE)


def test_an_entered_claim_is_entered_for_ever() -> None:
    assert CLAIM[ClaimState.ENTERED] == frozenset()
    assert advance(CLAIM, ClaimState.DECLINED, ClaimState.RELEASED) is ClaimState.RELEASED
    assert advance(CLAIM, ClaimState.RELEASED, ClaimState.CLAIMED) is ClaimState.CLAIMED


@given(st.permutations(list(FillStatus)), st.sampled_from(FillStatus))
def test_late_reports_of_a_fill_never_move_it_back(
    reports: list[FillStatus], first: FillStatus
) -> None:
    now = first
    for report in reports:
        after = forward(FILL, now, report)
        assert after is now or after in FILL[now]
        assert now not in (FillStatus.CONFIRMED, FillStatus.FAILED) or after is now
        now = after
    assert now in (FillStatus.CONFIRMED, FillStatus.FAILED)


def test_reports_move_a_fill_forward() -> None:
    assert forward(FILL, FillStatus.MATCHED, FillStatus.MINED) is FillStatus.MINED
    assert forward(FILL, FillStatus.MINED, FillStatus.MATCHED) is FillStatus.MINED
    assert forward(FILL, FillStatus.RETRYING, FillStatus.MINED) is FillStatus.MINED


ENDINGS = {
    Stage.SETTLED,
    Stage.DECLINED,
    Stage.NOT_ENTERED,
    Stage.ABANDONED,
    Stage.CANCELLED,
}


def test_a_trade_has_the_five_endings_of_the_design() -> None:
    assert {stage for stage, after in TRADE.items() if not after} == ENDINGS


def test_once_money_moved_a_trade_cannot_be_declined() -> None:
    seen, todo = set(), [Stage.HOLDING]
    while todo:
        stage = todo.pop()
        if stage not in seen:
            seen.add(stage)
            todo.extend(TRADE[stage])
    assert Stage.DECLINED not in seen and Stage.SCREENING not in seen


def test_every_stage_can_still_end() -> None:
    for stage in Stage:
        seen, todo = set(), [stage]
        while todo:
            now = todo.pop()
            if now not in seen:
                seen.add(now)
                todo.extend(TRADE[now])
        assert seen & ENDINGS
