"""domain/reconcile.py"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from domain.money import shares
from domain.reconcile import (
    Difference,
    Kind,
    OurTrade,
    Theirs,
    compare,
    emptied,
    left_over,
    share_out,
)
from domain.trade import ClaimState


def trade(name: str = "t", **changes: Any) -> OurTrade:
    known: dict[str, object] = {
        "workflow_id": name,
        "condition_id": f"0x{name}",
        "token_id": "71",
        "claim": ClaimState.ENTERED,
        "running": True,
        "shares": shares(10),
    }
    return OurTrade.model_validate({**known, **changes})


def theirs(held: str | None = "10", **orders: str) -> Theirs:
    return Theirs(open_orders=orders, shares={} if held is None else {"71": shares(held)})


def kinds(found: list[Difference]) -> list[Kind]:
    return [d.kind for d in found]


def test_books_that_agree_have_no_differences() -> None:
    assert compare([trade()], theirs()) == []


def test_dust_flips_nothing() -> None:
    assert compare([trade()], theirs("10.009")) == []
    assert compare([trade()], theirs("9.991")) == []


def test_a_token_the_venue_was_not_asked_about_proves_nothing_xd2() -> None:
    assert compare([trade()], theirs(None)) == []


def test_an_empty_wallet_is_named_and_nothing_more_xd2() -> None:
    (found,) = compare([trade()], theirs("0"))
    assert (found.kind, found.ours, found.theirs) == (Kind.SHARES_MISSING, shares(10), shares(0))
    assert "expected 10" in str(found)


def test_settlement_lag_flips_nothing() -> None:
    assert compare([trade(unsettled=True)], theirs("0")) == []
    assert compare([trade(open_orders=("0x1",))], theirs("4", **{"0x1": "71"})) == []


def test_an_adopted_order_that_its_owner_withdrew_is_asked_for_though_the_trade_runs() -> None:
    """Its run knows its own order only: nobody else would find out that it is over."""
    held = trade(open_orders=("0xours", "0xtheirs"), adopted=("0xtheirs",))
    (found,) = compare([held], theirs("10", **{"0xours": "71"}))
    assert (found.kind, found.order_id) == (Kind.ORDER_ORPHAN, "0xtheirs")
    assert compare([held], theirs("10", **{"0xours": "71", "0xtheirs": "71"})) == []
    assert compare([held.model_copy(update={"young": True})], theirs("10")) == []


def test_shares_of_several_trades_on_one_token_add_up() -> None:
    both = [trade("a", shares=shares(4)), trade("b", shares=shares(6))]
    assert compare(both, theirs("10")) == []
    (found,) = compare(both, theirs("12"))
    assert (found.kind, found.ours) == (Kind.SHARES_SURPLUS, shares(10))


def test_shares_nobody_explains_are_a_stranger() -> None:
    assert kinds(compare([], theirs("10"))) == [Kind.SHARES_STRANGER]


def test_a_live_order_nobody_knows_is_a_stranger_and_its_token_is_left_alone() -> None:
    found = compare([trade()], theirs("3", **{"0x9": "71"}))
    assert kinds(found) == [Kind.ORDER_STRANGER]


def test_an_order_whose_trade_is_gone_comes_before_its_shares() -> None:
    gone = trade(running=False, open_orders=("0x1",))
    assert kinds(compare([gone], theirs("10"))) == [Kind.ORDER_ORPHAN]


def test_shares_whose_trade_is_gone_are_an_orphan_unless_a_person_has_them() -> None:
    assert kinds(compare([trade(running=False)], theirs())) == [Kind.TRADE_ORPHAN]
    assert compare([trade(running=False, managed=False)], theirs()) == []


def test_a_bare_claim_is_an_orphan_only_when_it_is_not_young() -> None:
    bare: dict[str, Any] = {"running": False, "claim": ClaimState.CLAIMED, "shares": shares(0)}
    assert kinds(compare([trade(**bare)], theirs("0"))) == [Kind.CLAIM_ORPHAN]
    assert compare([trade(**bare, young=True)], theirs("0")) == []
    assert str(compare([trade(**bare)], theirs("0"))[0]) == "claim_orphan: t"


def test_an_entered_claim_without_shares_is_over_and_no_difference() -> None:
    assert compare([trade(running=False, shares=shares(0))], theirs("0")) == []


def test_what_is_missing_was_sold_from_the_newest_trade() -> None:
    held = [("old", shares(4)), ("new", shares(6))]
    assert share_out(held, shares(5)) == {"old": shares(4), "new": shares(1)}
    assert share_out(held, shares(0)) == {"old": shares(0), "new": shares(0)}
    assert share_out([], shares(3)) == {}


@given(
    st.lists(st.integers(1, 10**9), min_size=1, max_size=5),
    st.integers(0, 10**10),
)
def test_shared_out_shares_add_up_to_the_wallet_to_the_micro_share(
    held: list[int], wallet: int
) -> None:
    micro = Decimal("0.000001")
    rows = [(str(i), shares(n * micro)) for i, n in enumerate(held)]
    assert sum(share_out(rows, shares(wallet * micro)).values()) == shares(wallet * micro)


def test_an_order_of_an_earlier_run_is_asked_for_though_another_run_looks_after_the_trade() -> None:
    """The new run knows its own orders only, and the old one's promise holds up its exits."""
    held = trade(open_orders=("0xold", "0xnew"), left_behind=("0xold",))
    (found,) = compare([held], theirs("10", **{"0xold": "71", "0xnew": "71"}))
    assert (found.kind, found.order_id) == (Kind.ORDER_ORPHAN, "0xold")
    assert compare([held.model_copy(update={"young": True})], theirs("10")) == []


def test_only_what_a_person_was_left_with_and_nothing_moves_is_left_over() -> None:
    alone = trade("a", running=False, managed=False)
    moving: list[dict[str, Any]] = [
        {"managed": True},
        {"running": True},
        {"young": True},
        {"open_orders": ("0x1",)},
        {"unsettled": True},
        {"shares": shares(0)},
    ]
    others = [alone.model_copy(update=change) for change in moving]
    assert left_over([alone, *others]) == [alone]


def test_a_wallet_is_empty_only_where_shares_were_expected() -> None:
    assert emptied(compare([trade()], theirs("0.009"))) == {"71"}
    assert emptied(compare([trade()], theirs("4"))) == frozenset()
    assert emptied(compare([], theirs("4"))) == frozenset()
