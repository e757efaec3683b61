"""Memory: the sim's entities in dictionaries, with a journal behind them."""

from __future__ import annotations

from typing import Any

import msgspec

from sim.journal import Journal, encode
from sim.state import (
    Account,
    ApiKey,
    Chain,
    Notice,
    Order,
    Position,
    Redemption,
    Resolved,
    Taken,
    Trade,
)

_KINDS: dict[str, Any] = {
    "account": Account,
    "key": ApiKey,
    "order": Order,
    "trade": Trade,
    "redemption": Redemption,
    "notice": Notice,
    "chain": Chain,
    "position": Position,
    "resolved": Resolved,
    "taken": Taken,
}


class Memory:
    """All entities. Change one, then `touch` it; `flush` writes what was touched."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._dirty: dict[tuple[str, str], object] = {}
        self.accounts: dict[str, Account] = {}
        self.keys: dict[str, ApiKey] = {}
        self.orders: dict[str, Order] = {}
        self.trades: dict[str, Trade] = {}
        self.redemptions: dict[str, Redemption] = {}
        self.notices: dict[str, Notice] = {}
        self.chain: dict[str, Chain] = {}
        self.resolved: dict[str, Resolved] = {}
        self.taken: dict[str, Taken] = {}
        self.positions: dict[str, Position] = {}
        self._shelves: dict[str, dict[str, Any]] = {
            "account": self.accounts,
            "key": self.keys,
            "order": self.orders,
            "trade": self.trades,
            "redemption": self.redemptions,
            "notice": self.notices,
            "chain": self.chain,
            "resolved": self.resolved,
            "taken": self.taken,
            "position": self.positions,
        }
        for kind, key, body in journal.load():
            self._shelves[kind][key] = msgspec.json.decode(body, type=_KINDS[kind])
        self.position = self.positions.setdefault("source", Position())
        self._sequence = max((order.sequence for order in self.orders.values()), default=0)

    def next_sequence(self) -> int:
        """Return the next place in time for a new order."""
        self._sequence += 1
        return self._sequence

    def account(self, address: str) -> Account:
        """Return the wallet, made empty on first sight."""
        key = address.lower()
        if key not in self.accounts:
            self.accounts[key] = Account(address=address)
        return self.accounts[key]

    def put(self, kind: str, key: str, entity: Any) -> None:
        """Keep a new or changed entity."""
        self._shelves[kind][key] = entity
        self._dirty[(kind, key)] = entity

    def touch_account(self, account: Account) -> None:
        """Mark a wallet as changed."""
        self._dirty[("account", account.address.lower())] = account

    def touch_order(self, order: Order) -> None:
        """Keep a new or changed order."""
        self.put("order", order.id, order)

    def touch_trade(self, trade: Trade) -> None:
        """Keep a new or changed trade."""
        self.put("trade", trade.row, trade)

    def flush(self) -> None:
        """Write what has changed, in one transaction."""
        if not self._dirty:
            return
        rows = [(kind, key, encode(entity)) for (kind, key), entity in self._dirty.items()]
        self._journal.write(rows)
        self._dirty.clear()

    def close(self) -> None:
        """Write what has changed and close the journal."""
        self.flush()
        self._journal.close()
