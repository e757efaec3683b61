"""domain/positions.py and domain/lots.py: the books always balance"""

from datetime import timedelta
from decimal import Decimal as D
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.lots import Disposal, Lots, Move, dispose, fifo, held, lots
from domain.market import Mode
from domain.money import Price, Shares, Usd, moved
from domain.orders import Fill, FillStatus, Side
from domain.positions import Holding, Position, hold, settle, unrealised
from tests.domain.examples import CONDITION, NOW, YES

MINUTE = timedelta(minutes=1)


def fill(
    number: int,
    side: Side = Side.BUY,
    shares: str = "10",
    price: str = "0.95",
    fee: str = "0",
    status: FillStatus = FillStatus.CONFIRMED,
) -> Fill:
    return Fill(
        trade_id=f"t{number:03}",
        order_id="0xorder",
        token_id=YES,
        side=side,
        price=D(price),
        shares=D(shares),
        fee=D(fee),
        status=status,
        matched_at=NOW + number * MINUTE,
    )


def sell(number: int, shares: str, price: str, **changed: Any) -> Fill:
    return fill(number, Side.SELL, shares, price, **changed)


def test_buys_average_by_weight() -> None:
    held_now = hold([fill(1, price="0.94"), fill(2, price="0.96")])
    assert (held_now.shares, held_now.average, held_now.cost) == (D(20), D("0.95"), D("19"))
    assert held_now.bought == 20 and held_now.sold == 0 and held_now.realised == 0


def test_a_partial_sell_takes_cost_in_proportion_and_realises_the_rest() -> None:
    left = hold([fill(1, shares="20"), sell(2, "5", "0.99")])
    assert (left.shares, left.cost, left.realised) == (D(15), D("14.25"), D("0.20"))
    assert left.average == D("0.95") and left.sold == 5 and left.oversold == 0


def test_exe_h1_a_sixty_percent_exit_leaves_forty_percent_open() -> None:
    left = hold([fill(1, shares="100"), sell(2, "60", "0.99")])
    assert left.shares == 40 and left.cost == 38 and left.realised == D("2.4")


def test_the_last_sell_takes_all_the_cost_that_is_left() -> None:
    done = hold([fill(1, shares="3", price="0.333333"), sell(2, "1", "0.5"), sell(3, "2", "0.5")])
    assert (done.shares, done.cost) == (D(0), D(0)) and done.average is None
    assert done.realised == D("1.5") - D("0.999999")


def test_xd14_fees_are_kept_apart_and_net_is_after_them() -> None:
    done = hold([fill(1, fee="0.05"), sell(2, "10", "0.99", fee="0.02")])
    assert done.fees == D("0.07") and done.realised == D("0.40") and done.net == D("0.33")


def test_a_failed_fill_never_happened() -> None:
    failed = fill(2, status=FillStatus.FAILED, fee="0.05")
    assert hold([fill(1), failed]) == hold([fill(1)])
    assert hold([failed]) == Holding()


@pytest.mark.parametrize("status", [FillStatus.MATCHED, FillStatus.MINED, FillStatus.RETRYING])
def test_fills_are_provisional_until_they_are_confirmed(status: FillStatus) -> None:
    waiting = hold([fill(1, status=status)])
    assert waiting.shares == 10 and waiting.shares_confirmed == 0
    assert hold([fill(1)]).shares_confirmed == 10
    both = [fill(1), sell(2, "4", "0.99", status=status)]
    assert hold(both).shares_confirmed == 10
    assert hold([fill(1), sell(2, "4", "0.99")]).shares_confirmed == 6


def test_a_buy_that_failed_after_its_shares_were_sold_shows_as_oversold() -> None:
    torn = hold([fill(1, status=FillStatus.FAILED), sell(2, "10", "0.99")])
    assert torn.oversold == 10 and torn.shares == 0 and torn.cost == 0
    assert torn.realised == D("9.9")
    partly = hold([fill(1, shares="4"), sell(2, "10", "0.5")])
    assert partly.oversold == 6 and partly.realised == D("1.2")


def test_the_order_of_arrival_does_not_matter() -> None:
    fills = [fill(1, price="0.94"), sell(2, "5", "0.99"), fill(3, price="0.96")]
    assert hold(fills) == hold(reversed(fills))


def test_fills_of_one_moment_are_ordered_by_their_ids() -> None:
    one, two = fill(1), fill(1, Side.SELL, "10", "0.99").model_copy(update={"trade_id": "t002"})
    assert hold([two, one]).oversold == 0
    same = two.model_copy(update={"trade_id": "t001", "order_id": "0xp"})
    assert hold([same, one]).oversold == 0


