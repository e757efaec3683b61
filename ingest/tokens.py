"""What ingest knows of each token: its book, its touch, its watched levels."""

from __future__ import annotations

from decimal import Decimal

from domain.market import Market
from domain.money import Price
from domain.rules import StrategyRules, TriggerRules
from domain.touch import Touch
from domain.trigger import TouchSource

ONE = 1_000_000
UNKNOWN = -1


def to_micro(price: Price) -> int:
    """Return the price in micro-units."""
    return int(price * ONE)


def from_micro(micro: int) -> Price:
    """Return the price of so many micro-units."""
    return Price(Decimal(micro).scaleb(-6))


class Level:
    """A watched price of a held token, in micro-units; changed in place when told."""

    __slots__ = ("workflow_id", "price", "above", "told_at", "told", "left_at")

    def __init__(self, workflow_id: str, price: int, above: bool) -> None:
        """`above`: reached at this bid or higher (target); else at it or lower (stop)."""
        self.workflow_id, self.price, self.above = workflow_id, price, above
        self.told_at = self.left_at = 0.0
        self.told = 0  # how often in a row

    def reached(self, bid: int) -> bool:
        """Return whether the best bid stands at or beyond the level."""
        return bid >= self.price if self.above else bid <= self.price


class TokenState:
    """One subscribed token. Prices in micro-units; book sides map price to size as sent."""

    __slots__ = (
        "token_id",
        "market",
        "touch",
        "bids",
        "asks",
        "bid",
        "ask",
        "last_trade",
        "venue_ms",
        "synced",
        "levels",
    )

    def __init__(self, token_id: str, market: Market, touch: Touch | None) -> None:
        """Know nothing yet: no book, no price."""
        self.token_id, self.market, self.touch = token_id, market, touch
        self.bids: dict[int, str] = {}
        self.asks: dict[int, str] = {}
        self.bid = self.ask = self.last_trade = UNKNOWN
        self.venue_ms = 0
        self.synced = UNKNOWN  # epoch of the last whole book
        self.levels: tuple[Level, ...] = ()


class Tokens:
    """All tokens of this shard, by id and by market."""

    def __init__(self, trigger: TriggerRules, strategy: StrategyRules) -> None:
        """Give a touch only to outcomes the strategy may buy: another one must not take the id."""
        self._trigger, self._indexes = trigger, strategy.outcome_indexes
        self._threshold = to_micro(trigger.threshold)
        self.quotes = trigger.source is TouchSource.QUOTE
        self.by_id: dict[str, TokenState] = {}
        self.watched: dict[str, TokenState] = {}  # what is subscribed and folded
        self._by_condition: dict[str, list[TokenState]] = {}

    def put(self, market: Market, *, taken: bool) -> None:
        """Add a market or renew what is known of it; `taken`: its id must not fire."""
        known = self._by_condition.get(market.condition_id)
        if known is not None:
            for state in known:
                state.market = market
            return
        states = [self._state(market, t.token_id, t.index, taken) for t in market.tokens]
        self._by_condition[market.condition_id] = states
        for state in states:
            self.by_id[state.token_id] = state
            self.watch(state)

    def drop(self, condition_id: str) -> None:
        """Forget a market."""
        for state in self._by_condition.pop(condition_id, ()):
            del self.by_id[state.token_id]
            self.watched.pop(state.token_id, None)

    def watch(self, state: TokenState) -> None:
        """Watch a token, or not, after its levels changed.

        Only what can trigger or has levels: the mirrored leg of every change costs nothing.
        """
        if state.touch is not None or state.levels:
            self.watched[state.token_id] = state
        else:
            self.watched.pop(state.token_id, None)

    def of(self, condition_id: str) -> list[TokenState]:
        """Return the tokens of a market, by outcome index; empty if unknown."""
        return self._by_condition.get(condition_id, [])

    def conditions(self) -> list[str]:
        """Return the ids of all markets."""
        return list(self._by_condition)

    def wanted(self) -> list[str]:
        """Return the tokens to subscribe."""
        return list(self.watched)

    def _state(self, market: Market, token_id: str, index: int, taken: bool) -> TokenState:
        touch = Touch(self._threshold) if index in self._indexes else None
        if touch is not None and taken:
            touch.retire()
        return TokenState(token_id, market, touch)
