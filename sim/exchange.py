"""The exchange: takes orders, matches them, cancels them. Pure: time comes in, events go out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sim import matching
from sim.book import MarketBook, level_of
from sim.config import SimConfig
from sim.fills import Fills
from sim.frames import book_frame, price_change, user_kill, user_order
from sim.funds import Funds, remaining_usd
from sim.intake import build, check_notional, check_owner, check_signature, parse
from sim.market import SimMarket
from sim.memory import Memory
from sim.outbox import MarketEvent, Outbox, UserEvent
from sim.refusals import CROSSES, FAK_KILLED, FOK_KILLED, NOT_READY, Refusal, invalid
from sim.settlement import Settlement
from sim.state import STRANGER, ApiKey, Order, Trade
from sim.units import taker_fee, text

ALREADY_DONE = "already canceled or matched"
NOT_FOUND = "Order not found or already canceled"


class Exchange:
    """All markets, their books and the orders of our clients."""

    def __init__(self, memory: Memory, config: SimConfig) -> None:
        self.memory = memory
        self.config = config
        self.outbox = Outbox()
        self.markets: dict[str, SimMarket] = {}
        self.by_token: dict[str, SimMarket] = {}
        self.books: dict[str, MarketBook] = {}
        self.funds = Funds(memory)
        self.settlement = Settlement(memory, self.funds, self.outbox, config, self.markets)
        self.settlement.on_settled = self.revalidate
        self.fills = Fills(self)
        self.rejected: dict[str, str] = {}
        self.divert: Callable[[Order, int], dict[str, Any] | None] = lambda order, now: None

    def list_market(self, market: SimMarket) -> None:
        """Add a market; its resting orders of an earlier life come back."""
        if market.condition_id in self.markets:
            return
        self.markets[market.condition_id] = market
        for token in market.tokens:
            self.by_token[token] = market
        book = self.books[market.condition_id] = MarketBook()
        self.restore_taken(market.condition_id)
        for order in sorted(self.funds.open_orders(), key=lambda order: order.sequence):
            if order.condition_id == market.condition_id and order.status != "delayed":
                book.rest(order)

    def restore_taken(self, condition_id: str) -> None:
        """Bring back what our orders had taken from the shown depth before a restart."""
        taken = self.memory.taken.get(condition_id)
        for name, size in (taken.levels if taken else {}).items():
            depth, price = self.books[condition_id].depth[name[0]], int(name[1:])
            depth.taken[price] = min(size, depth.shown.get(price, 0)) if depth.shown else size

    def place(self, body: Any, key: ApiKey, now_ms: int) -> dict[str, Any]:
        """Accept, match and answer one order.

        Raises:
            Refusal: with the venue's status and text.
        """
        post, fields = parse(body)
        market = self.by_token.get(post.order.token_id)
        if market is None or not market.accepting:
            raise Refusal(400, f"the orderbook {post.order.token_id} does not exist")
        if market.clob_hidden:
            raise Refusal(400, NOT_READY)
        account = check_owner(post, key, self.memory)
        order_id = check_signature(post, fields, key, account, market.neg_risk)
        if order_id in self.memory.orders:
            raise invalid(order_id, "Duplicated.")
        order = build(post, fields, order_id, market, now_ms, self.config)
        order.sequence = self.memory.next_sequence()
        if market.seconds_delay and matching.plan(self.books[market.condition_id], order).matches:
            return self.delay(order, market.seconds_delay * 1000, now_ms)
        answer = self.divert(order, now_ms)
        return answer if answer is not None else self.execute(order, now_ms)

    def rest_unmatched(self, order: Order, now_ms: int) -> dict[str, Any]:
        """Put a marketable order on the book without matching it (`unmatched`, facts 2.4)."""
        order.status = "live"
        self._keep(order)
        self.books[order.condition_id].rest(order)
        self.tell(order, "PLACEMENT", now_ms)
        answer = self._answer(order, 0, 0, "unmatched", [])
        return answer | {"takingAmount": "0", "makingAmount": "0", "transactionsHashes": []}

    def delay(self, order: Order, wait_ms: int, now_ms: int) -> dict[str, Any]:
        """Accept an order that is matched later (sports markets, facts 3.4)."""
        order.status, order.due_ms = "delayed", now_ms + wait_ms
        self._keep(order)
        self.tell(order, "PLACEMENT", now_ms)
        answer = self._answer(order, 0, 0, "delayed", [])
        return answer | {"takingAmount": "0", "makingAmount": "0", "transactionsHashes": []}

    def execute(self, order: Order, now_ms: int) -> dict[str, Any]:
        """Match an order now, rest or kill what is left, and answer.

        Raises:
            Refusal: nothing was done, or the order was killed.
        """
        market, book = self.markets[order.condition_id], self.books[order.condition_id]
        plan = matching.plan(book, order)
        if order.post_only and plan.matches:
            raise Refusal(400, CROSSES)
        if plan.matches:
            check_notional(order)
        self._check_funds(order, plan, market)
        if order.tif == "FOK" and not plan.complete:
            raise self.kill(order, FOK_KILLED, now_ms)
        if order.tif == "FAK" and not plan.matches:
            raise self.kill(order, FAK_KILLED, now_ms)
        order.status = "live"
        self._keep(order)
        self.tell(order, "PLACEMENT", now_ms)
        trades = self.fills.take(order, plan, now_ms)
        self._finish(order, plan, book, now_ms)
        status = "matched" if plan.matches else "live"
        return self._answer(order, plan.usd, plan.shares, status, trades)

    def cancel(self, order_id: str, owner: str, now_ms: int) -> str | None:
        """Cancel one order of this key; None when done, else the venue's reason."""
        order = self.memory.orders.get(order_id)
        if order is None or order.owner != owner:
            return NOT_FOUND
        if order.status == "delayed":
            return "Order is delayed and can not be canceled"
        if order.status not in ("live", "unmatched"):
            return ALREADY_DONE
        self.end(order, "CANCELED", now_ms)
        return None

    def end(self, order: Order, reason: str, now_ms: int) -> None:
        """Take an order off the book for good and say why."""
        book = self.books.get(order.condition_id)
        resting = order.status in ("live", "unmatched")
        order.status, order.text = "canceled", reason
        self._keep(order)
        if book is not None and resting:
            book.remove(order)
            self.show(order.condition_id, [level_of(order)], now_ms)
        self.tell(order, "CANCELLATION", now_ms)

    def kill(self, order: Order, reason: str, now_ms: int) -> Refusal:
        """Remember a FAK or FOK that found nothing, and return the refusal to raise."""
        order.status, order.text = "killed", f"CANCELED_{reason}"
        self._keep(order)
        event = UserEvent(order.owner, order.condition_id, user_kill(order, now_ms))
        self.outbox.user(event)
        return Refusal(400, reason, orderID=order.id)

    def tick(self, now_ms: int) -> None:
        """Do what is due: settlement, delayed orders, expiries."""
        self.settlement.advance(now_ms)
        for order in self.funds.timed_orders():
            if order.status == "delayed" and order.due_ms <= now_ms:
                self._undelay(order, now_ms)
            elif order.tif == "GTD" and self._expired(order, now_ms):
                self.end(order, "CANCELED_EXPIRED_ORDER", now_ms)

    def revalidate(self, account: str, now_ms: int) -> None:
        """Cancel open orders that the wallet's chain balance no longer covers (facts 3.3)."""
        wallet = self.memory.account(account)
        free_usd = wallet.usd - self.funds.promised_usd(account)
        for order in self.funds.open_orders(account):
            if order.side == "BUY":
                covered = remaining_usd(order) <= free_usd
            else:
                promised = self.funds.promised_tokens(account, order.token_id)
                covered = order.open_shares <= wallet.tokens.get(order.token_id, 0) - promised
            if not covered and order.status != "delayed":
                self.end(order, "CANCELED_NOT_ENOUGH_BALANCE", now_ms)

    def show(self, condition_id: str, levels: list[tuple[str, int]], now_ms: int) -> None:
        """Publish the new sizes of some levels."""
        market, book = self.markets[condition_id], self.books[condition_id]
        market.changed_ms = now_ms
        if self.outbox.heard():
            frame = price_change(market, book, levels, now_ms)
            self.outbox.market(MarketEvent(market.tokens, frame))

    def show_books(self, condition_id: str) -> None:
        """Publish both whole books, as the venue does after a trade."""
        market, book = self.markets[condition_id], self.books[condition_id]
        for outcome, token in enumerate(market.tokens):
            if self.outbox.heard():
                self.outbox.market(MarketEvent((token,), book_frame(market, book, outcome)))

    def tell(self, order: Order, kind: str, now_ms: int) -> None:
        """Publish an order event to its owner."""
        if order.owner != STRANGER:
            frame = user_order(order, self.markets.get(order.condition_id), kind, now_ms)
            self.outbox.user(UserEvent(order.owner, order.condition_id, frame))

    def keep(self, order: Order) -> None:
        """Store a changed order."""
        self._keep(order)

    def _keep(self, order: Order) -> None:
        self.memory.touch_order(order)
        self.funds.note_order(order)

    def _expired(self, order: Order, now_ms: int) -> bool:
        return now_ms >= (order.expiration - self.config.gtd_early_s) * 1000

    def _undelay(self, order: Order, now_ms: int) -> None:
        try:
            self.execute(order, now_ms)
        except Refusal as refusal:
            if order.status == "delayed":
                self.end(order, f"CANCELED_{refusal.error}", now_ms)

    def _check_funds(self, order: Order, plan: matching.Plan, market: SimMarket) -> None:
        account = self.memory.account(order.account)
        if order.side == "SELL":
            self.funds.check(account, order, order.size)
            return
        fee = sum(taker_fee(m.shares, m.price, market.fee_rate) for m in plan.matches)
        extra = 0 if self.config.fee_in_shares else fee
        self.funds.check(account, order, order.maker_amount + extra)

    def _finish(self, order: Order, plan: matching.Plan, book: MarketBook, now_ms: int) -> None:
        if plan.complete:
            order.status = "matched"
            self._keep(order)
            self.tell(order, "UPDATE", now_ms)
            return
        if plan.matches:
            self.tell(order, "UPDATE", now_ms)
        if order.tif in ("FAK", "FOK"):
            order.status, order.text = "canceled", "CANCELED"
            self._keep(order)
            self.tell(order, "CANCELLATION", now_ms)
            return
        book.rest(order)
        self._keep(order)
        self.show(order.condition_id, [level_of(order)], now_ms)

    def _answer(
        self, order: Order, usd: int, shares: int, status: str, trades: list[Trade]
    ) -> dict[str, Any]:
        gave, got = (usd, shares) if order.side == "BUY" else (shares, usd)
        answer: dict[str, Any] = {
            "errorMsg": "",
            "orderID": order.id,
            "takingAmount": text(got) if got else "",
            "makingAmount": text(gave) if gave else "",
            "status": status,
            "success": True,
        }
        if status != "live":
            answer["tradeIDs"] = list(dict.fromkeys(trade.id for trade in trades))
        return answer
