"""Settlement: MATCHED to MINED to CONFIRMED, or RETRYING and FAILED (facts 3.7)."""

from __future__ import annotations

import hashlib
import heapq
from collections.abc import Callable

from sim.config import SimConfig
from sim.frames import user_trade
from sim.funds import Funds
from sim.market import SimMarket
from sim.memory import Memory
from sim.outbox import Outbox, UserEvent
from sim.state import STRANGER, Leg, Notice, Step, Trade
from sim.units import ONE, text

SETTLED = ("MINED", "CONFIRMED")
FILL_FAILED = 8  # notification type


class Settlement:
    """Moves trades along; only here do chain balances change through trading."""

    def __init__(
        self,
        memory: Memory,
        funds: Funds,
        outbox: Outbox,
        config: SimConfig,
        markets: dict[str, SimMarket],
    ) -> None:
        self._memory = memory
        self._funds = funds
        self._outbox = outbox
        self._config = config
        self._markets = markets
        self._due: list[tuple[int, str]] = []
        self.on_settled: Callable[[str, int], None] = lambda account, now: None
        self.alter: Callable[[Trade, int], list[Trade]] = lambda trade, now: [trade]
        for trade in memory.trades.values():
            self._schedule(trade)

    def ordinary(self, now_ms: int) -> list[Step]:
        """Return the usual steps of a trade matched now."""
        return [
            Step(now_ms + self._config.mined_ms, "MINED"),
            Step(now_ms + self._config.confirmed_ms, "CONFIRMED"),
        ]

    def open(self, matched: Trade, now_ms: int) -> None:
        """Take a new trade into the pipeline and tell its owners; a fault may split or doom it."""
        for trade in self.alter(matched, now_ms):
            self._memory.touch_trade(trade)
            self._funds.note_trade(trade)
            self._schedule(trade)
            self._tell(trade, now_ms)

    def advance(self, now_ms: int) -> None:
        """Apply every step that is due."""
        while self._due and self._due[0][0] <= now_ms:
            _, row = heapq.heappop(self._due)
            trade = self._memory.trades[row]
            if trade.steps and trade.steps[0].due_ms <= now_ms:
                self._step(trade, trade.steps.pop(0).status, now_ms)
                self._schedule(trade)

    def next_due(self) -> int | None:
        """Return when the next step is due."""
        return self._due[0][0] if self._due else None

    def _schedule(self, trade: Trade) -> None:
        if trade.steps:
            heapq.heappush(self._due, (trade.steps[0].due_ms, trade.row))

    def _step(self, trade: Trade, status: str, now_ms: int) -> None:
        was_settled = trade.status in SETTLED
        trade.status, trade.updated_ms = status, now_ms
        if status in SETTLED and not was_settled:
            stamp = f"tx:{trade.row}:{now_ms}".encode()
            trade.hash = "0x" + hashlib.sha256(stamp).hexdigest()
            trade.settled_ms = now_ms
            self._move(trade)
        self._memory.touch_trade(trade)
        self._funds.note_trade(trade)
        self._tell(trade, now_ms)
        if status == "FAILED":
            self._notify_failed(trade, now_ms)
        for leg in trade.legs():
            if leg.owner != STRANGER:
                self.on_settled(leg.account, now_ms)

    def _move(self, trade: Trade) -> None:
        for leg in trade.legs():
            if leg.owner != STRANGER:
                self._move_leg(leg, trade.fee if leg is trade.taker else 0)

    def _move_leg(self, leg: Leg, fee: int) -> None:
        account = self._memory.account(leg.account)
        shares = leg.size
        if leg.side == "BUY":
            if fee and self._config.fee_in_shares:
                shares, fee = shares - fee * ONE // leg.price, 0
            account.usd -= leg.usd + fee
            account.tokens[leg.token_id] = account.tokens.get(leg.token_id, 0) + shares
        else:
            account.usd += leg.usd - fee
            account.tokens[leg.token_id] = account.tokens.get(leg.token_id, 0) - shares
        account.cached_usd = account.usd
        account.cached_tokens[leg.token_id] = account.tokens[leg.token_id]
        self._memory.touch_account(account)

    def _tell(self, trade: Trade, now_ms: int) -> None:
        market = self._markets.get(trade.condition_id)
        if market is None:
            return
        for owner in {leg.owner for leg in trade.legs()} - {STRANGER}:
            frame = user_trade(trade, market, owner, now_ms)
            self._outbox.user(UserEvent(owner, trade.condition_id, frame))

    def _notify_failed(self, trade: Trade, now_ms: int) -> None:
        for owner in {leg.owner for leg in trade.legs()} - {STRANGER}:
            number = len(self._memory.notices) + 1
            payload = {
                "order_id": trade.taker.order_id,
                "trade_id": trade.id,
                "market": trade.condition_id,
                "asset_id": trade.taker.token_id,
                "matched_size": text(trade.taker.size),
            }
            notice = Notice(id=number, owner=owner, type=FILL_FAILED, at_ms=now_ms, payload=payload)
            self._memory.put("notice", str(number), notice)
