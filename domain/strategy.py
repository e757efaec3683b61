"""Strategy: a pure function from context to decision, found by name.

Write your own: see docs/strategies.md. A package offers one under the entry point group
`touchline.strategies`; what it names is a class or function that takes nothing and returns a
`Strategy`. Reading installed packages is not for this package: whoever builds the process
passes `importlib.metadata.entry_points(group=GROUP)` to `Registry`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any, Protocol

from domain.context import ScreenContext
from domain.decision import Decision, Verdict
from domain.entry import worst_price
from domain.money import Price, Shares, Usd
from domain.record import Record, Utc
from domain.rules import StrategyRules, TradeRules
from domain.score import Score, why_unusable

GROUP = "touchline.strategies"


class StrategyContext(Record):
    """What a strategy decides by. None is unknown; a score is only here if it may be used."""

    condition_id: str
    token_id: str
    question: str
    category: str | None
    tags: tuple[str, ...]
    outcome: str
    outcome_index: int
    threshold: Price
    price: Price  # of the touch; on the watchlist that of now
    trade_size: Shares | None
    age_seconds: Decimal
    hours_to_end: Decimal | None
    score: Score | None
    score_problem: str | None  # why there is none
    entry_score: Decimal
    max_price: Price
    worst_price: Price  # the most to pay: min(touch, max_price), or max_price (entry.pay_up_to)
    stake: Usd
    position_open: bool
    first_crossing: bool
    best_bid: Price | None
    best_ask: Price | None
    now: Utc
    rules: StrategyRules


class Strategy(Protocol):
    """Decide; never look anything up. The version changes with the rule."""

    @property
    def name(self) -> str: ...

    @property
    def version(self) -> str: ...

    def evaluate(self, context: StrategyContext) -> Decision: ...


class EntryPoint(Protocol):
    """The part of `importlib.metadata.EntryPoint` that is used here."""

    @property
    def name(self) -> str: ...

    def load(self) -> Any: ...


class Registry:
    """Strategies by name; nothing is imported or built before it is asked for (STR-L1)."""

    def __init__(self, entry_points: Iterable[EntryPoint] = ()) -> None:
        """Know the built-in strategies and those of installed packages.

        Raises:
            ValueError: two strategies have one name.
        """
        self._makers: dict[str, Callable[[], Strategy]] = {}
        self._made: dict[str, Strategy] = {}
        self.register("high_prob_yes", _high_prob_yes)
        for point in entry_points:
            self.register(point.name, _maker(point))

    def register(self, name: str, maker: Callable[[], Strategy]) -> None:
        """Make `maker()` the strategy of this name, when first asked for.

        Raises:
            ValueError: the name is taken.
        """
        if name in self._makers:
            raise ValueError(f"expected one strategy named {name!r}, was registered twice")
        self._makers[name] = maker

    def names(self) -> list[str]:
        """Return all names, sorted."""
        return sorted(self._makers)

    def get(self, name: str) -> Strategy:
        """Return the strategy of this name, always the same object.

        Raises:
            KeyError: there is none; the text lists those that exist.
        """
        if name not in self._makers:
            known = ", ".join(self.names())
            raise KeyError(f"expected a strategy among {known}, was {name!r}")
        if name not in self._made:
            self._made[name] = self._makers[name]()
        return self._made[name]


def entry_score(rules: TradeRules) -> Decimal:
    """Return the score that enters: with the `market` provider its floor, where one is set."""
    floor = rules.score.floor
    if rules.score.provider == "market" and floor is not None:
        return floor
    return rules.strategy.entry_score


def strategy_context(context: ScreenContext, rules: TradeRules) -> StrategyContext:
    """Return what the strategy sees of a screening."""
    trigger, market, book, left = context.trigger, context.market, context.book, context.time_to_end
    problem = why_unusable(context.score, rules.score, context.now)
    return StrategyContext(
        condition_id=trigger.condition_id,
        token_id=trigger.token_id,
        question=trigger.question if market is None else market.question,
        category=None if market is None else market.category,
        tags=() if market is None else market.tags,
        outcome=trigger.outcome,
        outcome_index=trigger.outcome_index,
        threshold=trigger.threshold,
        price=trigger.price,
        trade_size=context.trade_size,
        age_seconds=max(Decimal(str(context.age.total_seconds())), Decimal(0)),
        hours_to_end=None if left is None else Decimal(str(left.total_seconds())) / 3600,
        score=None if problem else context.score,
        score_problem=problem,
        entry_score=entry_score(rules),
        max_price=rules.entry.max_price,
        worst_price=worst_price(context.touched, rules.entry),
        stake=rules.entry.stake,
        position_open=context.position_open,
        first_crossing=context.first_crossing,
        best_bid=None if book is None else book.best_bid,
        best_ask=None if book is None else book.best_ask,
        now=context.now,
        rules=rules.strategy,
    )


def ask(strategy: Strategy, context: ScreenContext, rules: TradeRules) -> Decision:
    """Return the strategy's decision, signed with its name, version and the score it used.

    An ENTER without limit or stake is a fault of the strategy and becomes HOLD.
    """
    seen = strategy_context(context, rules)
    decision = strategy.evaluate(seen)
    update: dict[str, object] = {
        "strategy": strategy.name,
        "strategy_version": strategy.version,
        "score": None if seen.score is None else str(seen.score.value),
    }
    if decision.verdict is Verdict.ENTER and (decision.limit is None or decision.stake is None):
        reason = "expected limit and stake with ENTER, was without"
        update |= {"verdict": Verdict.HOLD, "filter": "strategy_fault", "reason": reason}
    return decision.model_copy(update=update)


def _high_prob_yes() -> Strategy:
    from domain.strategies.high_prob_yes import HighProbYes

    return HighProbYes()


def _maker(point: EntryPoint) -> Callable[[], Strategy]:
    def make() -> Strategy:
        strategy: Strategy = point.load()()
        return strategy

    return make
