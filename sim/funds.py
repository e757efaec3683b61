"""What a wallet can still promise: cached balance less unsettled trades less open orders (3.3)."""

from __future__ import annotations

from collections.abc import Iterable

from sim.memory import Memory
from sim.refusals import funds
from sim.state import Account, Leg, Order, Trade
from sim.units import ONE

UNSETTLED = ("MATCHED", "RETRYING")


class Funds:
    """Answers with the CLOB's belief, not the chain's truth."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._unsettled: dict[str, Trade] = {}
        self._open: dict[str, dict[str, Order]] = {}
        self._timed: dict[str, Order] = {}
        self._reserved: dict[tuple[str, str, str], int] = {}  # by wallet, side, market or token
        self._shares: dict[str, int] = {}  # what each open order reserves of it
        for trade in memory.trades.values():
            self.note_trade(trade)
        for order in memory.orders.values():
            self.note_order(order)

    def note_trade(self, trade: Trade) -> None:
        """Learn of a new or changed trade."""
        if trade.status in UNSETTLED:
            self._unsettled[trade.row] = trade
        else:
            self._unsettled.pop(trade.row, None)

    def note_order(self, order: Order) -> None:
        """Learn of a new or changed order."""
        mine = self._open.setdefault(order.account.lower(), {})
        if order.status in ("live", "delayed", "unmatched"):
            mine[order.id] = order
        else:
            mine.pop(order.id, None)
        if order.id in mine and (order.status == "delayed" or order.tif == "GTD"):
            self._timed[order.id] = order
        else:
            self._timed.pop(order.id, None)
        self._reserve(order)

    def _reserve(self, order: Order) -> None:
        """Keep the sums of reservations in step with one order."""
        wanted = 0
        if order.status in ("live", "delayed", "unmatched"):
            wanted = remaining_usd(order) if order.side == "BUY" else order.size - order.matched
        key = _purse(order)
        had = self._shares.pop(order.id, 0)
        self._reserved[key] = self._reserved.get(key, 0) + wanted - had
        if wanted:
            self._shares[order.id] = wanted

    def open_orders(self, account: str | None = None) -> list[Order]:
        """Return the open orders of a wallet, or all."""
        if account is not None:
            return list(self._open.get(account.lower(), {}).values())
        return [order for mine in self._open.values() for order in mine.values()]

    def timed_orders(self) -> list[Order]:
        """Return the open orders that time alone may change: delayed ones and GTD."""
        return list(self._timed.values())

    def promised_usd(self, account: str) -> int:
        """Return the dollars of matched buys that have not settled."""
        return sum(
            leg.usd + (trade.fee if leg is trade.taker else 0)
            for trade, leg in self._legs(account)
            if leg.side == "BUY"
        )

    def promised_tokens(self, account: str, token_id: str) -> int:
        """Return the shares of matched sells that have not settled."""
        return sum(
            leg.size
            for _, leg in self._legs(account)
            if leg.side == "SELL" and leg.token_id == token_id
        )

    def check(self, account: Account, order: Order, amount: int) -> None:
        """Refuse an order that the wallet cannot pay for.

        `amount` is in base units: dollars of a buy with its fee, shares of a sell. Open orders
        count within one market only, as on the venue.

        Raises:
            Refusal: with the venue's figures.
        """
        balance, matched, active = self.figures(account, order)
        if amount > balance - matched - active:
            raise funds(balance, amount, matched, active)

    def figures(self, account: Account, order: Order) -> tuple[int, int, int]:
        """Return (balance, promised to matched orders, promised to other open orders)."""
        active = self._reserved.get(_purse(order), 0) - self._shares.get(order.id, 0)
        if order.side == "BUY":
            return account.cached_usd, self.promised_usd(account.address), active
        balance = account.cached_tokens.get(order.token_id, 0)
        return balance, self.promised_tokens(account.address, order.token_id), active

    def _legs(self, account: str) -> Iterable[tuple[Trade, Leg]]:
        key = account.lower()
        for trade in self._unsettled.values():
            for leg in trade.legs():
                if leg.account.lower() == key:
                    yield trade, leg


def remaining_usd(order: Order) -> int:
    """Return the dollars an open buy may still spend."""
    if order.side != "BUY":
        return 0
    if order.tif in ("FAK", "FOK"):
        return max(order.maker_amount - order.paid, 0)
    return order.open_shares * order.price // ONE


def _purse(order: Order) -> tuple[str, str, str]:
    """Return what an open order draws on: buys share one market's dollars, sells one token."""
    what = order.condition_id if order.side == "BUY" else order.token_id
    return order.account.lower(), order.side, what
