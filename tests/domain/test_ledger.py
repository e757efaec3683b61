"""domain/ledger.py"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from domain.ledger import Adjustment, Ending, ExitKind, keep_books
from domain.money import MICRO, price, shares, usd
from domain.orders import Fill, FillStatus, Side
from domain.positions import PositionState

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def fill(number: int, side: Side, count: str, at: str, fee: str = "0", **change: Any) -> Fill:
    """Return a confirmed fill; the number is its trade, its order and its second."""
    values: dict[str, Any] = {
        "trade_id": f"t{number}",
        "order_id": f"o{number}",
        "token_id": "11",
        "side": side,
        "price": price(at),
        "shares": shares(count),
        "fee": usd(fee),
        "status": FillStatus.CONFIRMED,
        "matched_at": NOW + number * SECOND,
    }
    return Fill.model_validate({**values, **change})


def ending(payout: str | None, proceeds: str | None = None, at: int = 99) -> Ending:
    """Return how the rest ended."""
    return Ending(
        kind=ExitKind.RESOLUTION if payout else ExitKind.EXTERNAL,
        payout=None if payout is None else price(payout),
        proceeds=None if proceeds is None else usd(proceeds),
        reason="over",
        at=NOW + at * SECOND,
    )


BOUGHT = fill(1, Side.BUY, "20", "0.95", "0.10")


def test_an_open_position_has_no_exit() -> None:
    books = keep_books("t", [BOUGHT])
    assert (books.state, books.exits, books.closed_at) == (PositionState.OPEN, (), None)
    assert (books.opened_at, books.profit) == (BOUGHT.matched_at, usd(0))


def test_an_abandoned_position_is_unmanaged_only_while_it_holds_shares() -> None:
    assert keep_books("t", [BOUGHT], unmanaged=True).state is PositionState.UNMANAGED
    over = keep_books("t", [BOUGHT], ending=ending("1"), unmanaged=True)
    assert over.state is PositionState.RESOLVED


def test_entry_fees_leave_with_the_shares_they_were_paid_for() -> None:
    sale = fill(2, Side.SELL, "5", "0.99", "0.01")
    books = keep_books("t", [BOUGHT, sale], ending=ending("1"))
    assert [e.fees for e in books.exits] == [usd("0.035"), usd("0.075")]
    assert [e.profit for e in books.exits] == [usd("0.165"), usd("0.675")]
    assert [e.final for e in books.exits] == [False, True]
    assert books.profit == usd("0.84")


def test_selling_all_closes_the_position() -> None:
    books = keep_books("t", [BOUGHT, fill(2, Side.SELL, "20", "0.9")], reasons={"o2": "stop loss"})
    [sale] = books.exits
    assert (books.state, sale.final, sale.reason) == (PositionState.CLOSED, True, "stop loss")
    assert books.closed_at == NOW + 2 * SECOND


def test_an_ending_without_shares_is_no_second_exit() -> None:
    books = keep_books("t", [BOUGHT, fill(2, Side.SELL, "20", "0.9")], ending=ending("1"))
    assert [e.kind for e in books.exits] == [ExitKind.SALE]


def test_what_is_gone_without_a_trace_has_an_unknown_profit() -> None:
    """XD-3"""
    books = keep_books("t", [BOUGHT], ending=ending(None))
    [gone] = books.exits
    assert (gone.kind, gone.proceeds, gone.profit) == (ExitKind.EXTERNAL, None, None)
    assert (books.state, books.profit) == (PositionState.CLOSED, None)


def test_shares_of_unknown_cost_have_an_unknown_profit() -> None:
    """G10"""
    found = Adjustment(key="adjust:1", shares=Decimal(10), at=NOW)
    books = keep_books("t", [], [found], ending("1"))
    assert (books.cost_known, books.profit, books.exits[0].proceeds) == (False, None, usd(10))


def test_shares_of_known_cost_have_a_profit() -> None:
    found = Adjustment(key="adjust:1", shares=Decimal(10), cost=usd("9.3"), at=NOW)
    assert keep_books("t", [], [found], ending("1")).profit == usd("0.7")


def test_a_loss_of_shares_is_an_exit_of_unknown_profit() -> None:
    """G12"""
    lost = Adjustment(key="adjust:1", shares=Decimal(-15), at=NOW + 5 * SECOND)
    books = keep_books("t", [BOUGHT], [lost])
    [gone] = books.exits
    assert (gone.kind, gone.shares, gone.profit) == (ExitKind.ADJUSTMENT, shares(15), None)
    assert (books.holding.shares, books.holding.cost) == (shares(5), usd("4.75"))


def test_what_was_sold_beyond_what_is_held_has_an_unknown_profit() -> None:
    """A sale of shares that another trade paid for would be all profit here, and hide a loss."""
    alone = keep_books("t", [fill(1, Side.SELL, "21", "0.99", "0.01")])
    (over,) = alone.exits
    assert (over.proceeds, over.fees, over.profit, over.final) == (
        usd("20.79"),
        usd("0.01"),
        None,
        True,
    )
    books = keep_books("t", [BOUGHT, fill(2, Side.SELL, "25", "0.99", "0.01")])
    over, sale = books.exits
    assert (sale.exit_id, sale.shares, sale.profit) == ("o2", shares(20), usd("0.69"))
    assert (over.exit_id, over.shares, over.profit) == ("o2:over", shares(5), None)
    assert (over.proceeds, over.fees, over.final, sale.final) == (usd("4.95"), usd(0), False, True)


def test_a_sale_that_drifts_by_dust_is_one_exit_with_its_profit() -> None:
    books = keep_books("t", [BOUGHT, fill(2, Side.SELL, "20.009", "0.99")])
    assert [(e.exit_id, e.profit) for e in books.exits] == [("o2", usd("0.70891"))]


def test_a_failed_fill_never_happened() -> None:
    failed = BOUGHT.model_copy(update={"status": FillStatus.FAILED})
    books = keep_books("t", [failed])
    assert (books.state, books.exits, books.holding.fees) == (PositionState.CLOSED, (), usd(0))


def test_proceeds_that_really_came_win_over_the_payout() -> None:
    assert keep_books("t", [BOUGHT], ending=ending("1", "19.5")).profit == usd("0.4")


MICROS = st.integers(1, 50_000_000).map(lambda n: str(Decimal(n) * MICRO))
EVENTS = st.lists(
    st.tuples(st.sampled_from(Side), MICROS, st.integers(1, 99), st.integers(0, 9)),
    min_size=1,
    max_size=8,
)


@given(EVENTS, st.sampled_from(["0", "0.5", "1"]), st.randoms())
def test_every_dollar_is_in_the_books_in_any_order_of_news(
    events: list[tuple[Side, str, int, int]], payout: str, rng: Any
) -> None:
    """Fault matrix W1, XD-14: profit is what came in minus what went out, to the micro-dollar."""
    fills, held = [], Decimal(0)
    for number, (side, count, cents, fee) in enumerate(events):
        size = Decimal(count) if side is Side.BUY else min(Decimal(count), held)
        if size > 0:
            at = str(Decimal(cents) / 100)
            fills.append(fill(number, side, str(size), at, str(Decimal(fee) / 100)))
            held += size if side is Side.BUY else -size
    books = keep_books("t", fills, ending=ending(payout))
    shuffled = rng.sample(fills, len(fills))
    assert keep_books("t", shuffled, ending=ending(payout)) == books
    sales = [e for e in books.exits]
    assert sum(e.final for e in sales) == (1 if sales else 0)
    assert books.holding.shares == 0 and books.holding.cost == 0
    came = sum((e.proceeds or Decimal(0) for e in sales), Decimal(0))
    costs = sum((e.cost for e in sales), Decimal(0))
    fees = sum((f.fee for f in fills), Decimal(0))
    assert sum((e.fees for e in sales), Decimal(0)) == fees
    assert books.profit == came - costs - fees