@pytest.mark.parametrize(("shares", "dust"), [("0", True), ("0.009999", True), ("0.01", False)])
def test_less_than_a_hundredth_share_is_dust(shares: str, dust: bool) -> None:
    assert Holding(shares=Shares(D(shares))).dust is dust


# settlement


@pytest.mark.parametrize(
    ("payout", "proceeds", "gross"),
    [("1", "10", "0.5"), ("0", "0", "-9.5"), ("0.5", "5", "-4.5")],
)
def test_a_trade_settles_at_what_its_market_paid(payout: str, proceeds: str, gross: str) -> None:
    """Won, lost, and fifty-fifty."""
    done = settle(hold([fill(1, fee="0.05")]), Price(D(payout)))
    assert (done.proceeds, done.gross, done.shares) == (D(proceeds), D(gross), D(10))
    assert done.profit == D(gross) - D("0.05") and done.fees == D("0.05")
    assert done.payout == D(payout)


def test_a_cancelled_market_pays_back_what_the_venue_says() -> None:
    done = settle(hold([fill(1)]), Price(D("0.5")), Usd(D("9.5")))
    assert done.proceeds == D("9.5") and done.profit == 0


def test_xd3_settling_counts_what_was_sold_before() -> None:
    done = settle(hold([fill(1), sell(2, "5", "0.99")]), Price(D(1)))
    assert done.gross == D("0.20") + 5 - D("4.75")


def test_nothing_held_settles_at_what_was_realised() -> None:
    assert settle(hold([fill(1), sell(2, "10", "0.99")]), Price(D(0))).profit == D("0.4")


def test_unrealised_profit_needs_a_bid() -> None:
    now = hold([fill(1)])
    assert unrealised(now, Price(D("0.97"))) == D("0.2") and unrealised(now, None) is None


def test_xd18_a_position_is_a_holding_with_one_stable_id() -> None:
    start = Position(workflow_id="w", mode=Mode.PAPER, condition_id=CONDITION, token_id=YES)
    more = start.bought_more(D(10), D("0.95"), D("0.01"), final=True)
    assert isinstance(more, Position) and more.workflow_id == "w" and more.fees == D("0.01")
    less = more.sold_some(D(4), D("0.99"), D("0.02"), final=False)
    assert less.shares == 6 and less.shares_confirmed == 10 and less.fees == D("0.03")
    assert more.bought_more(D(1), D(1), D(0), final=False).shares_confirmed == 10


# properties: a random stream of fills, reversals and exits always balances

FILLS = st.lists(
    st.tuples(
        st.sampled_from(Side),
        st.decimals("0.01", "500", places=6),
        st.decimals("0", "1", places=4),
        st.decimals("0", "0.5", places=5),
        st.sampled_from(FillStatus),
    ),
    max_size=25,
).map(
    lambda rows: [
        fill(i, side, str(n), str(p), str(f), status)
        for i, (side, n, p, f, status) in enumerate(rows)
    ]
)


def happened(fills: list[Fill]) -> list[Fill]:
    return [f for f in fills if f.status is not FillStatus.FAILED]


def money(fills: list[Fill], side: Side) -> D:
    return sum((moved(f.price, f.shares) for f in happened(fills) if f.side is side), D(0))


@given(FILLS)
def test_the_books_balance_after_any_stream_of_fills(fills: list[Fill]) -> None:
    """realised - cost == sells - buys, to the micro-dollar, whatever failed in between."""
    now = hold(fills)
    assert now.realised - now.cost == money(fills, Side.SELL) - money(fills, Side.BUY)
    assert now.fees == sum((f.fee for f in happened(fills)), D(0))
    assert now.shares == now.bought - now.sold + now.oversold
    assert now.shares >= 0 and now.cost >= 0 and now.oversold >= 0
    assert now.shares > 0 or now.cost == 0


@given(FILLS, st.data())
def test_a_reversal_leaves_what_would_have_been_without_the_fill(
    fills: list[Fill], data: st.DataObject
) -> None:
    if not fills:
        return
    lost = data.draw(st.sampled_from(fills))
    after = [f.model_copy(update={"status": FillStatus.FAILED}) if f is lost else f for f in fills]
    assert hold(after) == hold([f for f in fills if f is not lost])


@given(FILLS, st.decimals("0", "1", places=2))
def test_every_trade_ends_with_the_cash_that_really_moved(fills: list[Fill], payout: D) -> None:
    now = hold(fills)
    end = settle(now, Price(payout))
    cash = money(fills, Side.SELL) - money(fills, Side.BUY) + end.proceeds - now.fees
    assert end.profit == cash


