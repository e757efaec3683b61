"""The keeper of a replay: looks after open trades as holding and exiting do."""

from __future__ import annotations

from datetime import datetime

from domain.book import Book
from domain.entry import OrderPlan, plan_exit
from domain.exits import ExitContext, check_exit, conditional_from
from domain.gates import exit_gate
from domain.market import Mode
from domain.positions import Position
from domain.rules import TradeRules
from ops.replay.trades import Trade


def due(trade: Trade, now: datetime, rules: TradeRules) -> bool:
    """Return whether the exit rules are to be asked now: not before conditional exits begin."""
    begins = trade.next_look or conditional_from(trade.opened_at, rules.exits)
    return trade.open and begins is not None and now >= begins


def look(trade: Trade, book: Book, now: datetime, rules: TradeRules) -> None:
    """Ask the exit rules, and sell through the gate when they say so."""
    position = Position(
        workflow_id=trade.trigger.workflow_id,
        mode=Mode.PAPER,
        condition_id=trade.market.condition_id,
        token_id=trade.token.token_id,
        **trade.holding.model_dump(),
    )
    context = ExitContext(
        position=position,
        book=book,
        now=now,
        held_since=trade.opened_at,
        reading=trade.reading,
        end_time=trade.market.end_time,
        fee=trade.market.fee,
    )
    signal = check_exit(context, rules.exits)
    trade.reading, trade.next_look = signal.reading, now + rules.pace.resolution_poll
    if signal.exit:
        _sell(trade, book, now, signal.reason, rules)


def _sell(trade: Trade, book: Book, now: datetime, reason: str, rules: TradeRules) -> None:
    """Sell at the verified bid; a blocked exit is tried again at the next look."""
    bid, average = book.best_bid, trade.holding.average
    if bid is None or average is None:
        return
    if exit_gate(book, average, book.mid, rules.exits) is not None:
        return
    plan = plan_exit(trade.holding.shares, bid, book)
    if isinstance(plan, OrderPlan):
        trade.leave(plan, book, now, reason)
