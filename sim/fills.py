"""Fills: from a plan, or from a book that moved through a resting order, to trades."""

from __future__ import annotations

import hashlib
import uuid
from itertools import groupby
from typing import TYPE_CHECKING

from sim import tape
from sim.book import book_side, level_of, opposite, unified
from sim.frames import last_trade_price
from sim.market import Print
from sim.matching import Match, Plan
from sim.outbox import MarketEvent
from sim.state import STRANGER, STRANGER_ADDRESS, Leg, Order, Taken, Trade
from sim.units import ONE, dollars, taker_fee

if TYPE_CHECKING:
    from sim.exchange import Exchange


class Fills:
    """Makes trades and books them on orders, books and settlement."""

    def __init__(self, exchange: Exchange) -> None:
        self._x = exchange

    def take(self, order: Order, plan: Plan, now_ms: int) -> list[Trade]:
        """Trade a plan: one trade for each price, so that price times size is exact."""
        trades = []
        for price, group in groupby(plan.matches, key=lambda match: match.price):
            trades.append(self._take_price(order, price, list(group), now_ms))
        if trades:
            self._remember_taken(order.condition_id)
            side = opposite(book_side(order))
            levels = [(side, unified(order.outcome, t.taker.price)) for t in trades]
            self._x.show(order.condition_id, levels, now_ms)
            self._x.show_books(order.condition_id)
        return trades

    def _take_price(self, order: Order, price: int, matches: list[Match], now_ms: int) -> Trade:
        market = self._x.markets[order.condition_id]
        book = self._x.books[order.condition_id]
        side, level = opposite(book_side(order)), unified(order.outcome, price)
        shares = sum(m.shares for m in matches)
        usd = dollars(shares, price)
        trade = Trade(
            id=_trade_id(order.id, len(order.trades)),
            condition_id=order.condition_id,
            taker=_leg(order, price, shares, usd),
            makers=[],
            fee=taker_fee(shares, price, market.fee_rate, market.fee_exponent),
            status="MATCHED",
            matched_ms=now_ms,
            updated_ms=now_ms,
            steps=self._x.settlement.ordinary(now_ms),
        )
        for match in matches:
            if match.maker is None:
                book.take(side, level, match.shares)
                trade.makers.append(self._stranger(order, match, len(trade.makers)))
            else:
                trade.makers.append(self._make(match.maker, match.shares, trade.id, now_ms))
        self._book(order, trade.id, shares, usd)
        self._print(order.condition_id, trade, now_ms)
        self._x.settlement.open(trade, now_ms)
        return trade

    def cross(self, condition_id: str, now_ms: int) -> None:
        """Fill resting orders that the source's depth has moved through, at their own price."""
        book = self._x.books[condition_id]
        for side in ("B", "A"):
            for order in book.resting(side):
                if not self._cross_order(order, now_ms):
                    break

    def _cross_order(self, order: Order, now_ms: int) -> bool:
        book = self._x.books[order.condition_id]
        side, limit = book_side(order), unified(order.outcome, order.price)
        other = opposite(side)
        filled = 0
        for level in sorted(book.depth[other].shown, reverse=other == "B"):
            if (level > limit) if side == "B" else (level < limit):
                break
            size = min(book.depth[other].available(level), order.open_shares - filled)
            if size > 0:
                book.take(other, level, size)
                filled += size
        if filled:
            self.hit(order, filled, now_ms)
            self._remember_taken(order.condition_id)
        return filled > 0

    def traded(self, condition_id: str, event: tape.Print, now_ms: int) -> None:
        """Fill resting orders that a print went through, up to its size, at their own price.

        A print at exactly an order's price does not fill it: others stood before it.
        """
        price, left = unified(event.outcome, event.price), event.size
        side = "B" if (event.side == "SELL") == (event.outcome == 0) else "A"
        for order in self._x.books[condition_id].resting(side):
            limit = unified(order.outcome, order.price)
            if left <= 0 or (limit <= price if side == "B" else limit >= price):
                break
            shares = min(left, order.open_shares)
            left -= shares
            self.hit(order, shares, now_ms)

    def hit(self, order: Order, shares: int, now_ms: int) -> None:
        """Fill a resting order by a stranger's taker order."""
        market = self._x.markets[order.condition_id]
        usd = dollars(shares, order.price)
        trade_id = _trade_id(order.id, len(order.trades))
        taker = Leg(
            order_id="0x" + hashlib.sha256(f"taker:{trade_id}".encode()).hexdigest(),
            owner=STRANGER,
            account=STRANGER_ADDRESS,
            token_id=order.token_id,
            outcome=order.outcome,
            side="SELL" if order.side == "BUY" else "BUY",
            price=order.price,
            size=shares,
            usd=usd,
        )
        trade = Trade(
            id=trade_id,
            condition_id=order.condition_id,
            taker=taker,
            makers=[],
            fee=taker_fee(shares, order.price, market.fee_rate, market.fee_exponent),
            status="MATCHED",
            matched_ms=now_ms,
            updated_ms=now_ms,
            steps=self._x.settlement.ordinary(now_ms),
        )
        trade.makers.append(self._make(order, shares, trade_id, now_ms))
        self._print(order.condition_id, trade, now_ms)
        self._x.settlement.open(trade, now_ms)
        self._x.show(order.condition_id, [level_of(order)], now_ms)

    def _make(self, order: Order, shares: int, trade_id: str, now_ms: int) -> Leg:
        usd = dollars(shares, order.price)
        self._book(order, trade_id, shares, usd)
        book = self._x.books[order.condition_id]
        if order.matched >= order.size:
            order.status = "matched"
            book.remove(order)
        book.filled(order)
        self._x.keep(order)
        self._x.tell(order, "UPDATE", now_ms)
        return _leg(order, order.price, shares, usd)

    def _book(self, order: Order, trade_id: str, shares: int, usd: int) -> None:
        order.matched += shares
        order.paid += usd
        order.trades.append(trade_id)
        self._x.keep(order)

    def _stranger(self, order: Order, match: Match, number: int) -> Leg:
        """Return the tape's leg: a direct swap, or a mint or merge through the other outcome."""
        stamp = hashlib.sha256(f"{order.id}:{match.price}:{number}".encode()).digest()
        complement = stamp[0] % 3 == 0
        outcome = 1 - order.outcome if complement else order.outcome
        market = self._x.markets[order.condition_id]
        price = ONE - match.price if complement else match.price
        direct = "SELL" if order.side == "BUY" else "BUY"
        return Leg(
            order_id="0x" + stamp.hex(),
            owner=STRANGER,
            account=STRANGER_ADDRESS,
            token_id=market.tokens[outcome],
            outcome=outcome,
            side=order.side if complement else direct,
            price=price,
            size=match.shares,
            usd=dollars(match.shares, price),
        )

    def _print(self, condition_id: str, trade: Trade, now_ms: int) -> None:
        market, taker = self._x.markets[condition_id], trade.taker
        stamp = "0x" + hashlib.sha256(f"print:{trade.id}".encode()).hexdigest()
        seen = Print(now_ms, taker.outcome, taker.price, taker.size, taker.side, stamp)
        market.printed(seen)
        self._x.outbox.market(MarketEvent((taker.token_id,), last_trade_price(market, seen)))

    def _remember_taken(self, condition_id: str) -> None:
        book = self._x.books[condition_id]
        levels = {
            f"{side}{price}": size
            for side in ("B", "A")
            for price, size in book.depth[side].taken.items()
        }
        taken = Taken(condition_id=condition_id, levels=levels)
        self._x.memory.put("taken", condition_id, taken)


def _leg(order: Order, price: int, shares: int, usd: int) -> Leg:
    return Leg(
        order_id=order.id,
        owner=order.owner,
        account=order.account,
        token_id=order.token_id,
        outcome=order.outcome,
        side=order.side,
        price=price,
        size=shares,
        usd=usd,
    )


def _trade_id(order_id: str, number: int) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{order_id}/{number}"))