# lots


def test_the_first_bought_is_the_first_sold() -> None:
    state = lots([fill(1, price="0.94", fee="0.1"), fill(2, price="0.96"), sell(3, "15", "0.99")])
    first, second = state.disposals
    assert (first.shares, first.cost, first.proceeds) == (D(10), D("9.4"), D("9.9"))
    assert (second.shares, second.cost, second.proceeds) == (D(5), D("4.8"), D("4.95"))
    assert first.acquired_at == NOW + MINUTE and second.acquired_at == NOW + 2 * MINUTE
    assert first.disposed_at == second.disposed_at == NOW + 3 * MINUTE
    assert first.gain == D("9.9") - D("9.4") - D("0.1") and held(state) == 5


def test_fees_of_buy_and_sell_go_with_the_shares() -> None:
    state = lots([fill(1, shares="10", fee="0.10"), sell(2, "4", "0.99", fee="0.04")])
    assert state.disposals[0].fees == D("0.08")
    assert state.open[0].fee == D("0.06") and state.open[0].cost == D("5.7")


def test_a_failed_fill_makes_no_lot() -> None:
    assert lots([fill(1, status=FillStatus.FAILED)]) == Lots()


def test_selling_more_than_is_held_disposes_of_what_is_held() -> None:
    state = lots([fill(1), sell(2, "15", "0.99")])
    assert state.open == () and state.disposals[0].shares == 10
    assert state.disposals[0].proceeds == D("9.9")


def test_a_resolution_disposes_of_all_lots() -> None:
    state = dispose(lots([fill(1), fill(2)]), D(20), D(20), D(0), NOW + 3 * MINUTE)
    assert state.open == () and [d.proceeds for d in state.disposals] == [10, 10]


def test_lots_left_alone_stay_as_they_are() -> None:
    state = lots([fill(1), fill(2)])
    after = dispose(state, D(10), D(10), D(0), NOW)
    assert after.open == state.open[1:] and len(after.disposals) == 1


def test_disposals_add_up_over_time() -> None:
    state = lots([fill(1), sell(2, "4", "0.9"), fill(3), sell(4, "6", "0.9")])
    assert [d.shares for d in state.disposals] == [4, 6] and held(state) == 10


def move(minute: int, comes: bool, count: str, value: str | None, **change: Any) -> Move:
    worth = None if value is None else Usd(D(value))
    at = NOW + minute * MINUTE
    return Move(at=at, key=str(minute), comes=comes, shares=Shares(D(count)), value=worth, **change)


def test_lots_of_one_token_are_shared_by_all_its_trades_in_the_order_of_time() -> None:
    later_first = [move(3, False, "15", "14.7"), move(2, True, "10", "9"), move(1, True, "10", "8")]
    state = fifo(later_first)
    seen: list[tuple[object, ...]] = [(d.shares, d.cost, d.proceeds) for d in state.disposals]
    assert seen == [
        (D(10), D(8), D("9.8")),
        (D(5), D("4.5"), D("4.9")),
    ]
    assert state.open[0].cost == D("4.5")


def test_of_one_moment_what_comes_goes_first() -> None:
    state = fifo([move(1, False, "10", "9.9", how="resolution"), move(1, True, "10", "9")])
    assert held(state) == 0 and state.disposals[0].how == "resolution"


def test_an_unknown_amount_makes_the_gain_unknown_and_nothing_else() -> None:
    """Adopted shares have no known cost; shares found gone brought nobody knows what."""
    state = fifo([move(1, True, "10", None), move(2, True, "10", "9"), move(3, False, "4", "3.9")])
    assert (state.disposals[0].cost, state.disposals[0].gain) == (None, None)
    assert state.open[0].cost is None and state.open[0].shares == 6
    gone = dispose(state, D(16), None, D(0), NOW + 4 * MINUTE, "adjustment").disposals[1:]
    assert [(d.cost, d.proceeds, d.gain) for d in gone] == [(None, None, None), (9, None, None)]


def total(disposals: tuple[Disposal, ...]) -> D:
    return sum((d.gain or D(0) for d in disposals), D(0))


@given(FILLS, st.integers(0, 1))
def test_the_gains_of_all_lots_are_the_profit_of_the_trade(fills: list[Fill], payout: int) -> None:
    now = hold(fills)
    if now.oversold:
        return
    end = settle(now, Price(D(payout)))
    state = dispose(lots(fills), now.shares, end.proceeds, D(0), NOW)
    assert held(state) == 0 and total(state.disposals) == end.profit
    assert held(lots(fills)) == now.shares
